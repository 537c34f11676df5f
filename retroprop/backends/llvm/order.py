"""In which order the nodes of a graph are lowered: work that is cheap comes where it is needed.

A graph lists nodes as they were recorded. An elementwise node whose operands are kept anyway need
not be computed, and its result kept, long before its only reader: it is moved there, so that both
become one kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retroprop.ir import Graph, Node, Value

__all__ = ["sunk"]


def sunk(graph: Graph) -> list[Node]:
    """The nodes in a legal order, elementwise ones with a single reader right before it.

    Only those move whose operands of full size have other readers too.
    """
    readers: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        for operand in dict.fromkeys(node.operands):
            readers.setdefault(operand, []).append(node)
    returned = set(graph.outputs)
    later: dict[Node, list[Node]] = {}  # by the node that they come before
    for node in graph.nodes:
        found = readers.get(node.outputs[0], [])
        if len(found) == 1 and node.outputs[0] not in returned and _may_move(node, found[0]):
            full = [v for v in node.operands if v.shape == node.outputs[0].shape]
            if full and all(len(readers[v]) > 1 or v.node is None for v in full if _is_read(v)):
                later.setdefault(found[0], []).append(node)
    moved = {node for nodes in later.values() for node in nodes}
    ordered: list[Node] = []

    def put(node: Node) -> None:
        for before in later.get(node, ()):
            put(before)
        ordered.append(node)

    for node in graph.nodes:
        if node not in moved:
            put(node)
    return ordered


def _is_read(value: Value) -> bool:
    return value.constant is None


def _may_move(node: Node, reader: Node) -> bool:
    ops: tuple[Any, Any] = (node.op, reader.op)
    alike = node.outputs[0].shape == reader.outputs[0].shape
    return alike and all(getattr(op, "lower", None) is not None for op in ops)
