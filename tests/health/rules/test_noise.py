"""Gradients that are mostly noise."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import nn
from retroprop.health import Probe
from retroprop.health.rules.moves import matrices
from retroprop.health.rules.noise import noisy_gradient
from retroprop.nn import functional as F
from tests.health.networks import batch, deep
from tests.health.rules.trainings import dense, fitted, healthy


def noisy(count: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Classes that the inputs say little about."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((count, 8)).astype("f4")
    return x, (x[:, 0] + 4 * rng.standard_normal(count) > 0).astype("i8")


@pytest.mark.parametrize("size", [1, 2])
def test_tiny_batches_of_noisy_examples_are_found(size: int) -> None:
    model = lambda: dense(outputs=2)  # noqa: E731
    data = {"data": noisy(), "batch_size": size, "lr": 0.1, "optimizer": "sgd", "epochs": 2}
    (finding,) = noisy_gradient(fitted(model, **data, looks=20))
    assert f"batch_size={size}" in finding.what
    assert finding.fixes[0] == {"batch_size": 32}


def test_tiny_batches_that_learn_are_not() -> None:
    assert list(noisy_gradient(healthy("tiny batches"))) == []


def test_the_share_of_noise_is_that_of_single_examples() -> None:
    model, (x, y) = deep(nn.ReLU, layers=3), batch(16)
    singles = []
    for i in range(16):
        F.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
        singles.append(model[2].weight.grad.numpy().copy())
        model.zero_grad()
    with Probe(model) as probe:
        F.cross_entropy(model(x), y).backward()
    probe.parameters()
    whole = np.mean(singles, axis=0)
    spread = np.square(np.array(singles) - whole).sum() / 15 / 16
    expected = spread / np.square(whole).sum()
    assert probe.values["noise", "2.weight"].item() == pytest.approx(expected, rel=1e-3)


def test_layers_that_are_called_twice_tell_nothing() -> None:
    layer = nn.Linear(8, 8)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    with Probe(model) as probe:
        model(batch()[0]).sum().backward()
    probe.parameters()
    assert not any(what == "noise" for what, _ in probe.values)
    assert matrices(healthy("gru"), "noise")[0] == ["head.weight"]
