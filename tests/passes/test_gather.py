"""What is taken or added along an axis is little: the rest need not be made."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import shapes
from retroprop.nn import functional as F
from retroprop.passes import optimise
from tests.passes.checking import evaluate, graph_of

TAKEN = """
graph(%0: float32[4, 3], %1: float32[4, 1], %2: int64[4, 1])
  %3: float32[4, 3] = subtract(%0, %1)
  %4: float32[4, 1] = take_along_axis(%3, %2, axis=-1)
  return %4"""
ADDED = """
graph(%0: float32[4, 3], %1: float32[4, 1], %2: int64[4, 1])
  %3: float32[4, 3] = add_along_axis(%1, %2, axis=1, shape=(4, 3))
  %4: float32[4, 3] = add(%3, %0)
  return %4"""
"""Of several indices sums may come in another order, and other differences have other shapes."""
KEPT = [
    ADDED.replace("[4, 1]", "[4, 2]"),
    TAKEN.replace("%1: float32[4, 1]", "%1: float32[4, 3]"),
    TAKEN.replace("%1: float32[4, 1]", "%1: float32[3]"),
]


def names(text: str) -> list[str]:
    return [node.op.name for node in optimise(graph_of(text)).nodes]


def test_elements_of_a_difference_are_differences_of_elements():
    assert names(TAKEN) == ["take_along_axis", "subtract"]


def test_a_sum_with_zeros_but_for_one_index_is_made_there():
    assert names(ADDED) == ["plus_along_axis"]


@pytest.mark.parametrize("text", KEPT)
def test_others_stay(text: str):
    assert "plus_along_axis" not in names(text)
    assert names(text)[0] != "take_along_axis"


NORM = """
graph(%0: float32[2, 3, 4], %1: int64[2, 3])
  %2: float32[20, 4] = take_add(%0, %1, axis=0, length=20)
  %3: float32[20, 4] = square(%2)
  %4: float32[] = sum(%3, axis=None, keepdims=False)
  return %4"""


def test_the_norm_of_a_few_rows_is_that_of_a_small_table():
    graph = optimise(graph_of(NORM))
    assert max(shapes.size(node.outputs[0].shape) for node in graph.nodes) == 24, graph
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("f4")
    indices = np.array([[3, -1, 19], [0, 3, 19]])
    (made,), (plain,) = (evaluate(g, [x, indices]) for g in (graph, graph_of(NORM)))
    np.testing.assert_allclose(made, plain, rtol=1e-5)


def test_the_norm_of_many_rows_is_left_alone():
    assert "latest" not in names(NORM.replace("20", "11"))


def test_cross_entropy_has_one_copy_of_the_logits():
    rows, classes = 64, 5000
    logits = rp.asarray(np.random.default_rng(0).standard_normal((rows, classes)).astype("f4"))
    labels = rp.asarray(np.arange(rows) % classes)

    @rp.compile(strict=True)
    def step(x: rp.Tensor, y: rp.Tensor) -> rp.Tensor:
        leaf = (x * 2).detach().requires_grad_()
        F.cross_entropy(leaf, y).backward()
        return leaf.grad * 3

    found = step(logits, labels)
    expected = evaluate(step.graph, [logits.numpy(), labels.numpy()])
    np.testing.assert_allclose(found.numpy(), expected[0], rtol=1e-5, atol=1e-9)
    assert step._latest.program.facts.peak < 1.1 * rows * classes * 4
