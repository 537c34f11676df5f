"""Gradients that add up from step to step."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.health.checks.zero_grad import adds_up, leftover_gradient
from retroprop.nn import functional as F
from tests.health.checks.cases import case, data, mlp


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_that_forgets_to_forget(dropout, forgets, compiled):
    model = mlp(nn.ReLU, 3, 3, nn.Dropout(dropout))
    adam = optim.Adam(model.parameters(), lr=0.01)

    def step(x, y):
        if not forgets:
            adam.zero_grad()
        loss = F.cross_entropy(model(x), y, check_logits=False)
        loss.backward()
        adam.step()
        return loss

    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    run = rp.compile(step, verbose=False) if compiled else step
    found = adds_up(run, adam, *map(rp.asarray, data()))
    assert (found is not None) == forgets
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    assert "step" not in vars(adam)
    assert model[0].weight.grad is None


def test_gathering_on_purpose_is_no_finding():
    model = mlp()
    sgd = optim.SGD(model.parameters(), lr=0.1)
    calls = []

    def step(x, y):
        (F.cross_entropy(model(x), y) / 2).backward()
        calls.append(1)
        if len(calls) % 2 == 0:
            sgd.step()
            sgd.zero_grad()

    assert adds_up(step, sgd, *map(rp.asarray, data())) is None


def test_gradients_left_over():
    model = mlp()
    assert list(leftover_gradient(case(model))) == []
    x, y = map(rp.asarray, data())
    F.cross_entropy(model(x), y).backward()
    (finding,) = leftover_gradient(case(model))
    assert len(finding.where) == 6
