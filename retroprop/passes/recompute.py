"""Recomputation instead of memory: what is kept for long is computed again where it is needed.

A training graph keeps what its forward part computed until its backward part reads it. `recompute`
lets some of these values go: where they are read late they are computed once more, from values that
are still there, not before the gradient that meets them is there (`ops.recompute.again`).

Two ways, tried in this order: values that are cheap, being elementwise in what is kept anyway; then
everything but a value now and then (Chen et al. 2016, arXiv:1604.06174), which costs at most about
one more forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from retroprop import shapes
from retroprop.ir import Graph, Node, Value
from retroprop.ops.recompute import again

__all__ = ["plans", "recompute"]

_SHARES = (2, 3, 4, 6, 8, 12, 16)  # of all that is kept, between two values that stay


def plans(graph: Graph) -> Iterator[set[Value]]:
    """Sets of values to let go, from the cheapest to the one that leaves least."""
    kept = _kept(graph)
    cheap = [value for value in kept if _is_cheap(value)]
    cheap.sort(key=_bytes, reverse=True)
    for share in (4, 2, 1):
        yield set(cheap[: -(-len(cheap) // share)])
    total = sum(map(_bytes, kept))
    for share in _SHARES:
        let_go, since = set(cheap), 0
        for value in kept:
            since += _bytes(value)
            if since * share < total:
                let_go.add(value)
            else:
                let_go.discard(value)
                since = 0
        yield let_go


def recompute(graph: Graph, let_go: set[Value]) -> Graph:
    """The graph with these values computed anew where they are read late.

    Example:
        >>> from retroprop.ops.catalog import catalog
        >>> text = '''
        ... graph(%0: float32[9])
        ...   %1: float32[9] = exp(%0)
        ...   %2: float32[9] = sin(%1)
        ...   %3: float32[9] = multiply(%1, %2)
        ...   return %3'''
        >>> graph = Graph.parse(text, catalog)
        >>> recompute(graph, set()) is graph
        True
    """
    return _Walk(graph, let_go).run() if let_go else graph


class _Walk:
    """The new graph, as it is put together node by node.

    Nodes stand in the order of execution, so of two places the later one has the larger number.
    """

    def __init__(self, graph: Graph, let_go: set[Value]) -> None:
        self.graph, self.let_go = graph, let_go
        self.place = _places(graph)
        self.last = _last_uses(graph, self.place)
        self.middle = _middle(graph, self.place, self.last)
        self.nodes: list[Node] = []
        self.fresh: dict[Value, Value] = {}  # what stands for a value from here on
        self.number = 0

    def run(self) -> Graph:
        made: dict[Value, Value] = {}
        anchor: Value | None = None  # what was last computed of all that takes long
        for number, node in enumerate(self.graph.nodes):
            operands = []
            for value in node.operands:
                late = value in self.let_go and number > self.middle
                if late and anchor is not None:
                    operands.append(self._again(value, anchor, made, number))
                else:
                    operands.append(made.get(value, value))
            made.update(zip(node.outputs, self._put(node, operands), strict=True))
            if _form(node) == "contract":
                anchor = made[node.outputs[0]]
        outputs = [made.get(value, value) for value in self.graph.outputs]
        return Graph(self.graph.inputs, self.nodes, outputs)

    def _again(self, value: Value, anchor: Value, made: dict[Value, Value], here: int) -> Value:
        """A value computed once more, from what is still there at this place."""
        if value in self.fresh:
            return self.fresh[value]
        node = value.node
        assert node is not None
        operands = []
        for operand in node.operands:
            if operand.constant is not None:
                operands.append(operand)
            elif operand in self.let_go or self._is_gone(operand, here):
                operands.append(self._again(operand, anchor, made, here))
            else:
                operands.append(self._seen_again(made.get(operand, operand), anchor))
        for old, new in zip(node.outputs, self._put(node, operands, copy=True), strict=True):
            self.fresh[old] = new
        return self.fresh[value]

    def _is_gone(self, value: Value, here: int) -> bool:
        """Whether nobody keeps a value until here, and it can be computed anew."""
        return value in self.place and self.last.get(value, 0) < here and _may_go(value)

    def _seen_again(self, value: Value, anchor: Value) -> Value:
        self.number += 1
        node = Node(again, (value, anchor), {"number": self.number})
        node.outputs = (Value(value.shape, value.dtype, node=node),)
        self.nodes.append(node)
        return node.outputs[0]

    def _put(
        self, node: Node, operands: Sequence[Value], *, copy: bool = False
    ) -> tuple[Value, ...]:
        if not copy and tuple(operands) == node.operands:
            self.nodes.append(node)
            return node.outputs
        new, made = node.on(operands)
        self.nodes.append(new)
        return made


def _kept(graph: Graph) -> list[Value]:
    """Values that wait where most memory is in use, in the order of computation."""
    place = _places(graph)
    last = _last_uses(graph, place)
    middle, returned = _middle(graph, place, last), set(graph.outputs)
    return [
        value
        for value in place
        if place[value] < middle < last.get(value, 0) and value not in returned and _may_go(value)
    ]


def _middle(graph: Graph, place: dict[Value, int], last: dict[Value, int]) -> int:
    """The node at which most memory is in use: the end of the forward part."""
    change = [0] * (len(graph.nodes) + 1)
    for value, number in last.items():
        change[place[value]] += _bytes(value)
        change[number] -= _bytes(value)
    most = at = total = 0
    for number, step in enumerate(change):
        total += step
        if total > most:
            most, at = total, number
    return at


def _may_go(value: Value) -> bool:
    """Whether a value can be computed twice: nothing about it is random or a guard."""
    node = value.node
    return node is not None and _form(node) in {"elementwise", "contract", "reduce"}


def _is_cheap(value: Value) -> bool:
    node = value.node
    return node is not None and _form(node) == "elementwise"


def _form(node: Node) -> str:
    op: Any = node.op
    return str(op.form)


def _places(graph: Graph) -> dict[Value, int]:
    """The number of the node that computes each value."""
    return {v: number for number, node in enumerate(graph.nodes) for v in node.outputs}


def _last_uses(graph: Graph, place: dict[Value, int]) -> dict[Value, int]:
    """The number of the last node that reads each value."""
    found: dict[Value, int] = {}
    for number, node in enumerate(graph.nodes):
        for value in node.operands:
            if value in place:
                found[value] = number
    return found


def _bytes(value: Value) -> int:
    return shapes.size(value.shape) * value.dtype.itemsize
