"""Adam against the paper's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from tests.optim.trajectory import agree, follow, restate

GRID: list[dict[str, Any]] = [
    {},
    {"betas": (0.5, 0.7), "eps": 1e-2},
    {"weight_decay": 0.1},
    {"amsgrad": True, "betas": (0.5, 0.6)},
    {"weight_decay": 0.1, "decoupled_weight_decay": True},
]


@pytest.mark.parametrize("options", GRID, ids=str)
def test_formula(options: dict[str, Any]) -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        b1, b2 = options.get("betas", (0.9, 0.999))
        decay = options.get("weight_decay", 0.0)
        if options.get("decoupled_weight_decay"):
            p = p - 0.1 * decay * p
        else:
            g = g + decay * p
        m = memory["m"] = b1 * memory.get("m", 0.0) + (1 - b1) * g
        v = memory["v"] = b2 * memory.get("v", 0.0) + (1 - b2) * g**2
        if options.get("amsgrad"):
            v = memory["largest"] = np.maximum(memory.get("largest", 0.0), v)
        step = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + options.get("eps", 1e-8))
        return p - 0.1 * step

    agree(follow(lambda ps: optim.Adam(ps, lr=0.1, **options), 7), restate(update, 7))


def test_first_step_has_the_length_of_the_rate() -> None:
    w = rp.tensor(np.array([1.0, 1.0, 1.0]), requires_grad=True)
    opt = optim.Adam([w], lr=0.01)
    w.grad = rp.asarray(np.array([1e-3, -1.0, 1e3]))
    opt.step()
    np.testing.assert_allclose(w.numpy() - 1.0, [-0.01, 0.01, -0.01], rtol=2e-5)


def test_no_gradient_no_step() -> None:
    w = rp.ones(2, requires_grad=True)
    opt = optim.Adam([w])
    w.grad = rp.zeros(2)
    opt.step()
    assert w.tolist() == [1.0, 1.0]


def test_quadratic_bowl() -> None:
    w = rp.tensor([5.0, -3.0], requires_grad=True)
    opt = optim.Adam([w], lr=optim.schedule.cosine(0.3, steps=300))
    for _ in range(300):
        opt.zero_grad()
        (w * w * rp.asarray([1.0, 100.0])).sum().backward()
        opt.step()
    assert np.abs(w.numpy()).max() < 1e-3
