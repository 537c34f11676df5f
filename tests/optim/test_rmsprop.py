"""RMSprop against its formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_formula(centered: bool, momentum: float, decay: float) -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        g = g + decay * p
        v = memory["v"] = 0.9 * memory.get("v", 0.0) + 0.1 * g**2
        a = memory["a"] = 0.9 * memory.get("a", 0.0) + 0.1 * g
        direction = g / (np.sqrt(v - a**2 * centered) + 1e-6)
        b = memory["b"] = momentum * memory.get("b", 0.0) + direction
        return p - 0.01 * b

    def make(params: Any) -> optim.RMSprop:
        return optim.RMSprop(
            params, alpha=0.9, eps=1e-6, weight_decay=decay, momentum=momentum, centered=centered
        )

    agree(follow(make, 7), restate(update, 7))


def test_a_constant_gradient_has_no_negative_variance() -> None:
    w = rp.zeros(64, requires_grad=True)
    opt = optim.RMSprop([w], alpha=0.5, eps=1e-3, centered=True)
    g = np.random.default_rng(0).normal(size=64).astype(np.float32)
    for _ in range(60):
        w.grad = rp.asarray(g)
        opt.step()
    assert np.isfinite(w.numpy()).all()


def test_options_may_be_switched_on_later() -> None:
    w = rp.zeros(2, requires_grad=True)
    opt = optim.RMSprop([w])
    opt.param_groups[0]["momentum"] = 0.9
    opt.param_groups[0]["centered"] = True
    w.grad = rp.ones(2)
    opt.step()
    assert set(opt.state[w]) == {"square_avg", "grad_avg", "momentum_buffer"}
