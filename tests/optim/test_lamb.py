"""LAMB against the paper's algorithm 2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from tests.optim.trajectory import agree, follow, restate


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_formula(decay: float) -> None:
    b1, b2 = 0.8, 0.9

    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        m = memory["m"] = b1 * memory.get("m", 0.0) + (1 - b1) * g
        v = memory["v"] = b2 * memory.get("v", 0.0) + (1 - b2) * g**2
        r = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + 1e-6) + decay * p
        return p - 0.1 * np.linalg.norm(p) / np.linalg.norm(r) * r

    def make(params: Any) -> optim.LAMB:
        return optim.LAMB(params, lr=0.1, betas=(b1, b2), weight_decay=decay)

    agree(follow(make, 7), restate(update, 7))


def test_zeros_can_be_left() -> None:
    w = rp.zeros(2, requires_grad=True)
    w.grad = rp.asarray([1.0, -1.0])
    optim.LAMB([w], lr=0.5).step()
    np.testing.assert_allclose(w.numpy(), [-0.5, 0.5], rtol=1e-5)


def test_no_change_is_no_change() -> None:
    w = rp.ones(2, requires_grad=True)
    w.grad = rp.zeros(2)
    optim.LAMB([w], lr=0.5, weight_decay=0.0).step()
    assert w.tolist() == [1.0, 1.0]
