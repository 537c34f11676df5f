"""Lion against the paper's algorithm 2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_formula(decay: float) -> None:
    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        m = memory.get("m", np.zeros_like(p))
        direction = np.sign(0.8 * m + 0.2 * g)
        memory["m"] = 0.95 * m + 0.05 * g
        return p - 0.01 * (direction + decay * p)

    def make(params: Any) -> optim.Lion:
        return optim.Lion(params, lr=0.01, betas=(0.8, 0.95), weight_decay=decay)

    agree(follow(make, 20), restate(update, 20))


def test_every_element_moves_by_the_rate() -> None:
    w = rp.zeros(3, requires_grad=True)
    w.grad = rp.asarray([1e-9, -1.0, 1e9])
    optim.Lion([w], lr=0.5).step()
    assert w.tolist() == [-0.5, 0.5, -0.5]
