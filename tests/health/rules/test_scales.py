"""Layers of very different sizes, and weights that grow."""

from __future__ import annotations

import numpy as np

from retroprop import nn
from retroprop.health import History, Site
from retroprop.health.rules.scales import growing_weights, mixed_scales
from tests.health.rules.trainings import blobs, dense, fitted, healthy, scaled


def mixed() -> nn.Module:
    return scaled(scaled(dense(), "0.weight", 200.0), "4.weight", 0.005)


def test_a_huge_layer_beside_a_tiny_one_is_found() -> None:
    (finding,) = mixed_scales(fitted(mixed, epochs=3, lr=1e-4))
    assert finding.where == ("0.weight", "4.weight")
    assert {"init": "he"} in finding.fixes


def grown(*gains: float, losses: list[float]) -> History:
    made = History([Site("0.weight", "parameter", 64, 1, 16)])
    for number, gain in enumerate(gains):
        made.add(10 * (number + 1), 0.1, {("weight", "0.weight"): gain**2 / 16})
    made.losses = losses
    return made


def test_weights_that_grow_for_nothing_are_found() -> None:
    (finding,) = growing_weights(grown(1.0, 3.0, 9.0, 20.0, losses=[1.0] * 60))
    assert "20.0 times" in finding.what
    assert {"optimizer": "adamw", "weight_decay": 0.1} in finding.fixes


def test_weights_that_grow_and_learn_are_not() -> None:
    falling = [0.95**i for i in range(60)]
    assert list(growing_weights(grown(1.0, 3.0, 9.0, 20.0, losses=falling))) == []
    assert list(growing_weights(grown(1.0, 30.0, 20.0, 9.0, losses=[1.0] * 60))) == []
    assert list(growing_weights(grown(0.01, 0.1, 0.5, 1.0, losses=[1.0] * 60))) == []


def test_long_steps_make_weights_grow() -> None:
    x, y = blobs(1024)
    unrelated = x, np.random.default_rng(0).permutation(y)
    made = fitted(lambda: dense(nn.LeakyReLU), unrelated, lr=1.0, epochs=3, looks=2)
    assert [finding.rule for finding in growing_weights(made)] == ["growing_weights"]


def test_healthy_networks_are_of_one_size() -> None:
    for name in ("dense", "batch norm", "words", "converged"):
        assert list(mixed_scales(healthy(name))) == list(growing_weights(healthy(name))) == []
