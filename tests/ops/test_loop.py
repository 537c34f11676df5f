"""The op behind `rp.scan`: what its reference does, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import GraphError, ShapeError
from retroprop.ir import Graph, verify
from retroprop.ops import catalog

TEXT = """
graph(%0: float64[2], %1: float64[2], %2: float64[])
  %3: float64[2] = multiply(%0, %2)
  %4: float64[2] = add(%3, %1)
  %5: float64[2] = exp(%4)
  return %4, %5"""
scan = catalog["scan"]


def arguments() -> tuple[list[np.ndarray], dict[str, object]]:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(2), rng.standard_normal((3, 2)), np.array(0.5)]
    body = Graph.parse(TEXT, catalog)
    return arrays, {"body": body, "carried": 1, "sliced": 1, "length": 3}


@pytest.mark.parametrize("reverse", [False, True])
def test_the_reference_runs_the_body_step_by_step(reverse: bool):
    (state, x, factor), how = arguments()
    last, each = scan(state, x, factor, **how, reverse=reverse)
    expected = np.empty((3, 2))
    for t in (2, 1, 0) if reverse else (0, 1, 2):
        state = state * factor + x[t]
        expected[t] = np.exp(state)
    np.testing.assert_array_equal(last, state)
    np.testing.assert_array_equal(each, expected)


def test_on_tensors_it_is_on_the_tape():
    arrays, how = arguments()
    leaves = [rp.tensor(array, requires_grad=True) for array in arrays]
    last, each = scan(*leaves, **how)
    (last.sum() + each.sum()).backward()
    for i, leaf in enumerate(leaves):
        for where in np.ndindex(leaf.shape):
            ends = []
            for sign in (1, -1):
                moved = [array.copy() for array in arrays]
                moved[i][where] += sign * 1e-6
                ends.append(sum(np.sum(one) for one in scan(*moved, **how)))
            np.testing.assert_allclose(leaf.grad.numpy()[where], (ends[0] - ends[1]) / 2e-6,
                                       rtol=1e-7)  # fmt: skip
    graph = Graph.of(last, each)
    verify(graph)
    assert str(Graph.parse(str(graph), catalog)) == str(graph)


def test_operands_that_the_body_does_not_take():
    (state, x, factor), how = arguments()
    with pytest.raises(ShapeError, match=r"operand 1 must be \(3, 2\), it is \(4, 2\)"):
        scan(state, np.ones((4, 2)), factor, **how)
    with pytest.raises(GraphError, match="takes 3 operands, it gets 2"):
        scan(state, x, **how)
