"""Units that are equal and stay so."""

from __future__ import annotations

import pytest

from retroprop import nn
from retroprop.health.checks.symmetry import symmetric_start
from tests.health.checks.cases import case, mlp


@pytest.mark.parametrize("number", [0.0, 0.1])
def test_equal_units(number):
    model = mlp()
    for param in model.parameters():
        nn.init.constant_(param, number)
    (finding,) = symmetric_start(case(model))
    assert "2.weight" in finding.where
    assert finding.fixes == ({"init": "he"},)


def test_convolutions_and_recurrent_layers_too():
    conv = nn.Sequential(nn.Unflatten(1, (2, 4)), nn.Conv1d(2, 4, 3), nn.Flatten(), nn.Linear(8, 3))
    assert list(symmetric_start(case(conv))) == []
    nn.init.constant_(conv[1].weight, 0.1)
    nn.init.constant_(conv[1].bias, 0.0)
    nn.init.constant_(conv[3].weight, 0.1)
    assert [f.where for f in symmetric_start(case(conv))] == [("1.weight",)]


def test_a_last_layer_of_zeros_is_sound():
    model = mlp()
    nn.init.zeros_(model[4].weight)
    assert list(symmetric_start(case(model))) == []
    assert list(symmetric_start(case())) == []
