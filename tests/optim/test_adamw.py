"""AdamW: Adam, and decay beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

import retroprop as rp
from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


def test_formula() -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        m = memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
        v = memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * g**2
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return p * (1 - 0.05 * 0.2) - 0.05 * step

    agree(follow(lambda ps: optim.AdamW(ps, lr=0.05, weight_decay=0.2), 7), restate(update, 7))


def test_is_adam_without_decay() -> None:
    ours = follow(lambda ps: optim.AdamW(ps, lr=0.05, weight_decay=0.0), 5)
    adam = follow(lambda ps: optim.Adam(ps, lr=0.05), 5)
    assert all((a == b).all() for a, b in zip(ours, adam, strict=True))


def test_decays_by_default() -> None:
    w = rp.ones(1, requires_grad=True)
    opt = optim.AdamW([w], lr=0.5)
    w.grad = rp.zeros(1)
    opt.step()
    assert abs(w.item() - (1 - 0.5 * 0.01)) < 1e-7
