"""How far updates move the weights."""

from __future__ import annotations

import numpy as np

from retroprop import nn
from retroprop.health.rules.moves import matrices, middles, update_ratios
from tests.health.networks import deep, watched


def test_only_the_weights_of_units_are_looked_at() -> None:
    model = nn.Sequential(nn.Linear(8, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 3))
    names, values = matrices(watched(model, steps=2).history, "weight")
    assert names == ["0.weight", "3.weight"]
    assert values.shape == (2, 2)


def test_a_ratio_is_the_update_in_the_weight() -> None:
    history = watched(deep(nn.ReLU, layers=3), steps=2).history
    names, ratios = update_ratios(history)
    assert names == ["0.weight", "2.weight", "4.weight"]
    _, gradients = matrices(history, "gradient")
    _, weights = matrices(history, "weight")
    np.testing.assert_allclose(ratios, 0.01 * np.sqrt(gradients / weights), rtol=1e-3)


def test_weights_that_start_at_zero_are_left_out() -> None:
    model = deep(nn.ReLU, layers=3)
    nn.init.zeros_(model[4].weight)
    assert update_ratios(watched(model, steps=2).history)[0] == ["0.weight", "2.weight"]


def test_the_middle_of_nothing_is_zero() -> None:
    assert middles(np.array([[np.nan], [2.0]])).tolist() == [0.0, 2.0]
