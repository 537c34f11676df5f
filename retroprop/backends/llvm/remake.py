"""Values that are cheaper to compute again than to keep until they are read much later.

What an activation is made of is read twice: at once, and again on the way back. Between the two lie
products that take all of the cache, so everything kept goes through memory. Where several such
values follow from one that could be kept instead, that one is kept, and they are made again where
they are read: the same operations, so the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retroprop import shapes
from retroprop.backends.llvm.views import VIEWED
from retroprop.ir import Graph, Node, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["remade"]

_LARGE = 16 * 1024  # elements; what is smaller stays in the cache
_LONGEST = 16  # operations to make a value again
_DEAR = frozenset(
    "exp expm1 log log1p tanh sigmoid erf erfc sin cos tan power divide sqrt rsqrt".split()
)
_DEAREST = 2  # of them that take long


def remade(graph: Graph) -> Graph:
    """A graph that keeps less between its stages; the same where nothing is gained."""
    stages = _Stages(graph)
    again = stages.worth_it()
    return _rebuilt(graph, stages, again) if again else graph


class _Stages:
    """When values are made and read: products and reductions end a stage, views are none.

    Attributes:
        of:   the stage of each value.
        late: values that elementwise work reads in a later stage.
        kept: values that are in memory in any case: other work reads them, or the caller has them.
    """

    def __init__(self, graph: Graph) -> None:
        self.of: dict[Value, int] = dict.fromkeys(graph.inputs, 0)
        elsewhere = set(graph.outputs)  # kept in any case
        self.late: dict[Value, None] = {}
        for node in graph.nodes:
            before = max((self.of.get(v, 0) for v in node.operands), default=0)
            stage = before if _is_elementwise(node) or node.op.name in VIEWED else before + 1
            self.of.update(dict.fromkeys(node.outputs, stage))
            for operand in node.operands:
                if not _is_elementwise(node):
                    elsewhere.add(operand)
                elif self.of.get(operand, 0) < stage:
                    self.late[operand] = None
        self.kept = elsewhere.union(graph.inputs)

    def worth_it(self) -> set[Value]:
        """The values to make again."""
        groups: dict[frozenset[Value], list[Value]] = {}
        for value in self.late:
            if value in self.kept or not _is_made_here(value):
                continue
            leaves = self.leaves(value)
            if leaves is not None:
                groups.setdefault(leaves, []).append(value)
        found: set[Value] = set()
        for leaves, values in groups.items():
            new = [v for v in leaves if v not in self.kept and v not in self.late]
            if len(values) > len(new):
                found.update(values)
        return found

    def leaves(self, value: Value) -> frozenset[Value] | None:
        """The large values that a value is made of within its stage; None where that is long."""
        nodes = self.nodes(value)
        if len(nodes) > _LONGEST or sum(node.op.name in _DEAR for node in nodes) > _DEAREST:
            return None
        made = {node.outputs[0] for node in nodes}
        read = {v for node in nodes for v in node.operands if v not in made}
        return frozenset(v for v in read if v.constant is None and v.shape == value.shape)

    def nodes(self, value: Value) -> list[Node]:
        """The elementwise nodes of a value's stage that it is made by, in order."""
        stage, found = self.of[value], set[Node]()
        stack = [value]
        while stack:
            node = stack.pop().node
            if node is None or node in found or not _is_elementwise(node):
                continue
            if self.of.get(node.outputs[0]) == stage and node.outputs[0].shape == value.shape:
                found.add(node)
                stack.extend(node.operands)
        return sorted(found, key=lambda node: node.serial)


def _is_elementwise(node: Node) -> bool:
    op: Any = node.op
    return op.form == "elementwise" and op.lower is not None


def _is_made_here(value: Value) -> bool:
    """Whether a value is large, and elementwise work makes it."""
    large = shapes.size(value.shape) >= _LARGE
    return large and value.node is not None and _is_elementwise(value.node)


def _rebuilt(graph: Graph, stages: _Stages, again: set[Value]) -> Graph:
    """The graph in which these values are made once more in every stage that reads them later."""
    new: dict[Value, Value] = {}
    copies: dict[tuple[int, Value], Value] = {}
    nodes: list[Node] = []

    def add(node: Node, operands: Sequence[Value]) -> tuple[Value, ...]:
        copy, made = node.on(operands)
        nodes.append(copy)
        return made

    def made_again(value: Value, stage: int) -> Value:
        for node in stages.nodes(value):
            (output,) = node.outputs
            if (stage, output) not in copies:
                given = [copies.get((stage, v), new.get(v, v)) for v in node.operands]
                (copies[stage, output],) = add(node, given)
        return copies[stage, value]

    for node, outputs in zip(graph.nodes, graph.computed, strict=True):
        stage = stages.of[outputs[0]]
        operands = [
            made_again(v, stage)
            if v in again and _is_elementwise(node) and stages.of[v] < stage
            else new.get(v, v)
            for v in node.operands
        ]
        if operands == list(node.operands):
            nodes.append(node)
        else:
            new.update(zip(outputs, add(node, operands), strict=True))
    return Graph(graph.inputs, nodes, [new.get(value, value) for value in graph.outputs])
