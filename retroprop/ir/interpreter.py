"""Runs a graph node by node with the references of its ops; values are dropped after their last
use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.errors import GraphError
from retroprop.ir import Graph, Value

__all__ = ["run"]

Array = np.ndarray[Any, Any]


def run(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """The outputs of a graph for given inputs.

    Args:
        graph:  what to compute.
        inputs: one array for each of `graph.inputs`, of its shape and dtype.

    Raises:
        GraphError: an input is missing or of another type.

    Example:
        >>> import retroprop as rp
        >>> x = rp.tensor([1.0, 2.0], requires_grad=True)
        >>> graph = rp.Graph.of(rp.sum(x * x))
        >>> run(graph, [np.float32([3.0, 4.0])])[0].item()
        25.0
    """
    if len(inputs) != len(graph.inputs):
        raise GraphError(f"the graph has {len(graph.inputs)} inputs, {len(inputs)} were given")
    held: dict[Value, Array] = {}
    for number, (value, array) in enumerate(zip(graph.inputs, inputs, strict=True)):
        if (array.shape, array.dtype) != (value.shape, value.dtype):
            raise GraphError(
                f"input {number} is {array.dtype}{list(array.shape)}, the graph wants "
                f"{value.dtype}{list(value.shape)}"
            )
        held[value] = array
    last_use = _last_uses(graph)
    for position, node in enumerate(graph.nodes):
        operands = [v.constant if v.constant is not None else held[v] for v in node.operands]
        result: Any = node.op.reference(*operands, **node.attributes)
        arrays = result if isinstance(result, tuple) else (result,)
        held.update(zip(node.outputs, map(np.asarray, arrays), strict=True))
        for value in last_use.get(position, ()):
            held.pop(value, None)
    return [v.constant if v.constant is not None else held[v] for v in graph.outputs]


def _last_uses(graph: Graph) -> dict[int, list[Value]]:
    """For each position of a node, the values that nobody reads after it."""
    at: dict[Value, int] = {}
    for position, node in enumerate(graph.nodes):
        at.update((operand, position) for operand in node.operands)
    for value in graph.outputs:
        at.pop(value, None)
    by_position: dict[int, list[Value]] = {}
    for value, position in at.items():
        by_position.setdefault(position, []).append(value)
    return by_position
