"""What a legal graph is: every value defined before it is read, and typed as its op infers."""

from __future__ import annotations

from retroprop.errors import GraphError
from retroprop.ir.graph import Graph, Node, Value

__all__ = ["verify"]


def verify(graph: Graph) -> None:
    """Check a graph; silent when it is legal.

    Raises:
        GraphError: naming the node and the rule it breaks.
    """
    defined: set[Value] = set(graph.inputs)
    for node in graph.nodes:
        _check_operands(node, defined)
        _check_outputs(node, defined)
        defined.update(node.outputs)
    for value in graph.outputs:
        if value not in defined and value.constant is None:
            raise GraphError(f"the graph returns {value!r}, which no node computes")


def _check_operands(node: Node, defined: set[Value]) -> None:
    for operand in node.operands:
        if operand not in defined and operand.constant is None:
            raise GraphError(f"{node!r} reads {operand!r} before it is computed")


def _check_outputs(node: Node, defined: set[Value]) -> None:
    inferred = node.op.infer(node.operands, node.attributes)
    actual = tuple((output.shape, output.dtype) for output in node.outputs)
    if inferred != actual:
        raise GraphError(f"{node!r} computes {inferred}, its outputs are declared {actual}")
    for index, output in enumerate(node.outputs):
        if output in defined:
            raise GraphError(f"{node!r} computes {output!r} a second time")
        if output.node is not node or output.index != index:
            raise GraphError(f"output {index} of {node!r} points back at {output.node!r}")
