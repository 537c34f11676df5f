"""A step recorded forward and backward."""

from __future__ import annotations

from retroprop.core.loops.halves import Halves
from retroprop.ir import Graph
from retroprop.ops import catalog

BODY = """
graph(%0: float32[2], %1: int64[], %2: float32[2], %3: float32[2])
  %4: float32[2] = multiply(%0, %2)
  %5: float32[2] = sin(%3)
  %6: float32[2] = add(%4, %5)
  %7: int64[] = add(%1, 1:int64)
  return %6, %7, %5"""


def halves(wanted: list[bool], arrived: list[bool]) -> Halves:
    return Halves(Graph.parse(BODY, catalog), 2, 1, wanted, arrived)


def test_a_gradient_for_the_first_step_goes_through_the_state():
    found = halves([False, False, False, True], [True, False, False])
    assert found.wanted == [True, False, False, True]
    assert [seed is not None for seed in found.seeds] == [True, False, False]
    assert [one is not None for one in found.found] == [True, False, False, True]
    assert [node.op.name for node in found.forward] == ["multiply", "sin", "add", "add"]
    assert {node.op.name for node in found.backward} == {"multiply", "cos"}


def test_a_state_has_a_cotangent_whether_one_arrived_or_not():
    found = halves([True, False, True, True], [False, False, True])
    assert all(value in found.body_of for value in found.inputs)
    assert [seed is not None for seed in found.seeds] == [True, False, True]
    assert [one is not None for one in found.found] == [True, False, True, True]
