"""What is taken or added along an axis is little: the rest need not be made."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
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
