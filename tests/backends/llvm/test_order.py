"""Cheap nodes are lowered where they are read, and every order is legal."""

from __future__ import annotations

from retroprop.backends.llvm.order import sunk
from retroprop.ir import parse
from retroprop.ops.catalog import catalog

TEXT = """
graph(%0: float32[8, 4], %1: float32[4, 4], %2: float32[4])
  %3: float32[8, 4] = exp(%0)
  %4: float32[8, 4] = multiply(%3, %2)
  %5: float32[8, 4] = matmul(%3, %1)
  %6: float32[8, 4] = tanh(%5)
  %7: float32[8, 4] = add(%6, %4)
  return %7"""


def names(text):
    return [node.op.name for node in sunk(parse(text, catalog))]


def test_what_is_kept_anyway_is_used_where_it_is_needed():
    assert names(TEXT) == ["exp", "matmul", "tanh", "multiply", "add"]


def test_a_node_whose_operand_would_have_to_be_kept_for_it_stays():
    alone = TEXT.replace("matmul(%3, %1)", "matmul(%0, %1)")
    assert names(alone) == ["exp", "multiply", "matmul", "tanh", "add"]


def test_every_node_comes_after_what_it_reads_and_none_is_lost():
    graph = parse(TEXT, catalog)
    order = sunk(graph)
    assert set(order) == set(graph.nodes)
    done = set(graph.inputs)
    for node in order:
        assert all(v in done or v.constant is not None for v in node.operands)
        done.update(node.outputs)
