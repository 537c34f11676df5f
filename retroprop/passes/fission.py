"""Products leave a loop where they can: before it, for all steps at once, or behind it.

A product that reads only sequences and what all steps share is made of all steps before the loop;
one that nothing carried depends on, behind it. As one product over the rows of all steps it is as
fast as products are, and threads share it. What such a product reads, or what reads it, goes along.
What is the same in all steps is made once, before the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from retroprop.ir import Graph, Node, Value
from retroprop.ops.linalg import matmul
from retroprop.ops.loop import scan
from retroprop.ops.movement import concatenate, permute_dims, reshape, split, take_slice
from retroprop.ops.reduction import broadcast_to

__all__ = ["Parts", "split_loop"]


class Parts(NamedTuple):
    """A loop with what is before and behind it, in order; and what its outputs became."""

    nodes: list[Node]
    outputs: list[Value]


class _Outside:
    """Nodes around a loop.

    Attributes:
        of_all: what values of the body are outside, of all steps, along a new first axis.
        alike:  what those are outside that are the same in all steps.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.nodes: list[Node] = []
        self.of_all: dict[Value, Value] = {}
        self.alike: dict[Value, Value] = {}

    def build(self, op: Any, *operands: Value, **attributes: Any) -> tuple[Value, ...]:
        """A node around the loop."""
        node = Node(op, operands, op.complete(attributes))
        types = op.infer(operands, node.attributes)
        made = tuple([Value(s, d, node=node, index=i) for i, (s, d) in enumerate(types)])
        node.outputs = made
        self.nodes.append(node)
        return made

    def add_alike(self, node: Node) -> None:
        """A node that computes the same in all steps."""
        operands = [self.alike.get(v, v) for v in node.operands]
        made = self.build(node.op, *operands, **node.attributes)
        self.alike.update(zip(node.outputs, made, strict=True))

    def add_of_all(self, node: Node) -> None:
        """A node of the body for all steps at once; `_can` says which nodes can be."""
        rule = _RULES.get(node.op.name) or _elementwise
        made = rule(self, node)
        self.of_all.update(zip(node.outputs, made, strict=True))

    def given(self, value: Value) -> Value:
        return self.of_all.get(value) or self.alike.get(value, value)


def _elementwise(outside: _Outside, node: Node) -> tuple[Value, ...]:
    ndim = len(node.types[0][0])
    operands = []
    for value in node.operands:
        found = outside.given(value)
        missing = ndim - len(value.shape)
        if value in outside.of_all and missing:
            shape = (outside.length, *(1,) * missing, *value.shape)
            (found,) = outside.build(reshape, found, shape=shape)
        operands.append(found)
    return outside.build(node.op, *operands, **node.attributes)


def _product(outside: _Outside, node: Node) -> tuple[Value, ...]:
    x, w = node.operands
    if w in outside.of_all:
        return outside.build(matmul, outside.given(x), outside.given(w))
    rows, inner = x.shape
    (flat,) = outside.build(reshape, outside.given(x), shape=(outside.length * rows, inner))
    (made,) = outside.build(matmul, flat, outside.given(w))
    return outside.build(reshape, made, shape=(outside.length, rows, w.shape[1]))


def _reduction(outside: _Outside, node: Node) -> tuple[Value, ...]:
    (value,) = node.operands
    axis, ndim = node.attributes["axis"], len(value.shape)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    shifted: Any = tuple(range(1, ndim + 1)) if axis is None else tuple(a % ndim + 1 for a in axes)
    if isinstance(axis, int):
        (shifted,) = shifted
    return outside.build(node.op, outside.given(value), **{**node.attributes, "axis": shifted})


def _reshape(outside: _Outside, node: Node) -> tuple[Value, ...]:
    shape = (outside.length, *node.attributes["shape"])
    return outside.build(reshape, outside.given(node.operands[0]), shape=shape)


def _permute(outside: _Outside, node: Node) -> tuple[Value, ...]:
    axes = (0, *(axis + 1 for axis in node.attributes["axes"]))
    return outside.build(permute_dims, outside.given(node.operands[0]), axes=axes)


def _broadcast(outside: _Outside, node: Node) -> tuple[Value, ...]:
    (value,), shape = node.operands, node.attributes["shape"]
    ones = (1,) * (len(shape) - len(value.shape))
    (found,) = outside.build(
        reshape, outside.given(value), shape=(outside.length, *ones, *value.shape)
    )
    return outside.build(broadcast_to, found, shape=(outside.length, *shape))


def _along(outside: _Outside, node: Node) -> tuple[Value, ...]:
    axis = node.attributes["axis"] % len(node.operands[0].shape) + 1
    operands = map(outside.given, node.operands)
    return outside.build(node.op, *operands, **{**node.attributes, "axis": axis})


def _slice(outside: _Outside, node: Node) -> tuple[Value, ...]:
    key = (slice(None), *node.attributes["key"])
    return outside.build(take_slice, outside.given(node.operands[0]), key=key)


_RULES: dict[str, Callable[[_Outside, Node], tuple[Value, ...]]] = {
    "matmul": _product,
    "sum": _reduction,
    "max": _reduction,
    "min": _reduction,
    "reshape": _reshape,
    "permute_dims": _permute,
    "broadcast_to": _broadcast,
    "concatenate": _along,
    "split": _along,
    "take_slice": _slice,
}
_NAMES = {concatenate.name, split.name}


def _can(node: Node, moved: set[Value]) -> bool:
    """Whether a node has a form for all steps, where `moved` are of all steps."""
    op: Any = node.op
    if moved.isdisjoint(node.operands):
        return False  # it is the same in all steps
    if op.name == "matmul":
        x, w = node.operands
        if len(x.shape) != 2 or len(w.shape) != 2:
            return False
        return x in moved
    if op.name in _NAMES:
        return all(value in moved for value in node.operands)
    return op.name in _RULES or op.form == "elementwise"


def split_loop(body: Graph, how: dict[str, Any], operands: Sequence[Value]) -> Parts | None:
    """A loop in three parts: what is made before it, the loop, what is made behind it.

    None where all of it stays.

    Args:
        body:     of the loop.
        how:      attributes of the loop.
        operands: what it is given.
    """
    carried, end = how["carried"], how["carried"] + how["sliced"]
    before = _Outside(how["length"])
    before.of_all.update(zip(body.inputs[carried:end], operands[carried:end], strict=True))
    before.alike.update(zip(body.inputs[end:], operands[end:], strict=True))
    inside = _take_before(body, before)
    behind = _behind(inside, body.outputs[:carried], before)
    if not before.nodes and not behind:
        return None
    inside = [node for node in inside if node not in behind]
    varying = {v for node in inside for v in node.outputs}.union(body.inputs[:carried])
    wanted = [*body.outputs[carried:], *(v for node in behind for v in node.operands)]
    results = list(dict.fromkeys(v for v in wanted if v in varying))
    ends = [*body.outputs[:carried], *results]
    read = {v for node in inside for v in node.operands}.union(ends)
    sequences = {v: outside for v, outside in before.of_all.items() if v in read}
    shared = {v: outside for v, outside in before.alike.items() if v in read}
    new = _copied([*body.inputs[:carried], *sequences, *shared], inside, ends)
    given = [*operands[:carried], *sequences.values(), *shared.values()]
    after = _Outside(how["length"])
    outputs = after.build(scan, *given, **{**how, "body": new, "sliced": len(sequences)})
    after.of_all = {**before.of_all, **dict(zip(results, outputs[carried:], strict=True))}
    after.alike = before.alike
    for node in behind:
        after.add_of_all(node)
    found = [_result(after, v) for v in body.outputs[carried:]]
    return Parts([*before.nodes, *after.nodes], [*outputs[:carried], *found])


def _copied(inputs: Sequence[Value], nodes: Sequence[Node], outputs: Sequence[Value]) -> Graph:
    """A graph of its own, whose inputs nothing computes."""
    new = {value: Value(value.shape, value.dtype) for value in inputs}
    copies: list[Node] = []
    for node in nodes:
        copy, made = node.on([new.get(v, v) for v in node.operands])
        new.update(zip(node.outputs, made, strict=True))
        copies.append(copy)
    ends = [new.get(value, value) for value in outputs]
    return Graph([new[value] for value in inputs], copies, ends)


def _result(after: _Outside, value: Value) -> Value:
    """A result of all steps."""
    if value in after.of_all:
        return after.of_all[value]
    same = after.alike.get(value, value)
    (one,) = after.build(reshape, same, shape=(1, *value.shape))
    return after.build(broadcast_to, one, shape=(after.length, *value.shape))[0]


def _take_before(body: Graph, before: _Outside) -> list[Node]:
    """Put outside what can be made before the loop; returns the nodes that stay."""
    early = set(before.of_all)  # could be made of all steps
    found: list[Node] = []
    for node in body.nodes:
        if _is_alike(node, before.alike):
            before.add_alike(node)
            continue
        known = all(_is_fixed(v, before) or v in early for v in node.operands)
        if known and _can(node, early):
            early.update(node.outputs)
            found.append(node)
    products = [n for n in found if n.op is matmul and _is_fixed(n.operands[1], before)]
    taken = _needed(found, products)
    for node in found:
        if node in taken:
            before.add_of_all(node)
    gone = {**before.of_all, **before.alike}
    return [node for node in body.nodes if node.outputs[0] not in gone]


def _is_fixed(value: Value, outside: _Outside) -> bool:
    return value.constant is not None or value in outside.alike


def _is_alike(node: Node, alike: dict[Value, Value]) -> bool:
    """Whether a node computes the same in all steps, and is not as good as nothing."""
    if node.op is broadcast_to or not any(v in alike for v in node.operands):
        return False
    return all(v.constant is not None or v in alike for v in node.operands)


def _needed(nodes: Sequence[Node], ends: Iterable[Node]) -> set[Node]:
    """The nodes that some depend on, and these."""
    taken = set(ends)
    values = {v for node in taken for v in node.operands}
    for node in reversed(nodes):
        if node in taken or not values.isdisjoint(node.outputs):
            taken.add(node)
            values.update(node.operands)
    return taken


def _behind(nodes: Sequence[Node], carried: Sequence[Value], before: _Outside) -> list[Node]:
    """The products that nothing carried depends on, and what reads them; in order."""
    needed = set(carried)
    free: list[Node] = []
    for node in reversed(nodes):
        if needed.isdisjoint(node.outputs):
            free.append(node)
        else:
            needed.update(node.operands)
    moved: set[Value] = set()
    found: list[Node] = []
    for node in reversed(free):
        starts = (
            node.op is matmul
            and not _is_fixed(node.operands[0], before)
            and _is_fixed(node.operands[1], before)
        )
        if not starts and moved.isdisjoint(node.operands):
            continue
        varying = {v for v in node.operands if not _is_fixed(v, before)}
        if not _can(node, varying):
            return []
        found.append(node)
        moved.update(node.outputs)
    return found
