"""Reductions with the elementwise work before them fused in: nothing is stored in between.

Sums of a float are made in one fixed order: lanes side by side along the run, then the lanes by
halves. A long reduction is cut in blocks whose number depends on the shape alone; each block is a
row of its own and a second reduction combines them, so any number of threads gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.backends.llvm.elementwise import lanes_for
from retroprop.backends.llvm.expression import Expression, Reference, resolve
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function
from retroprop.backends.llvm.scalar import Builder, Scalar
from retroprop.backends.llvm.space import (
    Axis,
    advance,
    broadcast_view,
    collapsed,
    leading_slab,
    walk,
)
from retroprop.backends.llvm.sweep import Stream, gather, scatter, sweep

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["COMBINE", "Reduction", "across", "identity"]

Shape = tuple[int, ...]

_RUN = 64  # vectors of results that are summed up in a buffer

COMBINE: dict[str, Callable[[Builder, Scalar, Scalar], Scalar]] = {
    "sum": lambda b, x, z: b.add(x, z),
    "prod": lambda b, x, z: b.multiply(x, z),
    "max": lambda b, x, z: b.maximum(x, z),
    "min": lambda b, x, z: b.minimum(x, z),
    "all": lambda b, x, z: b.logical_and(x, z),
    "any": lambda b, x, z: b.logical_or(x, z),
}


def identity(kind: str, dtype: np.dtype[Any]) -> Any:
    """What a reduction starts from: combining it with x gives x.

    Example:
        >>> identity("sum", np.dtype("float32")), identity("max", np.dtype("int8"))
        (0, -128)
    """
    if kind in ("sum", "any"):
        return 0
    if kind in ("prod", "all"):
        return 1
    if dtype.kind == "f":
        return -np.inf if kind == "max" else np.inf
    limits = dtypes.iinfo(dtype)
    return int(limits.min if kind == "max" else limits.max)


class Reduction(Kernel):
    """results[kept] = kind over the reduced axes of expression(operands), and stores on the way.

    Args:
        kind:       a key of COMBINE.
        shape:      the space.
        axes:       the axes that are reduced away.
        expression: what is computed at each place.
        value:      what is reduced, a reference into the expression.
        operands:   views that broadcast to the shape.
        result:     view of the kept axes (no axis of the reduced ones), in order.
        stores:     further results of the whole shape, written on the way.
        stored:     what each of them holds.
    """

    def __init__(
        self,
        kind: str,
        shape: Shape,
        axes: Sequence[int],
        expression: Expression,
        value: Reference,
        operands: Sequence[View],
        result: View,
        stores: Sequence[View] = (),
        stored: Sequence[Reference] = (),
    ) -> None:
        self.what = f"{kind}({expression.name})" if expression.steps else kind
        self.kind, self.shape, self.axes = kind, shape, tuple(sorted(axes))
        self.expression, self.value, self.stored = expression, value, tuple(stored)
        self.dtype = result.dtype
        self.results, self.operands = (result, *stores), tuple(operands)
        kept = [axis for axis in range(len(shape)) if axis not in self.axes]
        strides = [0] * len(shape)
        for axis, stride in zip(kept, result.strides, strict=True):
            strides[axis] = stride
        spread = result._replace(shape=shape, strides=tuple(strides))
        self.views = [spread, *stores, *(broadcast_view(view, shape) for view in operands)]
        self.kept = collapsed(shape, self.views, kept)
        self.reduced = collapsed(shape, self.views, self.axes)
        self.flops = shapes.size(shape) * (len(expression.steps) + 1)
        self._choose_rows(kept)

    def _choose_rows(self, kept: Sequence[int]) -> None:
        """Rows are the first kept axis; the columns themselves when they are walked side by side.

        The vector runs along the last reduced axis where memory does, else along the last kept one.
        """
        operands = range(len(self.results), len(self.views))

        def run(axes: list[Axis]) -> int:
            return sum(axes[-1][1][i] == 1 for i in operands) if axes else -1

        self.along_kept = bool(self.kept) and run(self.kept) > run(self.reduced)
        first = next((axis for axis in kept if self.shape[axis] != 1), None)
        if first is None:
            self.rows, self.slabs = 1, (None,) * len(self.views)
            return
        size = self.shape[first]
        merged = bool(self.kept) and self.kept[0][0] != size
        if merged:  # walk the first kept axis by itself, so that rows are those of the array
            total, strides = self.kept[0]
            inner = total // size
            outer = tuple(view.strides[first] for view in self.views)
            self.kept[:1] = [(size, outer), (inner, strides)]
        self.rows = size
        leads = all(self.shape[axis] == 1 for axis in range(first))
        self.slabs = tuple(
            leading_slab(_from(view, first)) if leads else None for view in self.views
        )

    @property
    def signature(self) -> object:
        return (
            "reduction",
            self.kind,
            self.axes,
            self.expression.key,
            self.value,
            self.stored,
            self.along_kept,
            *(view.layout for view in self.views),
        )

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(
            module, "reduction", len(self.results), len(self.operands)
        )
        pointers = [*results, *operands]
        items = [view.dtype.itemsize for view in self.views]
        if not self.kept:
            self._emit_inner(f, target, pointers, items)
        elif self.along_kept and len(self.kept) == 1:
            self._emit_columns(f, target, pointers, items, lo, hi)
        else:
            with f.loop(lo, hi) as row:
                steps = zip(pointers, self.kept[0][1], items, strict=True)
                at_row = [advance(f, p, row.index, stride * item) for p, stride, item in steps]
                rest = self.kept[1:]
                outer = rest[:-1] if self.along_kept else rest
                with walk(f, outer, at_row, items) as moved:
                    if self.along_kept:
                        self._emit_columns(f, target, moved, items, 0, rest[-1][0])
                    else:
                        self._emit_inner(f, target, moved, items)
        f.leave()
        return module.add_shared(f)

    def _emit_inner(
        self, f: Function, target: Target, pointers: list[Register], items: list[int]
    ) -> None:
        """One element of the result: lanes along the last reduced axis, combined at the end."""
        size, strides = self.reduced[-1] if self.reduced else (1, (0,) * len(self.views))
        lanes, exact = lanes_for(target, size, size, strides[1:])
        b = Builder(f, target, lanes)
        start = b.constant(identity(self.kind, self.dtype), self.dtype)
        room = f.allocate(start.register.type)
        f.store(start.register, room)
        with walk(f, self.reduced[:-1], pointers, items) as moved:
            streams = self._streams(moved, strides)
            (total,) = sweep(
                b,
                streams[len(self.results) :],
                streams[1 : len(self.results)],
                0,
                size,
                exact=exact,
                body=self._body(b, start),
                carry=[f.load(start.register.type, room)],
            )
            f.store(total, room)
        whole = across(b, self.kind, Scalar(f.load(start.register.type, room), self.dtype))
        b.with_lanes(1).store(whole, pointers[0])

    def _emit_columns(
        self,
        f: Function,
        target: Target,
        pointers: list[Register],
        items: list[int],
        lo: int | Register,
        hi: int | Register,
    ) -> None:
        """Elements of the result side by side: as many vectors as make a long run, then four, then
        one, then single ones; each is a chain over the reduced places, the same whichever way.
        """
        lanes, _ = lanes_for(target, self.kept[-1][0], 1, ())
        start = f.integer(lo)
        runs = 0 if self.dtype.kind == "b" else min(_RUN, self.kept[-1][0] // lanes)
        for wide, together in dict.fromkeys(
            ((lanes, max(4, runs)), (lanes, 4), (lanes, 1), (1, 1))
        ):
            step = wide * together
            if isinstance(lo, int) and isinstance(hi, int):
                stop: int | Register = lo + (hi - lo) // step * step
                if stop == lo:
                    continue
                start, lo = f.integer(lo), stop
            else:
                whole = f.binary("sdiv", f.binary("sub", f.integer(hi), start), f.integer(step))
                stop = f.binary("add", start, f.binary("mul", whole, f.integer(step)))
            with f.loop(start, stop, step) as loop:
                at = [
                    advance(f, p, loop.index, stride * item)
                    for p, stride, item in zip(pointers, self.kept[-1][1], items, strict=True)
                ]
                emit = self._emit_together if together <= 4 else self._emit_run
                emit(f, Builder(f, target, wide), at, items, together)
            start = f.integer(stop)

    def _emit_together(
        self, f: Function, b: Builder, at: list[Register], items: list[int], together: int
    ) -> None:
        """`together` vectors of neighbouring results, summed up side by side."""
        start = b.constant(identity(self.kind, self.dtype), self.dtype).register
        rooms = [f.allocate(start.type) for _ in range(together)]
        for room in rooms:
            f.store(start, room)
        size, strides = self.reduced[-1] if self.reduced else (1, (0,) * len(self.views))
        along = self.kept[-1][1]
        with walk(f, self.reduced[:-1], at, items) as moved:
            totals = [f.load(start.type, room) for room in rooms]
            with f.loop(0, size, carry=totals) as loop:
                here = [
                    advance(f, p, loop.index, stride * item)
                    for p, stride, item in zip(moved, strides, items, strict=True)
                ]
                found = []
                for number, total in enumerate(loop.carried):
                    streams = [
                        Stream(f.at(p, number * b.lanes * stride, item), view.dtype, stride)
                        for p, stride, item, view in zip(
                            here, along, items, self.views, strict=True
                        )
                    ]
                    found.append(self._visit(b, streams, total))
                loop.carry(*found)
            for total, room in zip(loop.carried, rooms, strict=True):
                f.store(total, room)
        for number, room in enumerate(rooms):
            place = Stream(f.at(at[0], number * b.lanes * along[0], items[0]), self.dtype, along[0])
            scatter(b, place, Scalar(f.load(start.type, room), self.dtype), place.pointer)

    def _emit_run(
        self, f: Function, b: Builder, at: list[Register], items: list[int], together: int
    ) -> None:
        """A run of neighbouring results, summed up in a buffer, one reduced place after the other.

        Memory is read along the run, which it can be fetched ahead for; from four vectors here to
        four vectors a row further on it cannot (the gradient of GELU with the sum of its columns
        took twice as long that way).
        """
        start = b.constant(identity(self.kind, self.dtype), self.dtype).register
        buffer = f.allocate(start.type, together)
        step = b.lanes * self.dtype.itemsize
        with f.loop(0, together) as each:
            f.store(start, f.at(buffer, each.index, step))
        size, strides = self.reduced[-1] if self.reduced else (1, (0,) * len(self.views))
        along, count = self.kept[-1][1], len(self.results)
        with walk(f, self.reduced[:-1], at, items) as moved, f.loop(0, size) as place:
            here = [
                advance(f, p, place.index, stride * item)
                for p, stride, item in zip(moved, strides, items, strict=True)
            ]
            streams = self._streams(here, along)
            same = {k: self._load(b, s) for k, s in enumerate(streams[count:]) if not s.stride}
            with f.loop(0, together) as each:
                nearer = [
                    stream._replace(
                        pointer=advance(
                            f, stream.pointer, each.index, b.lanes * stream.stride * item
                        )
                    )
                    for stream, item in zip(streams, items, strict=True)
                ]
                room = f.at(buffer, each.index, step)
                f.store(self._visit(b, nearer, f.load(start.type, room), same), room)
        with f.loop(0, together) as each:
            room = f.at(buffer, each.index, step)
            result = advance(f, at[0], each.index, b.lanes * along[0] * items[0])
            total = Scalar(f.load(start.type, room), self.dtype)
            scatter(b, Stream(result, self.dtype, along[0]), total, result)

    def _load(self, b: Builder, stream: Stream) -> Scalar:
        if stream.stride:
            return gather(b, stream, stream.pointer)
        return b.splat(b.with_lanes(1).load(stream.pointer, stream.dtype))

    def _visit(
        self,
        b: Builder,
        streams: list[Stream],
        total: Register,
        known: Mapping[int, Scalar] = MappingProxyType({}),
    ) -> Register:
        """Combine one vector of places into the running total, storing on the way.

        Args:
            known: operands that are loaded already, by number.
        """
        count = len(self.results)
        loaded = [
            known[number] if number in known else self._load(b, stream)
            for number, stream in enumerate(streams[count:])
        ]
        stored, (total,) = self._body(b, None)(loaded, None, (total,))
        for stream, value in zip(streams[1:count], stored, strict=True):
            scatter(b, stream, value, stream.pointer)
        return total

    def _streams(self, pointers: Sequence[Register], strides: Sequence[int]) -> list[Stream]:
        return [
            Stream(pointer, view.dtype, stride)
            for pointer, view, stride in zip(pointers, self.views, strides, strict=True)
        ]

    def _body(self, b: Builder, start: Scalar | None) -> Any:
        """Evaluate, combine with what is carried; lanes that do not count combine `start`."""
        combine = COMBINE[self.kind]

        def body(loaded, counted, carried):  # type: ignore[no-untyped-def]
            values = self.expression.evaluate(b, loaded)
            value = b.cast(resolve(b, self.value, loaded, values), self.dtype)
            if counted is not None and start is not None:
                value = b.select(b.first_lanes(counted), value, start)
            total = combine(b, Scalar(carried[0], self.dtype), value)
            stored = [resolve(b, item, loaded, values) for item in self.stored]
            return stored, (total.register,)

        return body


def _from(view: View, axis: int) -> View:
    return view._replace(shape=view.shape[axis:], strides=view.strides[axis:])


def across(b: Builder, kind: str, x: Scalar) -> Scalar:
    """All lanes combined, by halves."""
    f, lanes, register = b.function, b.lanes, x.register
    while lanes > 1:
        half = lanes // 2
        low, high = (
            f.shuffle(register, register, range(start, start + half))
            if half > 1
            else f.extract(register, start)
            for start in (0, half)
        )
        narrow = b.with_lanes(half)
        register = COMBINE[kind](narrow, Scalar(low, x.dtype), Scalar(high, x.dtype)).register
        lanes = half
    return Scalar(register, x.dtype)
