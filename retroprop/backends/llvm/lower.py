"""From a graph to kernels: which nodes are fused, which are only another look at memory.

Nodes are taken in order and put into units. A unit is a kernel to be: a fused stretch of
elementwise work with at most one reduction, a matrix product, an indexing kernel, a copy, or an op
that runs through its reference. Units are numbered, and a unit reads only units before it, so their
order is a legal order of execution. A value gets memory when something outside its unit reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop import shapes
from retroprop.backends.llvm import custom
from retroprop.backends.llvm.expression import Constant, Expression, Operand, Reference
from retroprop.backends.llvm.kernel import Buffer, Kernel, View, contiguous
from retroprop.backends.llvm.produce import (
    Call,
    copied,
    elementwise,
    product,
    reduced_axes,
    reduction,
)
from retroprop.backends.llvm.reduction import COMBINE
from retroprop.backends.llvm.scalar import supports
from retroprop.backends.llvm.views import MOVED, VIEWED, pieces, viewed
from retroprop.dtypes import kind

if TYPE_CHECKING:
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Graph, Node, Value

__all__ = ["Lowered"]

_STEPS, _POINTERS = 48, 20  # of one fused kernel, so that it stays within registers


class Unit:
    """A kernel to be.

    Attributes:
        index:    its place in the order of execution.
        shape:    the space of fused work; None for every other kind, which nothing joins.
        nodes:    fused elementwise nodes.
        reduced:  the fused reduction, or None.
        inside:   the values that the fused nodes compute.
        works:    kernels and calls of a unit that is not fused.
    """

    def __init__(self, index: int, shape: tuple[int, ...] | None = None) -> None:
        self.index, self.shape = index, shape
        self.nodes: list[Node] = []
        self.reduced: Node | None = None
        self.inside: set[Value] = set()
        self.outside: dict[Value, None] = {}
        self.works: list[Kernel | Call] = []


class Lowered:
    """A graph as work in order.

    Args:
        donated: output number -> number of the input whose memory it takes over.

    Attributes:
        works:     kernels, and calls of references, in a legal order.
        inputs:    the buffer of each graph input.
        outputs:   the buffer of each graph output; a donated one is that of its input.
        constants: (buffer, array) of literals that kernels read from memory.
        status:    node by the number under which its kernel reports errors.
    """

    def __init__(self, graph: Graph, donated: dict[int, int], target: Target) -> None:
        self.graph, self.donated, self.target = graph, donated, target
        self.constants: list[tuple[Buffer, np.ndarray[Any, Any]]] = []
        self.status: dict[int, Node] = {}
        self._units: list[Unit] = []
        self._views: dict[Value, View] = {}
        self._unit: dict[Value, Unit] = {}  # what computes a value, or what it is a view of
        self._root: dict[Value, Value] = {}
        self._last_reader: dict[Value, int] = {}
        self._sharing: dict[Value, Unit] = {}  # the last fused unit that reads a value
        self._literals: dict[Value, View] = {}
        self._last_failing = -1
        self._checked: set[tuple[View, Any]] = set()  # indices, and what they were held to
        self.inputs = [self._input(value, slot) for slot, value in enumerate(graph.inputs)]
        self._readers = _reader_counts(graph)
        for node in graph.nodes:
            self._place(node)
        self._settle_outputs()
        self.works = [work for unit in self._units for work in self._works(unit)]

    # -- values ----------------------------------------------------------------------------------

    def _input(self, value: Value, slot: int) -> Buffer:
        buffer = Buffer(_bytes(value), "slot", slot, f"input {slot}")
        self._views[value] = View(buffer, value.dtype, value.shape, contiguous(value.shape))
        return buffer

    def view(self, value: Value, reader: Unit | None = None) -> View:
        """Where a value lies in memory; asking for it gives it memory."""
        if value.constant is not None:
            return self._literal(value)
        root = self._root.get(value, value)
        if reader is not None:
            self._last_reader[root] = max(self._last_reader.get(root, -1), reader.index)
        if value not in self._views:
            buffer = Buffer(_bytes(value), what=value.node.op.name if value.node else "")
            self._views[value] = View(buffer, value.dtype, value.shape, contiguous(value.shape))
        return self._views[value]

    def _literal(self, value: Value) -> View:
        if value not in self._literals:
            array = np.ascontiguousarray(value.constant)
            buffer = Buffer(array.nbytes, "constant", len(self.constants), "literal")
            self.constants.append((buffer, array))
            self._literals[value] = View(buffer, value.dtype, value.shape, ())
        return self._literals[value]

    def _new_unit(self, shape: tuple[int, ...] | None = None) -> Unit:
        self._units.append(Unit(len(self._units), shape))
        return self._units[-1]

    def _index(self, value: Value) -> int:
        unit = self._unit.get(value)
        return -1 if unit is None else unit.index

    # -- placing nodes ---------------------------------------------------------------------------

    def _place(self, node: Node) -> None:
        op: Any = node.op
        native = all(supports(v.dtype) for v in (*node.operands, *node.outputs))
        if op.name in VIEWED:
            self._place_view(node)
        elif native and op.lower is not None and kind(node.operands[0].dtype) in op.lowers:
            self._place_elementwise(node)
        elif native and op.name in COMBINE and node.operands[0].constant is None:
            self._place_reduction(node)
        else:
            self._place_whole(node, native)

    def _place_view(self, node: Node) -> None:
        """Another look at the same memory; a copy only where no strides can say it."""
        (operand,) = node.operands
        before = self.view(operand)
        found = viewed(node, before)
        if found is None:
            unit = self._new_unit()
            before = self.view(operand, unit)
            dense = View(
                Buffer(_bytes(operand), what="copy"),
                operand.dtype,
                operand.shape,
                contiguous(operand.shape),
            )
            unit.works.append(copied(dense, before))
            found = viewed(node, dense)
            assert found is not None
            self._views[node.outputs[0]], self._unit[node.outputs[0]] = found[0], unit
            return
        root = self._root.get(operand, operand)
        for output, view in zip(node.outputs, found, strict=True):
            self._views[output] = view
            self._root[output] = root
            if root in self._unit:
                self._unit[output] = self._unit[root]

    def _place_elementwise(self, node: Node) -> None:
        shape = node.outputs[0].shape
        unit = self._joined(node, shape) or self._new_unit(shape)
        self._gather(unit, node)
        self._read(unit, node)
        unit.nodes.append(node)
        unit.inside.add(node.outputs[0])
        self._unit[node.outputs[0]] = unit

    def _gather(self, unit: Unit, node: Node) -> None:
        """Take in the units of other operands when nothing else has read what they compute."""
        for operand in node.operands:
            other = self._unit.get(operand)
            if other is None or other is unit or other.shape != unit.shape or other.reduced:
                continue
            small = len(unit.nodes) + len(other.nodes) < _STEPS
            alone = not any(value in self._views for value in other.inside)
            if other.index < unit.index and small and alone:
                unit.nodes[:0] = other.nodes
                unit.inside |= other.inside
                unit.outside = {**other.outside, **unit.outside}
                for value in other.inside:
                    self._unit[value] = unit
                for value in other.outside:
                    self.view(value, unit)
                    if self._sharing.get(value) is other:
                        self._sharing[value] = unit
                other.nodes, other.inside, other.outside = [], set(), {}

    def _read(self, unit: Unit, node: Node) -> None:
        """Give memory to what a fused node reads from outside its unit."""
        for operand in node.operands:
            if operand.constant is None and operand not in unit.inside:
                self.view(operand, unit)
                unit.outside[operand] = None
                if operand.shape == unit.shape:
                    self._sharing[operand] = unit

    def _joined(self, node: Node, shape: tuple[int, ...]) -> Unit | None:
        """The latest unit that a node may become a part of."""
        candidates = []
        for operand in node.operands:
            for unit in (self._unit.get(operand), self._sharing.get(operand)):
                if unit is None or unit.shape != shape or unit in candidates:
                    continue
                if unit.reduced is None or operand in unit.inside:
                    candidates.append(unit)
        candidates.sort(key=lambda unit: -unit.index)
        return next((unit for unit in candidates if self._may_join(unit, node)), None)

    def _may_join(self, unit: Unit, node: Node) -> bool:
        if len(unit.nodes) >= _STEPS or len(unit.outside) + len(unit.inside) // 4 >= _POINTERS:
            return False
        for operand in node.operands:
            if operand.constant is not None or operand in unit.inside:
                continue
            if self._index(operand) >= unit.index:  # computed later, or by this very kernel
                return False
        return True

    def _place_reduction(self, node: Node) -> None:
        (operand,) = node.operands
        unit = self._unit.get(operand)
        if unit is None or not self._may_reduce(unit, node):
            unit = self._new_unit(operand.shape)
        self._read(unit, node)
        unit.reduced = node
        self._unit[node.outputs[0]] = unit

    def _may_reduce(self, unit: Unit, node: Node) -> bool:
        """Whether a reduction becomes a part of the unit that computes what it reduces.

        It does when rows stay rows (the first axis is kept), or when nothing else reads what the
        unit computes, so that it need not be stored at all.
        """
        (operand,) = node.operands
        if operand not in unit.inside or unit.reduced is not None:
            return False
        axes = reduced_axes(node)
        leading = next((axis for axis, size in enumerate(operand.shape) if size != 1), None)
        if leading is not None and leading not in axes:
            return True
        inner = {o for n in unit.nodes for o in n.operands}
        return all(
            value not in self._views
            and (value is operand or value in inner)
            and self._readers[value] == sum(value in n.operands for n in [*unit.nodes, node])
            for value in unit.inside
        )

    def _place_whole(self, node: Node, native: bool) -> None:
        """A product, a kernel of its own, a movement, or a call of the reference."""
        unit = self._new_unit()
        operands = [self.view(operand, unit) for operand in node.operands]
        for output in node.outputs:
            self._unit[output] = unit
        results = [self.view(output) for output in node.outputs]
        works: Sequence[Kernel | Call] | None = None
        if native and node.op.name == "matmul" and results[0].dtype.kind == "f":
            works = product(results[0], operands[0], operands[1], self.target)
        elif native and node.op.name in MOVED:
            works = pieces(node, results[0], operands)
        elif native:
            works = custom.make(node, results, operands, len(self.status))
            if works is not None and works[0].may_fail:
                self._note_failing(unit, node, works[0])
        unit.works += works if works is not None else [Call(node, results, operands)]

    def _note_failing(self, unit: Unit, node: Node, kernel: Kernel) -> None:
        """A kernel that looks for errors; not so where an earlier one looked for the same."""
        self.status[len(self.status)] = node
        if len(node.operands) > 1:
            indices = self.view(node.operands[1])
            length = getattr(kernel, "length", None)
            if (indices, length) in self._checked:
                kernel.may_fail = False
                return
            self._checked.add((indices, length))
        self._last_failing = unit.index

    # -- outputs ---------------------------------------------------------------------------------

    def _settle_outputs(self) -> None:
        """Let results be computed where the caller wants them; copy the rest at the end."""
        count = len(self.graph.inputs)
        self.outputs: list[Buffer] = []
        late: list[tuple[View, View]] = []
        taken: set[Value] = set()
        returned = {self._root.get(v, v) for v in self.graph.outputs}
        for number, value in enumerate(self.graph.outputs):
            slot = self.donated.get(number, count + number)
            if slot < count and value is self.graph.inputs[slot]:
                self.outputs.append(self.inputs[slot])
                continue
            old = self.graph.inputs[slot] if slot < count else None
            if value not in taken and self._computed_in_place(value, old, returned):
                buffer = self.view(value).buffer
                buffer.kind, buffer.slot, buffer.what = "slot", slot, f"output {number}"
                taken.add(value)
            else:
                buffer = Buffer(_bytes(value), "slot", slot, f"output {number}")
                to = View(buffer, value.dtype, value.shape, contiguous(value.shape))
                late.append((to, self.view(value)))
            self.outputs.append(buffer)
        self._copy_late(late)

    def _computed_in_place(self, value: Value, old: Value | None, returned: set[Value]) -> bool:
        """Whether the unit that makes a value may write straight into the caller's memory."""
        unit = self._unit.get(value)
        if unit is None or self._root.get(value, value) is not value or value.constant is not None:
            return False
        if not self.view(value).is_contiguous or old is None:
            return old is None
        if unit.index <= self._last_failing:  # state changes only once nothing can fail any more
            return False
        last = self._last_reader.get(old, -1)
        if old in returned or last > unit.index:
            return False
        if last < unit.index:
            return True
        aligned = unit.shape == value.shape and unit.reduced is None
        readers = [v for v in unit.outside if self._root.get(v, v) is old]
        return aligned and readers == [old]

    def _copy_late(self, late: list[tuple[View, View]]) -> None:
        """Copies into the caller's memory, through room of our own where one reads another."""
        written = {to.buffer.slot for to, _ in late}
        unit = self._new_unit()
        ready: list[tuple[View, View]] = []
        for to, source in late:
            if source.buffer.kind == "slot" and source.buffer.slot in written:
                room = to._replace(buffer=Buffer(to.buffer.size, what="copy"))
                unit.works.append(copied(room, source))
                source = room  # noqa: PLW2901
            ready.append((to, source))
        unit.works += [copied(to, source) for to, source in ready]

    # -- kernels ---------------------------------------------------------------------------------

    def _works(self, unit: Unit) -> Sequence[Kernel | Call]:
        if unit.shape is None:
            return unit.works
        expression = Expression()
        places: dict[Value, Reference] = {}
        operands: list[View] = []

        def refer(value: Value) -> Reference:
            if value.constant is not None:
                return Constant(value.constant.item(), value.dtype)
            if value not in places:
                places[value] = Operand(len(operands))
                operands.append(self._views[value])
            return places[value]

        for node in unit.nodes:
            arguments = [refer(operand) for operand in node.operands]
            (output,) = node.outputs
            places[output] = expression.apply(node.op, arguments, node.attributes, output.dtype)
        kept = [value for node in unit.nodes for value in node.outputs if value in self._views]
        results = [self._views[value] for value in kept]
        values = [places[value] for value in kept]
        if unit.reduced is None:
            return [elementwise(unit.shape, expression, operands, results, values)] if kept else []
        node = unit.reduced
        result = self.view(node.outputs[0])
        value = refer(node.operands[0])
        axes = reduced_axes(node)
        return reduction(
            node.op.name, unit.shape, axes, expression, value, operands, result, results, values
        )


def _reader_counts(graph: Graph) -> dict[Value, int]:
    """How many nodes read each value; being an output counts too."""
    counts: dict[Value, int] = {}
    for node in graph.nodes:
        for output in node.outputs:
            counts.setdefault(output, 0)
        for operand in set(node.operands):
            counts[operand] = counts.get(operand, 0) + 1
    for value in graph.outputs:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _bytes(value: Value) -> int:
    return shapes.size(value.shape) * value.dtype.itemsize
