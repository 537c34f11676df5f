"""Fused elementwise work: one expression over a space, all its inputs read once, its outputs
written once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retroprop import shapes
from retroprop.backends.llvm.expression import Expression, Reference, resolve
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.scalar import Builder
from retroprop.backends.llvm.space import (
    Axis,
    advance,
    broadcast_view,
    collapsed,
    leading_slab,
    memory_order,
    permuted,
    walk,
)
from retroprop.backends.llvm.sweep import Stream, sweep

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Elementwise", "lanes_for"]

Shape = tuple[int, ...]

_WOVEN = 12  # vectors of runs that are taken together
_FEW = 8  # lines below which an axis is no good to be cut


class Elementwise(Kernel):
    """results[i] = expression(operands[i]) for every i of a shape.

    Args:
        shape:      the space.
        expression: what is computed at each place.
        operands:   views that broadcast to the shape.
        results:    views of the shape.
        values:     what each result holds, as references into the expression.
    """

    def __init__(
        self,
        shape: Shape,
        expression: Expression,
        operands: Sequence[View],
        results: Sequence[View],
        values: Sequence[Reference],
    ) -> None:
        self.what = expression.name
        self.expression, self.values = expression, tuple(values)
        self.results = tuple(results)
        self.operands = tuple(operands)
        views = [*results, *(broadcast_view(view, shape) for view in operands)]
        self.shape, self.views = _with_rows(shape, views)
        self.rows = self.shape[0] if self.shape else 1
        self.slabs = tuple(leading_slab(view) for view in self.views)
        self.flops = shapes.size(shape) * len(expression.steps)

    @property
    def signature(self) -> object:
        return (
            "elementwise",
            self.expression.key,
            self.values,
            *(view.layout for view in self.views),
        )

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(
            module, "elementwise", len(self.results), len(self.operands)
        )
        pointers = [*results, *operands]
        if not self.shape:
            self._emit_run(f, target, pointers, (1, (0,) * len(self.views)), 0, 1)
        else:
            self._emit_rows(f, target, pointers, lo, hi)
        f.leave()
        return module.add_shared(f)

    def _emit_rows(
        self, f: Function, target: Target, pointers: list[Register], lo: Register, hi: Register
    ) -> None:
        leading = tuple(view.strides[0] for view in self.views)
        inner = collapsed(self.shape, self.views, range(1, len(self.shape)))
        if not inner:
            self._emit_run(f, target, pointers, (self.rows, leading), lo, hi)
            return
        size, strides = inner[-1]
        if len(inner) == 1 and leading == tuple(size * stride for stride in strides):
            width = f.integer(size)
            ends = [f.binary("mul", end, width) for end in (lo, hi)]
            self._emit_run(f, target, pointers, (self.rows * size, strides), *ends, width=size)
            return
        items = [view.dtype.itemsize for view in self.views]
        woven = self._woven(target, inner)
        rooms = self._weave(f, pointers, inner, woven) if woven else {}
        with f.loop(lo, hi) as row:
            steps = zip(pointers, leading, items, strict=True)
            at_row = [advance(f, p, row.index, stride * item) for p, stride, item in steps]
            if woven:
                self._emit_woven(f, target, at_row, inner, woven, rooms)
                return
            with walk(f, inner[:-1], at_row, items) as moved:
                self._emit_run(f, target, moved, inner[-1], 0, size, width=size)

    # -- short runs ------------------------------------------------------------------------------

    def _woven(self, target: Target, inner: Sequence[Axis]) -> int:
        """Runs that are taken together because each fills no vector; 0 where that is not possible.

        It is when they lie one after the other, and what stands still between runs (a bias for each
        of a few channels) is the same for every row.
        """
        if len(inner) != 2 or any(view.strides[0] == 0 for view in self.results):
            return 0
        (count, outer), (size, strides) = inner
        lanes = target.lanes(4)
        together = lanes // math.gcd(size, lanes)
        if together == 1 or together > count or size * together > _WOVEN * lanes:
            return 0
        for view, far, near in zip(self.views, outer, strides, strict=True):
            dense, fixed = (far, near) == (size, 1), far == 0 and view.strides[0] == 0
            if not dense and not fixed:
                return 0
        return together

    def _weave(
        self, f: Function, pointers: Sequence[Register], inner: Sequence[Axis], together: int
    ) -> dict[int, Register]:
        """Copies of what stands still, repeated for as many runs as are taken together."""
        (_, outer), (size, strides) = inner
        rooms = {}
        for number, view in enumerate(self.views):
            if outer[number] or not strides[number]:
                continue
            scalar, item = storage_type(view.dtype), view.dtype.itemsize
            rooms[number] = room = f.allocate(scalar, together * size)
            with f.loop(0, together) as run, f.loop(0, size) as each:
                x = f.load(scalar, f.at(pointers[number], each.index, strides[number] * item))
                f.store(x, f.at(f.at(room, run.index, size * item), each.index, item))
        return rooms

    def _emit_woven(
        self,
        f: Function,
        target: Target,
        pointers: Sequence[Register],
        inner: Sequence[Axis],
        together: int,
        rooms: dict[int, Register],
    ) -> None:
        """One row, several runs at a time, then those that are left one by one."""
        (count, outer), (size, strides) = inner
        items = [view.dtype.itemsize for view in self.views]
        rounds, left = divmod(count, together)
        along = tuple(
            1 if number in rooms or outer[number] else 0 for number in range(len(self.views))
        )
        length = together * size
        with f.loop(0, rounds) as part:
            moved = [
                rooms[number]
                if number in rooms
                else advance(f, p, part.index, together * far * item)
                for number, (p, far, item) in enumerate(zip(pointers, outer, items, strict=True))
            ]
            self._emit_run(f, target, moved, (length, along), 0, length, width=length)
        with f.loop(rounds * together, rounds * together + left) as one:
            moved = [
                advance(f, p, one.index, far * item)
                for p, far, item in zip(pointers, outer, items, strict=True)
            ]
            self._emit_run(f, target, moved, (size, strides), 0, size, width=size)

    def _emit_run(
        self,
        f: Function,
        target: Target,
        pointers: Sequence[Register],
        axis: Axis,
        start: int | Register,
        stop: int | Register,
        *,
        width: int = 1,
    ) -> None:
        """The innermost loop; every run is a multiple of `width` elements."""
        size, strides = axis
        lanes, exact = lanes_for(target, size, width, strides)
        b = Builder(f, target, lanes)
        streams = [
            Stream(pointer, view.dtype, stride)
            for pointer, view, stride in zip(pointers, self.views, strides, strict=True)
        ]
        count = len(self.results)

        def body(loaded, counted, carried):  # type: ignore[no-untyped-def]
            values = self.expression.evaluate(b, loaded)
            return [resolve(b, value, loaded, values) for value in self.values], carried

        sweep(b, streams[count:], streams[:count], start, stop, exact=exact, body=body)


def _with_rows(shape: Shape, views: list[View]) -> tuple[Shape, list[View]]:
    """The same space in the order of memory, with an axis of some length in front: axes of size 1
    there are left out, and a short one is taken together with the next where all views allow.
    """
    order = memory_order(shape, views)
    if order != tuple(range(len(shape))):
        shape = tuple([shape[axis] for axis in order])
        views = [permuted(view, order) for view in views]
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
        views = [view._replace(shape=shape, strides=view.strides[1:]) for view in views]
    while len(shape) > 2 and shape[0] < _FEW and _is_one(views):
        shape = (shape[0] * shape[1], *shape[2:])
        views = [view._replace(shape=shape, strides=view.strides[1:]) for view in views]
    return shape, views


def _is_one(views: Sequence[View]) -> bool:
    """Whether the first two axes are walked as one by every view."""
    return all(view.strides[0] == view.shape[1] * view.strides[1] for view in views)


def lanes_for(target: Target, size: int, width: int, strides: Sequence[int]) -> tuple[int, bool]:
    """How many elements to take at a time along a run, and whether runs are multiples of that.

    Vectors hold as many elements as fit when all are 4 bytes wide; wider ones take two registers.
    """
    lanes = target.lanes(4)
    while lanes > 1 and lanes > size:
        lanes //= 2
    exact = width % lanes == 0
    if not exact and any(stride not in (0, 1) for stride in strides):
        lanes, exact = 1, True
    return lanes, exact
