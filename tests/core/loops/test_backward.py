"""The body of the loop that runs back."""

from __future__ import annotations

from retroprop.core.loops.backward import Backward
from retroprop.core.loops.halves import Halves
from retroprop.ir import Graph, verify
from retroprop.ops import catalog

BODY = """
graph(%0: float64[2, 3], %1: float64[2, 3], %2: float64[3, 3], %3: float64[3])
  %4: float64[2, 3] = matmul(%0, %2)
  %5: float64[2, 3] = sigmoid(%4)
  %6: float64[2, 3] = subtract(%5, %1)
  %7: float64[2, 3] = multiply(%6, %6)
  %8: float64[2, 3] = multiply(%7, %3)
  return %8, %7"""


def made(*wanted: bool) -> tuple[Graph, Backward]:
    body = Graph.parse(BODY, catalog)
    return body, Backward(Halves(body, 1, 1, wanted, [True, True]))


def test_it_keeps_what_is_dear_and_repeats_what_is_cheap():
    body, back = made(True, True, True, True)
    verify(back.graph)
    kept = {back.halves.body_of[value] for value in back.kept}
    state, sigmoid = body.inputs[0], body.nodes[1].outputs[0]
    assert {state, sigmoid} <= kept
    assert body.nodes[2].outputs[0] not in kept  # subtract: from sigmoid and the sequence
    assert back.read == [1]
    assert back.active == [0]
    assert back.taken == [1]


def test_a_product_is_summed_outside_and_its_factors_handed_out():
    _, back = made(True, False, True, False)
    assert list(back.plans) == [2]
    assert back.inside == []
    assert len(back.given) == 1  # the gradient in front of the product
    assert len(back.graph.outputs) == 2


def test_what_every_step_shares_is_named_by_number():
    _, back = made(True, False, False, False)
    assert back.shared == [2, 3]
    assert back.plans == {}
