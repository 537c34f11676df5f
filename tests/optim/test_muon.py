"""Muon against a plain restatement of Jordan's code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from tests.optim.trajectory import agree, follow, restate

A, B, C = 3.4445, -4.7750, 2.0315


def newton_schulz(g: Any, steps: int = 5) -> Any:
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / max(np.linalg.norm(x), 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x.T if g.shape[0] > g.shape[1] else x


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("adjust", ["original", "match_rms_adamw", None])
def test_formula(nesterov: bool, adjust: str | None) -> None:
    lr, decay = 0.02, 0.1

    def matrix(p: Any, g: Any, memory: dict[str, Any]) -> Any:
        buffer = memory["b"] = 0.9 * memory.get("b", 0.0) + 0.1 * g
        direction = newton_schulz(0.1 * g + 0.9 * buffer if nesterov else buffer)
        scale = max(1.0, p.shape[0] / p.shape[1]) ** 0.5
        if adjust == "match_rms_adamw":
            scale = 0.2 * max(p.shape) ** 0.5
        return p * (1 - lr * decay) - lr * scale * direction

    def vector(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        m = memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
        v = memory["v"] = 0.95 * memory.get("v", 0.0) + 0.05 * g**2
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-8)
        return p * (1 - 0.5 * lr * decay) - 0.5 * lr * step

    def update(p: Any, g: Any, memory: dict[str, Any], t: int) -> Any:
        return matrix(p, g, memory) if p.ndim == 2 else vector(p, g, memory, t)

    def make(params: Any) -> optim.Muon:
        return optim.Muon(
            params, lr=lr, momentum=0.9, nesterov=nesterov, adjust_lr_fn=adjust, adamw_scale=0.5
        )

    agree(follow(make, 6), restate(update, 6), rtol=1e-9)


@pytest.mark.parametrize("shape", [(8, 3), (3, 8), (4, 2, 3, 3)], ids=str)
def test_singular_values_become_alike(shape: tuple[int, ...]) -> None:
    w = rp.zeros(shape, requires_grad=True)
    w.grad = rp.asarray(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    optim.Muon([w], lr=1.0).step()
    matrix = w.numpy().reshape(shape[0], -1)
    values = np.linalg.svd(matrix / max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5)[1]
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_a_group_may_ask_for_adamw() -> None:
    w, embedding = (rp.ones((2, 2), requires_grad=True) for _ in range(2))
    opt = optim.Muon([{"params": [w]}, {"params": [embedding], "orthogonalise": False}])
    assert set(opt.state[w]) == {"momentum_buffer"}
    assert set(opt.state[embedding]) == {"exp_avg", "exp_avg_sq"}


def test_empty_and_zero_matrices() -> None:
    none, zero = rp.zeros((0, 3), requires_grad=True), rp.zeros((2, 3), requires_grad=True)
    opt = optim.Muon([none, zero])
    for param in (none, zero):
        param.grad = rp.zeros(param.shape)
    opt.step()
    assert zero.tolist() == [[0.0] * 3] * 2
