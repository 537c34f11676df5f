"""What leaves a loop, and what stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.ir.graph import nodes_within


def rand(*shape: int, seed: int = 0) -> rp.Tensor:
    return rp.asarray(np.random.default_rng(seed).standard_normal(shape))


H, W, U, V = rand(2, 3), rand(4, 3, seed=1), rand(3, 3, seed=2), rand(7, 3, seed=5)
X, B = rand(5, 2, 4, seed=3), rand(3, seed=4)


def compiled(step: Any) -> tuple[list[str], list[str]]:
    """Names of the ops around a loop and in it; its results are those of the eager loop."""

    def run(h: rp.Tensor, x: rp.Tensor) -> Any:
        last, ys = rp.scan(step, h, x)
        return [last, ys]

    program = rp.compile(run)
    for found, expected in zip(program(H, X), run(H, X), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, atol=1e-13)
    outside = {node.op.name: None for node in program.graph.nodes}
    inside = [n for n in nodes_within(program.graph) if n not in program.graph.nodes]
    return [*outside], [node.op.name for node in inside]


def test_products_with_sequences_come_before():
    outside, inside = compiled(lambda h, x: (rp.tanh(x @ W + h @ U), h))
    assert "matmul" in outside
    assert inside.count("matmul") == 1


def test_products_that_nothing_carried_needs_come_behind():
    outside, inside = compiled(lambda h, x: (rp.tanh(h + x[:, :3]), rp.exp(h @ U + B)))
    assert {"matmul", "exp"} <= set(outside)
    assert "matmul" not in inside
    assert "exp" not in inside


def test_what_all_steps_share_is_made_once():
    outside, inside = compiled(lambda h, x: (h * rp.exp(B) + x[:, :3], None or h))
    assert "exp" in outside
    assert "exp" not in inside


def test_work_without_products_stays():
    outside, inside = compiled(lambda h, x: (h + rp.sin(x[:, :3]), rp.cos(h)))
    assert outside == ["scan"]
    assert {"sin", "cos"} <= set(inside)


@pytest.mark.parametrize(
    "step",
    [
        lambda h, x: (h + rp.tanh(x) @ W, h),
        lambda h, x: (h + (x * B[0] + rp.sum(x, axis=1, keepdims=True)) @ W, h),
        lambda h, x: (h, rp.max(h @ U, axis=-1) + rp.sum(h @ U)),
        lambda h, x: (h * 0.5, ((h @ U).reshape((6,)) + 1).reshape((3, 2)).T + B),
        lambda h, x: (h * 0.5, rp.concat([h @ U, h], axis=-1)),
        lambda h, x: (h * 0.5, (h @ U)[:, 1:] * B[:1]),
        lambda h, x: (h * 0.5, rp.broadcast_to((h @ U)[:1], (4, 3))),
        lambda h, x: (h * 0.5, (h @ U).T @ h),
        lambda h, x: (h * 0.5, rp.softmax(h @ U, axis=-1) if hasattr(rp, "softmax") else h @ U),
        lambda h, x: (h * 0.5, rp.sort(h @ U, axis=-1)),
        lambda h, x: (h + rp.concat([x, rp.zeros((2, 3))], axis=-1) @ V, h),
        lambda h, x: (h + rp.concat([x, rp.broadcast_to(B, (2, 3))], axis=-1) @ V, h),
        lambda h, x: (h + rp.broadcast_to(B, (2, 3)) @ U, h),
        lambda h, x: (h + rp.ones((2, 3)) @ U, h),
        lambda h, x: (x @ W, B),
        lambda h, x: (x @ W, x),
    ],
)
def test_all_that_may_go_along(step: Any):
    compiled(step)
