"""The walk that applies rules: to new nodes too, once, without touching the given graph."""

from __future__ import annotations

from typing import Any

from retroprop.ops import catalog
from retroprop.ops.arithmetic import negative
from retroprop.ops.exponential import exp, log
from retroprop.passes.rewrite import made_by, rewrite
from tests.passes.checking import graph_of

TEXT = """graph(%0: float32[2])
  %1: float32[2] = negative(%0)
  %2: float32[2] = log(%1)
  %3: float32[2] = sqrt(%2)
  return %3, %2"""


def table(**rules: Any) -> dict[Any, Any]:
    return {op: [rules[name]] if name in rules else [] for name, op in catalog.items()}


def test_without_a_rule_that_applies_the_graph_is_itself():
    graph = graph_of(TEXT)
    assert rewrite(graph, table(log=lambda node, operands, build: None)) is graph


def test_what_a_rule_builds_meets_the_rules():
    def to_exp(node: Any, operands: Any, build: Any) -> Any:
        return build(exp, build(negative, *operands))

    def undone(node: Any, operands: Any, build: Any) -> Any:
        inner = made_by(operands[0], negative)
        return None if inner is None else inner.operands[0]

    graph = graph_of(TEXT)
    result = rewrite(graph, table(log=to_exp, negative=undone))
    assert str(result) == (
        "graph(%0: float32[2])\n"
        "  %1: float32[2] = negative(%0)\n"
        "  %2: float32[2] = exp(%0)\n"
        "  %3: float32[2] = sqrt(%2)\n"
        "  return %3, %2"
    )
    assert str(graph) == TEXT
    assert result.nodes[0] is graph.nodes[0], "what nothing happened to is shared"


def test_made_by_tells_the_op():
    graph = graph_of(TEXT)
    assert made_by(graph.outputs[1], log) is graph.nodes[1]
    assert made_by(graph.outputs[1], exp) is None
    assert made_by(graph.inputs[0], exp) is None
