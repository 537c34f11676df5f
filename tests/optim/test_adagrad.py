"""Adagrad against the paper's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


@pytest.mark.parametrize("slowing", [0.0, 0.5])
@pytest.mark.parametrize("initial", [0.0, 0.3])
def test_formula(slowing: float, initial: float) -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        g = g + 0.1 * p
        s = memory["s"] = memory.get("s", initial) + g**2
        return p - 0.2 / (1 + (t - 1) * slowing) * g / (np.sqrt(s) + 1e-10)

    def make(params: Any) -> optim.Adagrad:
        return optim.Adagrad(
            params, lr=0.2, lr_decay=slowing, weight_decay=0.1, initial_accumulator_value=initial
        )

    agree(follow(make, 7), restate(update, 7))
