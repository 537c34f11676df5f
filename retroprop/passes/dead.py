"""Dead code: nodes that no output depends on."""

from __future__ import annotations

from retroprop.ir import Graph, Node

__all__ = ["drop_dead"]


def drop_dead(graph: Graph) -> Graph:
    """The graph without nodes that no output depends on; itself when there are none."""
    needed = set(graph.outputs)
    living: list[Node] = []
    for node, outputs in zip(graph.nodes[::-1], graph.computed[::-1], strict=True):
        if not needed.isdisjoint(outputs):
            living.append(node)
            needed.update(node.operands)
    if len(living) == len(graph.nodes):
        return graph
    return Graph(graph.inputs, living[::-1], graph.outputs)
