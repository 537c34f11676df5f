"""SGD against its formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError
from tests.optim.trajectory import agree, follow, restate

GRID: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.1},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.3},
    {"momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
]


@pytest.mark.parametrize("options", GRID, ids=str)
def test_formula(options: dict[str, Any]) -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        momentum, dampening = options.get("momentum", 0.0), options.get("dampening", 0.0)
        g = g + options.get("weight_decay", 0.0) * p
        memory["b"] = g if t == 1 else momentum * memory["b"] + (1 - dampening) * g
        if not momentum:
            return p - 0.1 * g
        return p - 0.1 * (g + momentum * memory["b"] if options.get("nesterov") else memory["b"])

    agree(follow(lambda ps: optim.SGD(ps, lr=0.1, **options), 7), restate(update, 7))


def test_plain_descent_keeps_no_state() -> None:
    opt = optim.SGD([rp.ones(2, requires_grad=True)])
    assert list(opt.state.values()) == [{}]


def test_momentum_may_be_added_later() -> None:
    w = rp.ones(1, dtype=rp.float64, requires_grad=True)
    opt = optim.SGD([w], lr=1.0)
    for momentum, expected in ((0.0, 0.0), (0.5, -1.0), (0.5, -2.5)):
        opt.param_groups[0]["momentum"] = momentum
        w.grad = rp.ones(1, dtype=rp.float64)
        opt.step()
        assert w.item() == expected


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "dampening": 0.1}], ids=str)
def test_nesterov_needs_momentum(options: dict[str, Any]) -> None:
    w = rp.ones(1, requires_grad=True)
    with pytest.raises(ArgumentError, match="nesterov=True with momentum=") as error:
        optim.SGD([w], nesterov=True, **options)
    assert "momentum above 0" in str(error.value)


def test_quadratic_bowl() -> None:
    w = rp.tensor([5.0, -3.0], requires_grad=True)
    opt = optim.SGD([w], lr=0.05, momentum=0.9)
    for _ in range(300):
        opt.zero_grad()
        (w * w * rp.asarray([1.0, 10.0])).sum().backward()
        opt.step()
    assert np.abs(w.numpy()).max() < 1e-4
