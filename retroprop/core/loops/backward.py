"""The body of the loop that runs back, and what it needs of the steps that ran before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retroprop import shapes
from retroprop.core.loops.halves import Halves
from retroprop.core.loops.sums import Plan, planned
from retroprop.ir import Graph, Node, Value
from retroprop.ops.arithmetic import add

__all__ = ["Backward"]

# Elementwise work that costs no more than to read its result from memory.
_CHEAP = frozenset(
    "add subtract multiply negative maximum minimum where cast greater greater_equal less "
    "less_equal equal not_equal logical_and logical_not logical_or sign abs square".split()
)


class Backward:
    """A step backward.

    Its inputs are, in this order: gradients of what is `active`; sums so far of `inside`; for each
    step the gradients of `results`, what is in `kept`, and elements of the sequences `read`; and
    what all steps share, `shared`. Its outputs: the gradients and sums carried on, then
    the gradients of the sequences `taken`, and what is `given` besides.

    Attributes:
        graph:  the body.
        active: numbers of carried values that have gradients.
        plans:  how the gradient of an input that all steps share is made, by its number; of
                those `inside` it is summed up in the loop.
        kept:   values of the forward half that each step has to keep.
        alike:  values that are the same in all steps.
    """

    def __init__(self, halves: Halves) -> None:
        self.halves = halves
        first, end = halves.carried, halves.carried + halves.sliced
        found, inputs = halves.found, halves.inputs
        self.sequences = {inputs[k]: k for k in range(first, end)}
        self.seeds = {v: n for n, v in enumerate(halves.seeds) if v is not None and n >= first}
        self.active = [k for k in range(first) if halves.wanted[k]]
        self.taken = [k for k in range(first, end) if found[k] is not None]
        common = [k for k in range(end, len(inputs)) if found[k] is not None]
        self.common = {inputs[k]: k for k in range(end, len(inputs))}
        self.alike = self._alike()
        self.plans: dict[int, Plan] = {}
        for k in common:
            plan = planned(_value(found[k]), self.alike)
            if plan is not None:
                self.plans[k] = plan
        self.inside = [k for k in common if k not in self.plans]
        self._forward = {v for node in halves.forward for v in node.outputs}
        self._forward.update(inputs[:first])
        self._gather()

    def _alike(self) -> set[Value]:
        """What follows from that alone which all steps share."""
        found = {*self.common, *self.halves.constants}
        for node in (*self.halves.forward, *self.halves.backward):
            if all(v.constant is not None or v in found for v in node.operands):
                found.update(node.outputs)
        return found

    def _gather(self) -> None:
        """What the body computes, and what it takes."""
        halves, found = self.halves, self.halves.found
        asked = dict.fromkeys(v for plan in self.plans.values() for v in plan.asked)
        known = {*self.sequences, *self.seeds}
        self.given = [v for v in asked if v not in self._forward and v not in known]
        carried = [_value(found[k]) for k in self.active]
        added = [_value(found[k]) for k in self.inside]
        gradients = [_value(found[k]) for k in self.taken]
        ends = [*carried, *added, *gradients, *self.given]
        live = _living(halves.backward, ends)
        wanted = {v for node in live for v in node.operands}.union(ends)
        must = {v for v in asked if v in self._forward}
        self.kept, again = self._settled(wanted, must)
        nodes = [*again, *live]
        read = {v for node in nodes for v in node.operands}.union(ends)
        self.results = [n for v, n in self.seeds.items() if v in read]
        self.read = [k for v, k in self.sequences.items() if v in read]
        self.shared = [k for v, k in self.common.items() if v in read]
        self._build(nodes, [carried, added, gradients])

    def _settled(self, wanted: set[Value], must: set[Value]) -> tuple[list[Value], list[Node]]:
        """Of the forward values that are read: those kept, and nodes that run once more."""
        forward = self.halves.forward
        need = must | {v for v in wanted if v in self._forward}
        for node in reversed(forward):  # what is only another look is looked at again
            for v in node.outputs:
                if v in need and v not in must and (v in self.alike or _is_look(node, need)):
                    need.update(o for o in node.operands if o in self._forward)
        first = self.halves.inputs[: self.halves.carried]
        kept = [v for v in first if v in need]
        there = {*kept, *self.alike, *self.sequences}
        again: list[Node] = []
        for node in forward:
            if need.isdisjoint(node.outputs):
                continue
            if must.isdisjoint(node.outputs) and self._runs_again(node, there, need):
                again.append(node)
            else:
                kept += [v for v in node.outputs if v in need]
            there.update(node.outputs)
        return kept, again

    def _runs_again(self, node: Node, there: set[Value], need: set[Value]) -> bool:
        """Whether a node is computed a second time instead of being kept."""
        if any(v.constant is None and v not in there for v in node.operands):
            return False
        look = _is_look(node, need)
        return look or node.op.name in _CHEAP or self.alike.issuperset(node.outputs)

    def _build(self, nodes: list[Node], parts: list[list[Value]]) -> None:
        """The body, on inputs of its own."""
        halves = self.halves
        carried, added, gradients = parts
        old = [
            *(halves.seeds[k] for k in self.active),
            *(halves.seeds[n] for n in self.results),
            *self.kept,
            *(halves.inputs[k] for k in (*self.read, *self.shared)),
        ]
        new = {_value(v): Value(_value(v).shape, _value(v).dtype) for v in old}
        sums = [Value(v.shape, v.dtype) for v in added]
        copied: list[Node] = []
        for value, array in halves.constants.items():
            new[value] = Value(value.shape, value.dtype, constant=array)
        for node in nodes:
            copy, made = node.on([new.get(v, v) for v in node.operands])
            new.update(zip(node.outputs, made, strict=True))
            copied.append(copy)
        totals = []
        for so_far, value in zip(sums, added, strict=True):
            node = Node(add, (so_far, new.get(value, value)), {})
            node.outputs = (Value(so_far.shape, so_far.dtype, node=node),)
            totals.append(node.outputs[0])
            copied.append(node)
        count = len(self.active)
        ins = [new[_value(v)] for v in old]
        outs = [new.get(v, v) for v in (*gradients, *self.given)]
        self.graph = Graph(
            [*ins[:count], *sums, *ins[count:]],
            copied,
            [*(new.get(v, v) for v in carried), *totals, *outs],
        )


def _value(value: Value | None) -> Value:
    assert value is not None
    return value


def _is_look(node: Node, need: set[Value]) -> bool:
    """Whether a node only looks at memory in another way: at most of it, or repeats it."""
    if node.op.name == "split":
        used = sum(shapes.size(v.shape) for v in node.outputs if v in need)
        return 2 * used > shapes.size(node.operands[0].shape)
    return node.op.name in {"reshape", "permute_dims", "broadcast_to"}


def _living(nodes: Sequence[Node], ends: Iterable[Value]) -> list[Node]:
    """The nodes that some values depend on."""
    needed = set(ends)
    living = []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.outputs):
            living.append(node)
            needed.update(node.operands)
    return living[::-1]
