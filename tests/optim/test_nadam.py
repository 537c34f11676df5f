"""NAdam against the paper's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


@pytest.mark.parametrize("decoupled", [False, True])
def test_formula(decoupled: bool) -> None:
    lr, b1, b2, psi, decay = 0.02, 0.8, 0.9, 0.01, 0.1

    def mu(t: int) -> float:
        return b1 * (1 - 0.5 * 0.96 ** (t * psi))

    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        if decoupled:
            p = p - lr * decay * p
        else:
            g = g + decay * p
        m = memory["m"] = b1 * memory.get("m", 0.0) + (1 - b1) * g
        v = memory["v"] = b2 * memory.get("v", 0.0) + (1 - b2) * g**2
        product = float(np.prod([mu(i) for i in range(1, t + 1)]))
        ahead = mu(t + 1) * m / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
        return p - lr * ahead / (np.sqrt(v / (1 - b2**t)) + 1e-8)

    def make(params: Any) -> optim.NAdam:
        return optim.NAdam(
            params, lr=lr, betas=(b1, b2), momentum_decay=psi, weight_decay=decay,
            decoupled_weight_decay=decoupled,
        )  # fmt: skip

    agree(follow(make, 7), restate(update, 7))
