"""A program as single-assignment values and the nodes that compute them.

The eager tape and a program to compile are the same thing: nodes that point at the values they
read. A `Value` carries a type (shape, dtype), never a Python behaviour; a `Node` carries an op
record, which is only asked for its name and its inference here. Numbers on the tape lie in
`Node.kept`: what the gradient rules of that op asked for, and nothing else.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

__all__ = ["Graph", "Node", "Record", "Value", "nodes_before", "nodes_within", "now"]

_serial = itertools.count()


def now() -> int:
    """A serial number that every node made from here on exceeds."""
    return next(_serial)


class Record(Protocol):
    """What the graph and its interpreter need to know of an op."""

    name: str

    arity: int

    variadic: bool

    reference: Callable[..., Any]

    def infer(
        self, operands: Sequence[Any], attributes: dict[str, Any]
    ) -> tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]:
        """(shape, dtype) of every output, from operands that have `.shape` and `.dtype`."""

    def complete(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """All attributes by name, defaults filled in; an unknown or missing one is a TypeError."""


class Value:
    """One immutable array of a program: an input, a constant, or an output of a node.

    Attributes:
        shape, dtype:  its type.
        node, index:   the node that computes it and which output it is; None for an input.
        requires_grad: whether a derivative with respect to it, or through it, may be asked for.
        cell:          weak reference to the Tensor that an input came from, or None.
        hooks:         functions that see (and may replace) its cotangent, or None.
        constant:      the array itself when it is a literal of the program, or None.
    """

    __slots__ = (
        "__weakref__",
        "cell",
        "constant",
        "dtype",
        "hooks",
        "index",
        "node",
        "requires_grad",
        "shape",
    )

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        node: Node | None = None,
        index: int = 0,
        requires_grad: bool = False,
        constant: Any = None,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.node = node
        self.index = index
        self.requires_grad = requires_grad
        self.constant = constant
        self.cell: Callable[[], Any] | None = None
        self.hooks: dict[int, Callable[[Any], Any]] | None = None

    def __repr__(self) -> str:
        source = self.node.op.name if self.node else "input"
        return f"<Value {self.dtype}{list(self.shape)} of {source}>"


class Node:
    """One application of an op.

    Attributes:
        op:         the op record.
        operands:   the values read, in the order of the record.
        attributes: every static attribute by name, defaults filled in.
        outputs:    the values computed.
        types:      (shape, dtype, requires_grad) of each output.
        kept:       arrays the gradient rules will ask for, by name; None once released.
        serial:     rises with creation, so it sorts nodes into execution order.
    """

    __slots__ = ("_outputs", "attributes", "kept", "op", "operands", "serial", "types")

    def __init__(self, op: Record, operands: tuple[Value, ...], attributes: dict[str, Any]) -> None:
        self.op = op
        self.operands = operands
        self.attributes = attributes
        self._outputs: list[weakref.ref[Value]] = []
        self.types: list[tuple[tuple[int, ...], np.dtype[Any], bool]] = []
        self.kept: dict[str, Any] | None = {}
        self.serial = next(_serial)

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The values computed. A node does not keep them alive, so that a tape goes when they go:
        they point at it. One that nobody held any more is made anew.
        """
        return tuple([ref() or self._revived(index) for index, ref in enumerate(self._outputs)])

    @outputs.setter
    def outputs(self, values: Sequence[Value]) -> None:
        self._outputs = [weakref.ref(value) for value in values]
        self.types = [(value.shape, value.dtype, value.requires_grad) for value in values]

    def _revived(self, index: int) -> Value:
        shape, dtype, wants = self.types[index]
        value = Value(shape, dtype, node=self, index=index, requires_grad=wants)
        self._outputs[index] = weakref.ref(value)
        return value

    def on(self, operands: Sequence[Value]) -> tuple[Node, tuple[Value, ...]]:
        """The same op on other operands of the same types: a node, and its outputs."""
        node = Node(self.op, tuple(operands), self.attributes)
        types = enumerate(self.types)
        made = tuple([Value(shape, dtype, node=node, index=i) for i, (shape, dtype, _) in types])
        node.outputs = made
        return node, made

    def __repr__(self) -> str:
        return f"<Node {self.op.name} #{self.serial}>"


def nodes_before(
    values: Iterable[Value], follow: Callable[[Value], bool] | None = None
) -> list[Node]:
    """All nodes that these values depend on, in execution order; iterative, so depth is no limit.

    Args:
        follow: whether to look behind a value; None looks behind all.
    """
    found: set[Node] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        node = value.node
        if node is not None and node not in found and (follow is None or follow(value)):
            found.add(node)
            stack.extend(node.operands)
    return sorted(found, key=lambda node: node.serial)


def nodes_within(graph: Graph) -> list[Node]:
    """All nodes of a graph, each followed by those of the graphs that are its attributes."""
    found: list[Node] = []
    for node in graph.nodes:
        found.append(node)
        for item in node.attributes.values():
            if isinstance(item, Graph):
                found += nodes_within(item)
    return found


class Graph:
    """A closed program: inputs, nodes in execution order, outputs.

    Attributes:
        inputs, outputs: the values that go in and come out.
        nodes:           in execution order.
        computed:        for each node, its outputs. Nodes hold them weakly; held here, also one
                         that nobody reads stays the same.

    Example:
        >>> import retroprop as rp
        >>> x = rp.tensor([1.0, 2.0], requires_grad=True)
        >>> print(rp.Graph.of(rp.sum(x * x)))
        graph(%0: float32[2])
          %1: float32[2] = multiply(%0, %0)
          %2: float32[] = sum(%1, axis=None, keepdims=False)
          return %2
    """

    def __init__(
        self, inputs: Sequence[Value], nodes: Sequence[Node], outputs: Sequence[Value]
    ) -> None:
        self.inputs = tuple(inputs)
        self.nodes = tuple(nodes)
        self.outputs = tuple(outputs)
        self.computed = tuple([node.outputs for node in self.nodes])

    @classmethod
    def of(cls, *outputs: Any) -> Graph:
        """The program that computed these Tensors (or Values), read off the tape.

        Inputs come in the order in which the program reads them. Operands that needed no gradient
        when they were recorded appear as inputs.
        """
        values = [getattr(output, "value", output) for output in outputs]
        nodes = nodes_before(values)
        inputs: dict[Value, None] = {}
        for value in [*(operand for node in nodes for operand in node.operands), *values]:
            if value.node is None and value.constant is None:
                inputs[value] = None
        return cls(tuple(inputs), nodes, values)

    @classmethod
    def parse(cls, text: str, catalog: Mapping[str, Record]) -> Graph:
        r"""The graph that prints as this text.

        Args:
            catalog: the op records by name, such as `retroprop.ops.catalog`.

        Raises:
            GraphError: naming the line, what was expected there, and what stands there.

        Example:
            >>> from retroprop.ops import catalog
            >>> text = "graph(%0: float32[2])\n  %1: float32[2] = exp(%0)\n  return %1"
            >>> str(Graph.parse(text, catalog)) == text
            True
        """
        from retroprop.ir.parse import parse  # noqa: PLC0415  text is a view of this class

        return parse(text, catalog)

    def __repr__(self) -> str:
        return f"<Graph {len(self.inputs)} inputs, {len(self.nodes)} nodes>"

    def __str__(self) -> str:
        from retroprop.ir.text import to_text  # noqa: PLC0415  text is a view of this class

        return to_text(self)
