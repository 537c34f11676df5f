"""Where the values of a graph lie in memory, and which unit of work makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop import shapes
from retroprop.backends.llvm.halo import Halo
from retroprop.backends.llvm.images import bordered, is_image
from retroprop.backends.llvm.kernel import Buffer, Kernel, View, contiguous
from retroprop.backends.llvm.layout import (
    Layout,
    is_aware,
    layouts,
    order_of_weight,
    origin,
    placed,
)
from retroprop.backends.llvm.pooling import WINNER, keeps_winner
from retroprop.backends.llvm.produce import Call

if TYPE_CHECKING:
    from retroprop.ir import Graph, Node, Value

__all__ = ["Unit", "Values", "bytes_of", "reader_counts"]


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
        self.waits: list[View] = []  # what has to be there before, though it is not read


class Values:
    """The values of a graph, as far as they are placed.

    Args:
        resident: slots whose memory we may choose the order of.
        given:    where the inputs lie, when it is not in slots.

    Attributes:
        views:       where each value lies that has memory.
        unit_of:     what computes a value, or what it is a view of.
        root:        of a value that is a view, the value that it is a view of.
        last_reader: the number of the last unit that reads a value or a view of it.
        orders:      of slots that lie otherwise than in the order of their axes, that order.
        inputs:      the buffer of each graph input.
        constants:   (buffer, array) of literals that kernels read from memory.
    """

    def __init__(
        self, graph: Graph, resident: frozenset[int], given: Sequence[View] | None = None
    ) -> None:
        self.graph = graph
        self.views: dict[Value, View] = {}
        self.unit_of: dict[Value, Unit] = {}
        self.root: dict[Value, Value] = {}
        self.last_reader: dict[Value, int] = {}
        self.constants: list[tuple[Buffer, np.ndarray[Any, Any]]] = []
        self.units: list[Unit] = []
        self.winners = _winners(graph)  # indices of maxima that nobody else reads
        self.waits: dict[Value, Value] = {}  # what the readers of a value have to wait for
        self._literals: dict[Value, View] = {}
        self._layouts = layouts(graph)
        self._copies: dict[Value, View] = {}  # of images that do not lie as they should
        self.orders = self._orders(resident)
        self.inputs: list[Buffer] = []
        if given is None:
            self.inputs = [self._input(value, slot) for slot, value in enumerate(graph.inputs)]
        else:
            self.views.update(zip(graph.inputs, given, strict=True))

    def _input(self, value: Value, slot: int) -> Buffer:
        buffer = Buffer(bytes_of(value), "slot", slot, f"input {slot}")
        self.views[value] = self.whole(buffer, value, slot)
        return buffer

    def _orders(self, resident: frozenset[int]) -> dict[int, tuple[int, ...]]:
        """How weights lie that we keep: as their convolutions want them."""
        ends = [*self.graph.inputs, *self.graph.outputs]
        found = {slot: self._layouts.get(ends[slot]) for slot in resident}
        return {
            slot: layout.order
            for slot, layout in found.items()
            if layout is not None and layout.order == order_of_weight(len(layout.order))
        }

    def whole(self, buffer: Buffer, value: Value, slot: int) -> View:
        """All of a slot's memory as a value."""
        strides = contiguous(value.shape)
        if slot in self.orders:
            none = ((0, 0),) * (len(value.shape) - 2)
            strides = placed(value.shape, value.dtype, Layout(self.orders[slot], none), "").strides
        return View(buffer, value.dtype, value.shape, strides)

    def view(self, value: Value, reader: Unit | None = None) -> View:
        """Where a value lies in memory; asking for it gives it memory."""
        if value.constant is not None:
            return self._literal(value)
        root = self.root.get(value, value)
        if reader is not None:
            if value in self.waits and reader.index > self.index(self.waits[value]):
                reader.waits.append(self.view(self.waits[value]))
            self.last_reader[root] = max(self.last_reader.get(root, -1), reader.index)
        if value not in self.views:
            what = value.node.op.name if value.node else ""
            layout = self.layout(value)
            if layout is None:
                buffer = Buffer(bytes_of(value), what=what)
                view = View(buffer, value.dtype, value.shape, contiguous(value.shape))
            else:
                dtype = WINNER if value in self.winners else value.dtype
                view = placed(value.shape, dtype, layout, what)
            self.views[value] = view
        return self.views[value]

    def layout(self, value: Value) -> Layout | None:
        """How a value is to lie, if not in the order of its axes, and what makes it can do so."""
        made_so = value.node is not None and is_aware(value.node.op)
        return self._layouts.get(value) if made_so else None

    def borders(self) -> dict[Unit, list[Kernel]]:
        """What makes the borders of images zero, by the unit that makes the image."""
        found: dict[Unit, list[Kernel]] = {}
        for value, view in self.views.items():
            layout = self.layout(value)
            if layout is not None and layout.has_border and self.root.get(value, value) is value:
                found.setdefault(self.unit_of[value], []).append(Halo(view, layout))
        return found

    def image(self, value: Value, reader: Unit) -> View:
        """A value with channels last and the border that its readers need."""
        view = self.view(value, reader)
        value = origin(value)
        layout = self._layouts[value]
        if value in self._copies:
            return self._copies[value]
        if self.layout(value) is not None or (is_image(view) and not layout.has_border):
            return view
        image, works = bordered(view, layout)
        reader.works += works
        self._copies[value] = image
        return image

    def gather_tables(self, works: list[Kernel | Call]) -> None:
        """Tables that kernels read become literals of the program."""
        for work in works:
            self.constants += [(view.buffer, array) for view, array in getattr(work, "tables", ())]

    def _literal(self, value: Value) -> View:
        if value not in self._literals:
            array = np.ascontiguousarray(value.constant)
            buffer = Buffer(array.nbytes, "constant", len(self.constants), "literal")
            self.constants.append((buffer, array))
            self._literals[value] = View(buffer, value.dtype, value.shape, ())
        return self._literals[value]

    def new_unit(self, shape: tuple[int, ...] | None = None) -> Unit:
        self.units.append(Unit(len(self.units), shape))
        return self.units[-1]

    def index(self, value: Value) -> int:
        unit = self.unit_of.get(value)
        return -1 if unit is None else unit.index


def _winners(graph: Graph) -> set[Value]:
    """Indices of maxima that only their adjoints read: kept as the number of the tap that won."""
    found = {n.outputs[1] for n in graph.nodes if n.op.name == "max_pool" and keeps_winner(n)}
    for node in graph.nodes:
        others = node.operands[:1] if node.op.name == "unpool" else node.operands
        found.difference_update(others)
    return found.difference(graph.outputs)


def bytes_of(value: Value) -> int:
    """How much memory a value takes."""
    return shapes.size(value.shape) * value.dtype.itemsize


def reader_counts(graph: Graph) -> dict[Value, int]:
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
