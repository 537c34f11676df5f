"""Saturated units, from the start and on the way."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.health.rules.saturated import saturated_units
from tests.health.networks import history
from tests.health.rules.trainings import blobs, dense, fitted, healthy, scaled


def test_large_weights_saturate_from_the_start() -> None:
    (finding,) = saturated_units(fitted(lambda: scaled(dense(nn.Tanh), "weight", 20.0), epochs=3))
    assert finding.where[0] in {"1:tanh", "3:tanh"}
    assert "from the start" in finding.why
    assert "scale the inputs" in finding.remedy


def test_large_inputs_do_too() -> None:
    x, y = blobs()
    (finding,) = saturated_units(fitted(lambda: dense(nn.Sigmoid), (1000 * x, y), epochs=3))
    assert finding.where == ("1:sigmoid",)


def test_long_steps_saturate_on_the_way() -> None:
    made = history("tanh", "saturated", [[0.1], [0.5], [0.9], [0.95]])
    made.sites += history("layer", "gradient", [[1.0, 1.0]]).sites[1:]
    made.losses = [1.0] * 100
    (finding,) = saturated_units(made)
    assert finding.step == 30
    assert "10% at step 10" in finding.what
    assert finding.remedy.startswith("lr=0.01")
    made.losses = list(np.linspace(1, 0.1, 100))
    assert list(saturated_units(made)) == []


def test_an_answer_may_be_certain() -> None:
    x, y = blobs()

    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())

    easy = (4 * x, (x[:, :1] > 0).astype("f4"))
    made = fitted(model, easy, loss="binary_cross_entropy", epochs=10)
    assert made.latest("saturated", "sigmoid")["3:sigmoid"] > 0.5
    assert list(saturated_units(made)) == []
    assert len(y) == len(x)


def test_networks_that_learn_are_left_alone() -> None:
    rp.manual_seed(0)
    assert list(saturated_units(healthy("tanh"))) == []
