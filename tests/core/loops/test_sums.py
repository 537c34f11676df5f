"""Sums over all steps, made outside of a loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.core.loops.sums import planned
from retroprop.ir import Graph, Value
from retroprop.ir.interpreter import run
from retroprop.ops import catalog

STEPS = 5
HEAD = "graph(%0: float64[3, 4], %1: float64[3, 2], %2: float64[4, 2], %3: float64[])\n"


class Known:
    """Arrays of all steps, and those that all share."""

    length = STEPS

    def __init__(self, arrays: dict[Value, np.ndarray], shared: dict[Value, np.ndarray]) -> None:
        self.arrays, self.shared = arrays, shared

    def all_of(self, value: Value) -> Any:
        return self.arrays[value]

    def alike(self, value: Value) -> Any:
        return value.constant if value.constant is not None else self.shared[value]


@pytest.mark.parametrize(
    "lines",
    [
        ["%4: float64[4, 3] = permute_dims(%0, axes=(1, 0))",
         "%5: float64[4, 2] = matmul(%4, %1)"],
        ["%4: float64[2, 3] = permute_dims(%1, axes=(1, 0))",
         "%5: float64[2, 4] = matmul(%4, %0)",
         "%6: float64[4, 2] = permute_dims(%5, axes=(1, 0))"],
        ["%4: float64[2, 4] = permute_dims(%2, axes=(1, 0))",
         "%5: float64[3, 4] = matmul(%1, %4)"],
        ["%4: float64[4] = sum(%0, axis=0, keepdims=False)",
         "%5: float64[1, 4] = reshape(%4, shape=(1, 4))",
         "%6: float64[1, 4] = negative(%5)"],
        ["%4: float64[] = sum(%0, axis=None, keepdims=False)",
         "%5: float64[] = multiply(%4, %3)"],
        ["%4: float64[] = sum(%1, axis=None, keepdims=False)",
         "%5: float64[] = sum(%0, axis=None, keepdims=False)",
         "%6: float64[] = add(%4, %5)"],
        ["%4: float64[3] = sum(%0, axis=-1, keepdims=False)"],
    ],
)  # fmt: skip
def test_they_are_the_sums_of_what_the_steps_give(lines: list[str]):
    names = lines[-1].split(":")[0]
    graph = Graph.parse(HEAD + "\n".join(f"  {line}" for line in lines) + f"\n  return {names}",
                        catalog)  # fmt: skip
    rng = np.random.default_rng(0)
    x, y, w, factor = graph.inputs
    arrays = {v: rng.standard_normal((STEPS, *v.shape)) for v in (x, y)}
    arrays |= {node.outputs[0]: None for node in graph.nodes}  # type: ignore[dict-item]
    shared = {v: rng.standard_normal(v.shape) for v in (w, factor)}
    alike = {*shared}
    for node in graph.nodes:  # what follows from that alone which all steps share
        if alike.issuperset(node.operands):
            alike.update(node.outputs)
            shared[node.outputs[0]] = node.op.reference(
                *(shared[v] for v in node.operands), **node.attributes
            )
    plan = planned(graph.outputs[0], alike)
    assert plan is not None
    assert set(plan.asked) <= {x, y}
    found = plan.make(Known(arrays, shared))
    ends = [shared[w], shared[factor]]
    each = [run(graph, [arrays[x][t], arrays[y][t], *ends])[0] for t in range(STEPS)]
    np.testing.assert_allclose(found, sum(each), rtol=1e-12)


def test_what_has_no_plan_is_summed_up_inside():
    text = HEAD + "  %4: float64[3, 4] = exp(%0)\n  return %4"
    graph = Graph.parse(text, catalog)
    assert planned(graph.outputs[0], set()) is None
    assert planned(graph.inputs[0], set()).asked == (graph.inputs[0],)
