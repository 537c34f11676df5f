"""The derivative of a loop: what is kept, what is computed twice, what leaves the loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.core.loops.gradient import widened
from retroprop.ir import Graph
from retroprop.ir.graph import nodes_within
from retroprop.ops import catalog

CELL = """
graph(%0: float32[4, 8], %1: float32[4, 8], %2: float32[8, 8])
  %3: float32[4, 8] = matmul(%0, %2)
  %4: float32[4, 8] = add(%3, %1)
  %5: float32[4, 8] = tanh(%4)
  %6: float32[4, 8] = multiply(%5, 0.5:float32)
  return %6, %6"""


def test_a_step_keeps_what_its_derivative_reads_and_cannot_compute_cheaply():
    body = Graph.parse(CELL, catalog)
    wide = widened(body, 1, 1, [True, True, True])
    more = wide.outputs[len(body.outputs) :]
    tanh = body.nodes[2].outputs[0]
    assert set(more) == {body.inputs[0], tanh}  # the state for the weight's gradient, and tanh
    assert widened(wide, 1, 1, [True, True, True]) is wide


def test_a_step_without_wanted_gradients_keeps_less():
    body = Graph.parse(CELL, catalog)
    wide = widened(body, 1, 1, [False, True, False])
    assert set(wide.outputs[2:]) == {body.nodes[2].outputs[0]}


def gradients(function: Any, *leaves: rp.Tensor) -> tuple[list[np.ndarray], list[np.ndarray], Any]:
    """Eager, compiled, and the compiled function."""

    def run() -> list[rp.Tensor]:
        for leaf in leaves:
            leaf.grad = None
        function().backward()
        return [leaf.grad for leaf in leaves]

    eager = [g.numpy() for g in run()]
    compiled = rp.compile(run)
    return eager, [g.numpy() for g in compiled()], compiled


def rand(*shape: int, seed: int) -> rp.Tensor:
    numbers = np.random.default_rng(seed).standard_normal(shape)
    return rp.tensor(numbers, requires_grad=True)


def in_the_body(compiled: Any, name: str) -> int:
    """How many nodes of an op are in the bodies of loops."""
    inside = set(nodes_within(compiled.graph)) - set(compiled.graph.nodes)
    return sum(node.op.name == name for node in inside)


def test_gradients_of_weights_are_one_product_behind_the_loop():
    w, u, b = rand(3, 4, seed=0), rand(4, 4, seed=1), rand(4, seed=2)
    x, h = rand(6, 2, 3, seed=3), rand(2, 4, seed=4)

    def loss() -> rp.Tensor:
        def step(h: rp.Tensor, x: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
            h = rp.tanh(x @ w + h @ u + b)
            return h, h

        last, ys = rp.scan(step, h, x)
        return (ys * ys).sum() + last.sum()

    eager, found, compiled = gradients(loss, w, u, b, x, h)
    for one, other in zip(found, eager, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)
    assert in_the_body(compiled, "matmul") == 2  # h @ u and its way back


@pytest.mark.parametrize(
    "step",
    [
        lambda h, x, w: h * w + x,  # elementwise: summed up inside
        lambda h, x, w: h @ (w.T * 0.5) + x,  # transposed and scaled
        lambda h, x, w: (w @ h.T).T + x,  # the weight on the left
        lambda h, x, w: h @ (w @ w) * x,  # what is the same in all steps
        lambda h, x, w: rp.maximum(h, x) @ w + rp.sum(h @ w, axis=0),
        lambda h, x, w: h @ w + (w + w[0]),
        lambda h, x, w: rp.where(x > 0, h @ w, h),
        lambda h, x, w: rp.exp(-((h @ w) ** 2)) + w.sum(),
        lambda h, x, w: x,
        lambda h, x, w: h + 0 * x,
    ],
)
def test_every_way_in_which_a_weight_can_be_read(step: Any):
    w, x, h = rand(3, 3, seed=0), rand(5, 3, 3, seed=1), rand(3, 3, seed=2)

    def loss() -> rp.Tensor:
        last, ys = rp.scan(lambda h, x: (step(h, x, w), rp.sin(h)), h, x)
        return (ys * ys).sum() + last.sum() + 0 * (w.sum() + h.sum() + x.sum())

    eager, found, _ = gradients(loss, w, x, h)
    for one, other in zip(found, eager, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)


def test_what_nobody_asks_for_is_not_computed():
    w, x = rand(3, 3, seed=0), rp.asarray(np.ones((5, 2, 3)))

    @rp.compile
    def step() -> rp.Tensor:
        w.grad = None
        rp.scan(lambda h, x: (rp.tanh(h @ w + x), None), rp.zeros((2, 3), dtype=rp.float64), x)[
            0
        ].sum().backward()
        return w.grad

    step()
    forward, backward = (n for n in step.graph.nodes if n.op.name == "scan")
    assert len(forward.outputs) == 3  # the last state; the states before; tanh
    assert len(backward.outputs) == 2  # nothing for x


def test_integers_are_carried_without_gradients():
    x = rand(4, 2, seed=0)

    def loss() -> rp.Tensor:
        def step(carry: Any, x: rp.Tensor) -> tuple[Any, None]:
            count, total = carry
            return (count + 1, total + x * count.astype(rp.float64)), None

        start = (rp.asarray(0), rp.zeros(2, dtype=rp.float64))
        return rp.scan(step, start, x)[0][1].sum()

    eager, found, _ = gradients(loss, x)
    np.testing.assert_array_equal(found[0], eager[0])
    np.testing.assert_array_equal(eager[0][:, 0], [0, 1, 2, 3])
