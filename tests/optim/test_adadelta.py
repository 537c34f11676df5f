"""Adadelta against the paper's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


def test_formula() -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        g = g + 0.1 * p
        v = memory["v"] = 0.8 * memory.get("v", 0.0) + 0.2 * g**2
        change = np.sqrt(memory.get("u", 0.0) + 1e-5) / np.sqrt(v + 1e-5) * g
        memory["u"] = 0.8 * memory.get("u", 0.0) + 0.2 * change**2
        return p - 0.5 * change

    def make(params: Any) -> optim.Adadelta:
        return optim.Adadelta(params, lr=0.5, rho=0.8, eps=1e-5, weight_decay=0.1)

    agree(follow(make, 7), restate(update, 7))
