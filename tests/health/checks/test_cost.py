"""Seconds and bytes."""

from __future__ import annotations

from retroprop import nn, optim
from retroprop.health.checks.cost import estimate, too_much_memory
from tests.health.checks.cases import case, mlp


def test_an_estimate():
    model = mlp()
    before = model[0].weight.numpy().copy()
    cost = estimate(case(model, options={"batch_size": 16}))
    numbers = sum(param.size for param in model.parameters())
    assert cost.parameter_bytes == 4 * numbers
    assert cost.optimizer_bytes >= 8 * numbers
    assert cost.batch_size == 16
    assert cost.seconds_per_epoch == 4 * cost.seconds_per_step
    assert cost.peak_bytes > 16 * 32 * 4
    assert "a step of 16" in str(cost)
    assert (model[0].weight.numpy() == before).all()


def test_no_estimate_without_a_step():
    assert estimate(case(mlp(), optimizer=None)) is None
    assert estimate(case(nn.Linear(7, 3))) is None


def test_more_memory_than_there_is():
    made = case(mlp(), optimizer=optim.SGD(mlp().parameters(), lr=0.1))
    cost = estimate(case())
    assert list(too_much_memory(made, cost)) == []
    (finding,) = too_much_memory(made, cost._replace(peak_bytes=1 << 60))
    assert finding.fixes == ({"batch_size": 16},)
