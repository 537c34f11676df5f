"""What a legal graph is: every value defined before it is read, and typed as its op infers."""

from __future__ import annotations

from retroprop.errors import GraphError, NoGradientError
from retroprop.ir.graph import Graph, Node, Value

__all__ = ["check_outputs", "verify"]


def verify(graph: Graph) -> None:
    """Check a graph; silent when it is legal.

    Raises:
        GraphError: naming the node and the rule it breaks.
    """
    defined: set[Value] = set(graph.inputs)
    for node in graph.nodes:
        _check_operands(node, defined)
        check_outputs(node)
        _check_single(node, defined)
        defined.update(node.outputs)
    for value in graph.outputs:
        if value not in defined and value.constant is None:
            raise GraphError(f"the graph returns {value!r}, which no node computes")


def _check_operands(node: Node, defined: set[Value]) -> None:
    for operand in node.operands:
        if operand not in defined and operand.constant is None:
            raise GraphError(f"{node!r} reads {operand!r} before it is computed")


def check_outputs(node: Node) -> None:
    """Check that the outputs of a node have the types that its op infers.

    Where the shape depends on the data, what is declared stands.

    Raises:
        GraphError: with both types.
    """
    try:
        inferred = node.op.infer(node.operands, node.attributes)
    except NoGradientError:
        return
    actual = tuple((output.shape, output.dtype) for output in node.outputs)
    if inferred != actual:
        raise GraphError(f"{node!r} computes {inferred}, its outputs are declared {actual}")


def _check_single(node: Node, defined: set[Value]) -> None:
    for index, output in enumerate(node.outputs):
        if output in defined:
            raise GraphError(f"{node!r} computes {output!r} a second time")
        if output.node is not node or output.index != index:
            raise GraphError(f"output {index} of {node!r} points back at {output.node!r}")
