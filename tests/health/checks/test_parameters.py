"""Parameters that will not learn."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.health.checks.parameters import frozen_at_random, no_gradient, not_optimized
from tests.health.checks.cases import case, mlp


class Cut(nn.Module):
    def __init__(self, *, use: bool = True) -> None:
        self.first, self.last, self.use = nn.Linear(8, 16), nn.Linear(16, 3), use

    def forward(self, x):
        return self.last(self.first(x).detach() if self.use else rp.ones((64, 16)))


def test_a_way_that_is_cut():
    (finding,) = no_gradient(case(Cut()))
    assert finding.where == ("first.weight", "first.bias")
    assert "cut" in finding.why
    (finding,) = no_gradient(case(Cut(use=False)))
    assert "never called" in finding.why
    assert list(no_gradient(case())) == []


def test_parameters_that_no_optimizer_holds():
    model = mlp()
    assert list(not_optimized(case(model))) == []
    half = optim.SGD(model[0].parameters(), lr=0.1)
    (finding,) = not_optimized(case(model, optimizer=half))
    assert finding.where == ("2.weight", "2.bias", "4.weight", "4.bias")
    other = optim.SGD(mlp().parameters(), lr=0.1)
    (finding,) = not_optimized(case(model, optimizer=other))
    assert finding.weight == 1.0


def frozen(fill=None):
    model = mlp()
    model[0].requires_grad_(False)
    model[2].requires_grad_(False)
    if fill is not None:
        for layer in (model[0], model[2]):
            fill(layer.weight)
    return model


@pytest.mark.parametrize("fill", [None, nn.init.kaiming_normal_, nn.init.xavier_uniform_])
def test_frozen_as_they_were_drawn(fill):
    (finding,) = frozen_at_random(case(frozen(fill)))
    assert finding.where == ("0.weight", "2.weight")
    assert finding.weight >= 0.5


def test_frozen_after_training_is_meant():
    def learnt(weight):
        values = np.random.default_rng(0).standard_normal(weight.shape)
        low = values[:, :2] @ np.random.default_rng(1).standard_normal((2, weight.shape[1]))
        weight.assign(rp.asarray((0.1 * values + 0.3 * low).astype("f4")))

    with rp.no_grad():
        model = frozen(learnt)
    assert list(frozen_at_random(case(model))) == []
    assert list(frozen_at_random(case())) == []


def test_nothing_left_to_train():
    (finding,) = frozen_at_random(case(mlp().requires_grad_(False)))
    assert finding.weight == 1.0
