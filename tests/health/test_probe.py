"""What a probe sees of a pass, eager and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.health import Probe
from tests.health.networks import batch, deep

BOTH = pytest.mark.parametrize("around", [lambda f: f, rp.compile], ids=["eager", "compiled"])


def probed(model: nn.Module, x: rp.Tensor, around: Any = lambda f: f) -> dict[Any, Any]:
    """The statistics of the gradient of the mean square of a model's output."""

    def run(x: rp.Tensor) -> Any:
        with Probe(model) as probe:
            (model(x) ** 2).mean().backward()
        probe.parameters()
        model.zero_grad()
        return probe.values

    return {key: value.numpy() for key, value in around(run)(x).items()}


@BOTH
def test_statistics_are_what_they_are_called(around: Any) -> None:
    model = nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    with rp.no_grad():
        model[2].bias.assign(rp.asarray([-99.0, 0.0, 0.0, 0.0]))
        model[0].weight.assign(model[0].weight * 8)
    x, _ = batch()
    seen = probed(model, x, around)
    first = model[0](x)
    tanh = np.tanh(first.detach().numpy())
    relu = np.maximum(model[2](rp.asarray(tanh)).detach().numpy(), 0)
    expected = {
        ("activation", "0"): (first.detach().numpy() ** 2).mean(),
        ("spread", "0"): first.detach().numpy().var(axis=0).mean(),
        ("saturated", "1:tanh"): (np.abs(tanh) > 0.95).mean(),
        ("zero", "3:relu"): (relu == 0).mean(),
        ("dead", "3:relu"): 0.25,
        ("weight", "4.weight"): (model[4].weight.detach().numpy() ** 2).mean(),
        ("still", "2.weight"): 0.25,  # the dead unit's row
    }
    for key, value in expected.items():
        np.testing.assert_allclose(seen[key], value, rtol=1e-5, err_msg=str(key))
    hidden = first.detach().requires_grad_()
    (model[4](model[3](model[2](model[1](hidden)))) ** 2).mean().backward()
    np.testing.assert_allclose(seen["gradient", "0"], (hidden.grad.numpy() ** 2).mean(), rtol=1e-5)


@BOTH
def test_a_sequence_shows_its_gradient_step_by_step(around: Any) -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.layer = nn.Embedding(5, 3), nn.GRU(3, 4, batch_first=True)

        def forward(self, x: rp.Tensor) -> rp.Tensor:
            return self.layer(self.table(x))[0][:, -1]

    seen = probed(Reader(), rp.asarray(np.arange(12).reshape(2, 6) % 5), around)
    steps = seen["by step", "layer:input"]
    assert steps.shape == (6,)
    assert steps[-1] > steps[0] > 0
    assert seen["still", "table.weight"] == 0


def test_layers_come_in_the_order_of_the_pass() -> None:
    model = deep(nn.Sigmoid, layers=3)
    with Probe(model) as probe:
        model(batch()[0])
    names = [site.name for site in probe.sites]
    assert names == ["0", "1:sigmoid", "2", "3:sigmoid", "4"]
    assert [site.units for site in probe.sites] == [32, 32, 32, 32, 3]


def test_a_layer_that_is_called_twice_is_one_place() -> None:
    layer = nn.Linear(4, 4)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: rp.Tensor) -> rp.Tensor:
            return rp.tanh(self.layer(rp.tanh(self.layer(x))))

    with Probe(Twice()) as probe:
        Twice()(rp.ones((2, 4)))
    with Probe(model := Twice()) as probe:
        model(rp.ones((2, 4)))
    assert [site.name for site in probe.sites] == ["layer", ":tanh", ":tanh 2"]


def test_it_leaves_no_hooks_behind() -> None:
    model = deep(nn.ReLU, layers=3)
    with Probe(model) as probe:
        pass
    model(batch()[0])
    assert probe.sites == []
