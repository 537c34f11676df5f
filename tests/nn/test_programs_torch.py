"""Whole programs as people write them for PyTorch, a few steps beside it: the same losses."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim

torch = pytest.importorskip("torch")

Losses = list[float]
THEIRS = (torch, torch.nn, torch.optim, torch.tensor)
OURS = (rp, nn, optim, rp.asarray)


def beside(build: Callable[[Any, Any], Any], train: Callable[..., Losses]) -> None:
    """Train one model with both libraries, from the same weights."""
    torch.manual_seed(0)
    theirs = build(torch, torch.nn)
    ours = build(rp, nn)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    expected = train(theirs, *THEIRS)
    np.testing.assert_allclose(train(ours, *OURS), expected, rtol=2e-4)
    assert expected[-1] < expected[0]


def data(*shapes: tuple[int, ...]) -> list[Any]:
    draw = np.random.default_rng(0)
    return [draw.normal(size=shape).astype(np.float32) for shape in shapes]


def residual(lib: Any, nn: Any) -> Any:
    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(planes)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.downsample = None
            if stride != 1 or inplanes != planes:
                conv = nn.Conv2d(inplanes, planes, 1, stride, bias=False)
                self.downsample = nn.Sequential(conv, nn.BatchNorm2d(planes))

        def forward(self, x: Any) -> Any:
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            out += x if self.downsample is None else self.downsample(x)
            return self.relu(out)

    stem = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.MaxPool2d(2))
    head = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(8, 5))
    return nn.Sequential(stem, Block(4, 4), Block(4, 8, 2), head)


def test_residual_network():
    (images,) = data((6, 3, 14, 14))
    labels = np.arange(6) % 5

    def train(model: Any, lib: Any, nn: Any, optim: Any, tensor: Any) -> Losses:
        options = {"momentum": 0.9, "weight_decay": 1e-4, "nesterov": True}
        optimizer, losses = optim.SGD(model.parameters(), lr=0.01, **options), []
        scheduler = optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
        for _ in range(4):
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(model(tensor(images)), tensor(labels))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        model.eval()
        with lib.no_grad():
            losses += model(tensor(images[:1])).tolist()[0]
        return [*losses, 0.0]

    beside(residual, train)


def language(lib: Any, nn: Any) -> Any:
    class Model(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Embedding(20, 8)
            self.rnn = nn.LSTM(8, 8, num_layers=2, batch_first=True)
            self.decoder = nn.Linear(8, 20)
            self.decoder.weight = self.encoder.weight

        def forward(self, x: Any, hidden: Any = None) -> Any:
            out, hidden = self.rnn(self.encoder(x), hidden)
            return self.decoder(out), hidden

    return Model()


def test_language_model_with_tied_weights_and_a_carried_state():
    text = np.random.default_rng(1).integers(0, 20, (4, 13))

    def train(model: Any, lib: Any, nn: Any, optim: Any, tensor: Any) -> Losses:
        assert len(list(model.parameters())) == 10
        optimizer, hidden, losses = optim.AdamW(model.parameters(), lr=1e-2), None, []
        for _ in range(4):
            hidden = hidden and tuple(one.detach() for one in hidden)
            optimizer.zero_grad()
            out, hidden = model(tensor(text[:, :-1]), hidden)
            target = tensor(text[:, 1:]).reshape(-1)
            loss = nn.functional.cross_entropy(out.reshape(-1, 20), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    beside(language, train)


def pair(lib: Any, nn: Any) -> Any:
    generator = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(True), nn.Linear(8, 6))
    discriminator = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 1))
    return nn.ModuleDict({"g": generator, "d": discriminator})


def test_adversaries_with_an_optimizer_each():
    real, noise = data((8, 6), (8, 4))

    def train(model: Any, lib: Any, nn: Any, optim: Any, tensor: Any) -> Losses:
        g, d, criterion, losses = model["g"], model["d"], nn.BCEWithLogitsLoss(), []
        step_g = optim.Adam(g.parameters(), lr=2e-3, betas=(0.5, 0.999))
        step_d = optim.RMSprop(d.parameters(), lr=2e-3)
        ones, zeros = lib.ones((8, 1)), lib.zeros((8, 1))
        for _ in range(4):
            fake = g(tensor(noise))
            d.zero_grad()
            loss = criterion(d(tensor(real)), ones) + criterion(d(fake.detach()), zeros)
            loss.backward()
            step_d.step()
            step_g.zero_grad()
            criterion(d(fake), ones).backward()
            step_g.step()
            losses.append(loss.item())
        return losses

    beside(pair, train)


def test_a_target_network_follows_frozen():
    before, after = data((8, 4), (8, 4))

    def build(lib: Any, nn: Any) -> Any:
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))

    def train(model: Any, lib: Any, nn: Any, optim: Any, tensor: Any) -> Losses:
        target, losses = copy.deepcopy(model).requires_grad_(False), []
        optimizer = optim.Adam(model.parameters(), lr=1e-2, amsgrad=True)
        for _ in range(5):
            with lib.no_grad():
                goal = target(tensor(after)) * 0.9 + 1.0
            loss = nn.SmoothL1Loss()(model(tensor(before)), goal)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            old, new = target.state_dict(), model.state_dict()
            target.load_state_dict({key: 0.5 * old[key] + 0.5 * new[key] for key in new})
        assert not any(one.requires_grad for one in target.parameters())
        return losses

    beside(build, train)
