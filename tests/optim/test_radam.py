"""RAdam against the paper's algorithm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.7, 0.8), (0.5, 0.3)], ids=str)
@pytest.mark.parametrize("decoupled", [False, True])
def test_formula(betas: tuple[float, float], decoupled: bool) -> None:
    b1, b2 = betas
    lr, decay = 0.05, 0.1
    limit = 2 / (1 - b2) - 1

    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        if decoupled:
            p = p - lr * decay * p
        else:
            g = g + decay * p
        m = memory["m"] = b1 * memory.get("m", 0.0) + (1 - b1) * g
        v = memory["v"] = b2 * memory.get("v", 0.0) + (1 - b2) * g**2
        length = limit - 2 * t * b2**t / (1 - b2**t)
        if length <= 5:
            return p - lr * m / (1 - b1**t)
        r = math.sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))
        return p - lr * m / (1 - b1**t) * r * math.sqrt(1 - b2**t) / (np.sqrt(v) + 1e-8)

    def make(params: Any) -> optim.RAdam:
        return optim.RAdam(
            params, lr=lr, betas=betas, weight_decay=decay, decoupled_weight_decay=decoupled
        )

    agree(follow(make, 9), restate(update, 9))
