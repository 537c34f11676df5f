"""Rprop, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

import retroprop as rp
from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


def test_formula() -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        size = memory.setdefault("size", np.full_like(p, 0.2))
        before = memory.setdefault("g", np.zeros_like(p))
        p = p.copy()
        for i in np.ndindex(*p.shape):
            if g[i] * before[i] > 0:
                size[i] = min(size[i] * 1.3, 0.5)
            elif g[i] * before[i] < 0:
                size[i] = max(size[i] * 0.4, 0.01)
                before[i] = 0.0
                continue
            p[i] -= np.sign(g[i]) * size[i]
            before[i] = g[i]
        return p

    def make(params: Any) -> optim.Rprop:
        return optim.Rprop(params, lr=0.2, etas=(0.4, 1.3), step_sizes=(0.01, 0.5))

    agree(follow(make, 25), restate(update, 25))


def test_starts_with_the_rate_of_the_first_step() -> None:
    w = rp.tensor([1.0], requires_grad=True)
    opt = optim.Rprop([w], lr=0.5)
    opt.lr = 0.25
    w.grad = rp.ones(1)
    opt.step()
    opt.lr = 100.0
    w.grad = rp.ones(1)
    opt.step()
    np.testing.assert_allclose(w.numpy(), [1.0 - 0.25 - 0.25 * 1.2], rtol=1e-6)
