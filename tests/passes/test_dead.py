"""What no output depends on goes, inputs stay."""

from __future__ import annotations

from retroprop.passes.dead import drop_dead
from tests.passes.checking import check_golden, graph_of


def test_golden():
    check_golden("dead")


def test_a_graph_that_is_all_needed_stays():
    graph = graph_of("graph(%0: float32[])\n  %1: float32[] = exp(%0)\n  return %1")
    assert drop_dead(graph) is graph
