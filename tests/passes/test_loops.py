"""Loops lose what nobody reads of them."""

from __future__ import annotations

import numpy as np

from retroprop.ir import Graph, verify
from retroprop.ir.interpreter import run
from retroprop.ops import catalog
from retroprop.passes import optimise

TEXT = """
graph(%0: float64[3], %1: float64[3], %2: float64[5, 3], %3: float64[5, 3], %4: float64[3])
  %5: float64[3], %6: float64[3], %7: float64[5, 3], %8: float64[5, 3] = scan(GIVEN, HOW)
    graph(%0: float64[3], %1: float64[3], %2: float64[3], %3: float64[3], %4: float64[3])
      %5: float64[3] = multiply(%0, 1.0:float64)
      %6: float64[3] = add(%5, %2)
      %7: float64[3] = multiply(%1, %4)
      %8: float64[3] = add(%7, %3)
      %9: float64[3] = exp(%8)
      %10: float64[3] = tanh(%6)
      return %6, %8, %9, %10
  return RETURNED""".replace(
    "HOW", "body=below, carried=2, sliced=2, length=5, reverse=False"
).replace("GIVEN", "%0, %1, %2, %3, %4")


def optimised(returned: str) -> tuple[Graph, Graph]:
    graph = Graph.parse(TEXT.replace("RETURNED", returned), catalog)
    small = optimise(graph)
    verify(small)
    assert optimise(small) is small
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(value.shape) for value in graph.inputs]
    for one, other in zip(run(small, arrays), run(graph, arrays), strict=True):
        np.testing.assert_array_equal(one, other)
    return graph, small


def test_a_result_takes_its_state_and_nothing_else():
    graph, small = optimised("%8")
    (loop,) = small.nodes
    assert loop.operands == (graph.inputs[0], graph.inputs[2])
    assert [node.op.name for node in loop.attributes["body"].nodes] == ["add", "tanh"]
    assert (loop.attributes["carried"], loop.attributes["sliced"]) == (1, 1)
    assert len(loop.outputs) == 2


def test_what_is_asked_for_stays_where_it_was():
    graph, small = optimised("%7, %5")
    (loop,) = small.nodes
    assert set(loop.operands) == set(graph.inputs)
    assert len(loop.outputs) == 3


def test_a_loop_that_nobody_reads_is_gone():
    _, small = optimised("%0")
    assert small.nodes == ()


def test_a_graph_without_loops_is_left_alone():
    graph = Graph.parse("graph(%0: float32[2])\n  %1: float32[2] = exp(%0)\n  return %1", catalog)
    assert optimise(graph) is graph
