"""Adamax against the paper's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_formula(decay: float) -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        g = g + decay * p
        m = memory["m"] = 0.8 * memory.get("m", 0.0) + 0.2 * g
        u = memory["u"] = np.maximum(0.9 * memory.get("u", 0.0), np.abs(g) + 1e-8)
        return p - 0.1 / (1 - 0.8**t) * m / u

    def make(params: Any) -> optim.Adamax:
        return optim.Adamax(params, lr=0.1, betas=(0.8, 0.9), weight_decay=decay)

    agree(follow(make, 7), restate(update, 7))
