"""Reading, writing and adding at positions that are data.

Every index is checked: one out of range is reported (see `status.py`) and position 0 stands in, so
nothing outside is touched. What is written or added at the same position comes in the order of the
indices, on one thread each, so results are the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.backends.llvm.elementwise import lanes_for
from retroprop.backends.llvm.kernel import Buffer, Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.scalar import Builder, Scalar
from retroprop.backends.llvm.space import (
    Axis,
    advance,
    broadcast_view,
    collapsed,
    leading_slab,
    walk,
)
from retroprop.backends.llvm.status import emit_fail
from retroprop.backends.llvm.sweep import Stream, sweep

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = [
    "FlatIndex",
    "Indexed",
    "Latest",
    "Put",
    "Read",
    "Take",
    "TakeAdd",
    "own_rows",
    "places",
    "run_over",
    "still",
    "zero",
]

Ends = tuple["Register", "Register"]  # from one place or row up to another


def _position(
    f: Function, place: Register, dtype: np.dtype[Any], length: int, status: Register, number: int
) -> Register:
    """The index at an address, from the end where negative, checked against a length."""
    index = f.load(storage_type(dtype), place)
    index = counted = f.convert("sext" if dtype.kind == "i" else "zext", index, "i64")
    if dtype.kind == "i" or dtype.itemsize == 8:  # 64 bits are read as signed, as NumPy does
        from_end = f.binary("add", index, f.integer(length))
        counted = f.select(f.compare("icmp slt", index, f.integer(0)), from_end, index)
    wrong = f.compare("icmp uge", counted, f.integer(length))
    with f.branch(wrong):
        emit_fail(f, status, number, index)
    return f.select(wrong, f.integer(0), counted)


@contextmanager
def places(
    f: Function,
    shape: tuple[int, ...],
    views: Sequence[View],
    pointers: Sequence[Register],
    rows: Ends,
) -> Iterator[list[Register]]:
    """Every place of some rows of a space."""
    axes = collapsed(shape, views, range(1, len(shape)))
    with f.loop(*rows) as row:
        moved = list(pointers)
        if shape:
            steps = [view.strides[0] * view.dtype.itemsize for view in views]
            pairs = zip(pointers, steps, strict=True)
            moved = [advance(f, pointer, row.index, step) for pointer, step in pairs]
        with walk(f, axes, moved, [view.dtype.itemsize for view in views]) as places:
            yield places


def run_over(
    f: Function,
    target: Target,
    views: Sequence[View],
    pointers: Sequence[Register],
    axis: Axis,
    body: Callable[..., Scalar],
    ends: Ends | None = None,
) -> None:
    """The first view = body(builder, element of each other one), along an axis or a part of it."""
    size, strides = axis
    lanes, exact = lanes_for(target, size, 1 if ends else size, strides)
    b = Builder(f, target, lanes)
    to, *sources = (
        Stream(pointer, view.dtype, stride)
        for pointer, view, stride in zip(pointers, views, strides, strict=True)
    )
    start, stop = ends or (f.integer(0), f.integer(size))
    sweep(b, sources, [to], start, stop, exact=exact, body=lambda x, *_: ([body(b, *x)], ()))


@contextmanager
def own_rows(f: Function, by_rows: bool, rows: Ends, count: int) -> Iterator[Ends]:
    """The rows asked for; or all, where one call has to make them all."""
    if by_rows:
        yield rows
    else:
        with f.loop(*rows):
            yield f.integer(0), f.integer(count)


def _opened(view: View, indices: View, axis: int) -> list[View]:
    """A view with the indices' axes in place of one, where it stands still; the indices there."""
    before, after = slice(None, axis), slice(axis + 1, None)
    shape = (*view.shape[before], *indices.shape, *view.shape[after])
    still = (0,) * len(indices.shape)
    strides = (*view.strides[before], *still, *view.strides[after])
    spread = (*(0,) * axis, *indices.strides, *(0,) * (len(shape) - axis - len(still)))
    pairs = ((view, strides), (indices, spread))
    return [one._replace(shape=shape, strides=moved) for one, moved in pairs]


def still(view: View, axis: int, shape: tuple[int, ...]) -> View:
    """A view that stands still along an axis, broadcast to a shape."""
    sizes = tuple(1 if i == axis else size for i, size in enumerate(view.shape))
    return broadcast_view(view._replace(shape=sizes), shape)


class Indexed(Kernel):
    """What kernels with indices share.

    Attributes:
        number: of the node among those that may fail.
        length: how many elements the axis has that is indexed.
        step:   bytes between two of them.
        views:  result, source and indices over one space.
        shape:  of that space; its first axis are the rows.
    """

    may_fail = True
    length: int
    step: int
    views: list[View]

    def __init__(self, what: str, number: int, indexed: View, axis: int, *views: View) -> None:
        self.what, self.number = what, number
        self.length = indexed.shape[axis]
        self.step = indexed.strides[axis] * indexed.dtype.itemsize
        self.views, self.shape = list(views), views[0].shape
        self.rows = self.shape[0] if self.shape else 1
        self.slabs = tuple(leading_slab(view) for view in views)

    def _index(self, f: Function, place: Register, status: Register) -> Register:
        return _position(f, place, self.views[-1].dtype, self.length, status, self.number)


class Read(Indexed):
    """A kernel that reads only what the indices say."""

    @property
    def bytes(self) -> int:
        result, indices = self.results[0], self.operands[1]
        return 2 * result.size * result.dtype.itemsize + indices.size * indices.dtype.itemsize


class Take(Read):
    """result[before, i, after] = x[before, indices[i], after]."""

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        super().__init__("take", number, x, axis, result, *_opened(x, indices, axis))
        self.results, self.operands = (result,), (x, indices)
        self.lead = axis + len(indices.shape)
        self.slabs = (self.slabs[0], None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, self.what, 1, 2)
        pointers = [*results, *operands]
        lead = max(self.lead, 1) if self.shape else 0
        if self.lead == 0:  # one slice: rows are its own first axis
            index = self._index(f, pointers[2], status)
            pointers[1] = f.at(pointers[1], index, self.step)
        with places(f, self.shape[:lead], self.views, pointers, (lo, hi)) as (to, source, place):
            if self.lead:
                source = f.at(source, self._index(f, place, status), self.step)  # noqa: PLW2901
            views = self.views[:2]
            axes = collapsed(self.shape, views, range(lead, len(self.shape)))
            axis = axes.pop() if axes else (1, (0, 0))
            items = [view.dtype.itemsize for view in views]
            with walk(f, axes, [to, source], items) as slices:
                run_over(f, target, views, slices, axis, lambda b, x: x)
        f.leave()
        return module.add_shared(f)


def zero(view: View) -> Callable[[Builder], Scalar]:
    """What makes a zero of a view's type."""
    return lambda b: b.constant(0, view.dtype)


class _Scattered(Indexed):
    """A result that is begun with something, then changed at positions in their order.

    Rows are places along the last axis, which every thread takes for all indices; there is one row
    where the indexed axis is the last.
    """

    def __init__(
        self, what: str, result: View, source: View, indices: View, axis: int, number: int
    ) -> None:
        to, spread = _opened(result, indices, axis)
        views = [to, broadcast_view(source, to.shape), spread]
        super().__init__(what, number, result, axis, *views)
        self.results = (result,)
        self.by_columns = axis < len(result.shape) - 1
        self.rows = result.shape[-1] if self.by_columns else 1

    def _runs(self, views: Sequence[View]) -> tuple[list[Axis], Axis]:
        """The axes around the runs that rows are parts of, and these."""
        axes = collapsed(views[0].shape, views, range(len(views[0].shape) - self.by_columns))
        if self.by_columns:
            return axes, (self.rows, tuple(view.strides[-1] for view in views))
        return axes, (1, (0,) * len(views))

    def _scatter(
        self,
        f: Function,
        target: Target,
        pointers: Sequence[Register],
        ends: Ends,
        status: Register,
        body: Callable[..., Scalar],
        *,
        adds: bool,
    ) -> None:
        """Change the columns at every index; what adds reads the result too."""
        axes, (size, strides) = self._runs(self.views)
        items = [view.dtype.itemsize for view in self.views]
        with walk(f, axes, pointers, items) as (start, source, place):
            to = f.at(start, self._index(f, place, status), self.step)
            chosen = [0, 0, 1] if adds else [0, 1]
            views = [self.views[i] for i in chosen]
            run = (size, tuple(strides[i] for i in chosen))
            run_over(f, target, views, [(to, source)[i] for i in chosen], run, body, ends)

    def _begin(
        self,
        f: Function,
        target: Target,
        views: Sequence[View],
        pointers: Sequence[Register],
        ends: Ends | None,
        body: Callable[..., Scalar],
    ) -> None:
        """The columns as they are before."""
        axes, run = self._runs(views)
        if not self.by_columns:
            ends, run = None, axes.pop() if axes else run
        with walk(f, axes, pointers, [view.dtype.itemsize for view in views]) as places:
            run_over(f, target, views, places, run, body, ends)


class TakeAdd(_Scattered):
    """result[before, indices[i], after] += x[before, i, after]: the adjoint of `Take`."""

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        super().__init__("take_add", result, x, indices, axis, number)
        self.operands, self.slabs = (x, indices), (None, None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, self.what, 1, 2)
        pointers = [*results, *operands]
        with own_rows(f, self.by_columns, (lo, hi), 1) as ends:
            self._begin(f, target, self.results, results, ends, zero(self.results[0]))
            self._scatter(f, target, pointers, ends, status, Builder.add, adds=True)
        f.leave()
        return module.add_shared(f)


class Put(_Scattered):
    """x, but result[before, indices[i], after] = z[before, i, after]; the last one stays.

    Where the result takes over the memory of x, only the slices are written.
    """

    def __init__(self, result: View, operands: Sequence[View], axis: int, number: int) -> None:
        x, indices, z = operands
        super().__init__("put", result, z, indices, axis, number)
        self.operands, self.slabs = (x, indices, z), (None,) * 4

    def may_replace(self, x: View) -> bool:
        """Whether the result may lie where x does: nothing else of that memory is read."""
        first, *others = self.operands
        alike = first.buffer is x.buffer and first[1:] == self.results[0][1:]
        return alike and all(other.buffer.key != x.buffer.key for other in others)

    @property
    def is_in_place(self) -> bool:
        """Whether the result lies where x does."""
        return self.results[0].buffer.key == self.operands[0].buffer.key

    @property
    def bytes(self) -> int:
        indices, z = self.operands[1:]
        moved = 2 * self.views[0].size * z.dtype.itemsize + indices.size * indices.dtype.itemsize
        result = self.results[0]
        return moved if self.is_in_place else moved + 2 * result.size * result.dtype.itemsize

    def emit(self, module: Module, target: Target) -> str:
        f, results, (x, indices, z), status, lo, hi = kernel_function(module, self.what, 1, 3)
        views, to = [*self.results, self.operands[0]], results[0]
        with own_rows(f, self.by_columns, (lo, hi), 1) as ends:
            if not self.is_in_place:
                self._begin(f, target, views, [to, x], ends, lambda b, old: old)
            self._scatter(f, target, [to, z, indices], ends, status, lambda b, x: x, adds=False)
        f.leave()
        return module.add_shared(f)


class Latest(Indexed):
    """For each index, the place of the last one with the same position.

    A second result is room for that place at each position; only positions that occur are written
    or read.
    """

    def __init__(self, result: View, indices: View, length: int, number: int) -> None:
        room = View(Buffer(8 * length, what="writers"), np.dtype(np.int64), (length,), (1,))
        super().__init__("latest", number, room, 0, result, indices)
        self.results, self.operands = (result, room), (indices,)
        self.rows, self.slabs = 1, (None, None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, (result, room), (indices,), status, lo, hi = kernel_function(module, self.what, 2, 1)
        axes = collapsed(self.shape, self.views, range(len(self.shape)))
        items = [view.dtype.itemsize for view in self.views]
        start = f.convert("ptrtoint", result, "i64")
        with f.loop(lo, hi):
            with walk(f, axes, [result, indices], items) as (to, place):
                f.store(to, f.at(room, self._index(f, place, status), self.step))
            with walk(f, axes, [result, indices], items) as (to, place):
                last = f.load("i64", f.at(room, self._index(f, place, status), self.step))
                f.store(f.binary("ashr", f.binary("sub", last, start), f.integer(3)), to)
        f.leave()
        return module.add_shared(f)


class FlatIndex(Kernel):
    """One index into axes that were joined in C order, from one for each axis."""

    may_fail = True

    def __init__(
        self, result: View, operands: Sequence[View], sizes: Sequence[int], number: int
    ) -> None:
        self.what, self.number, self.sizes = "flat_index", number, tuple(sizes)
        self.results, self.operands = (result,), tuple(operands)
        self.length = (self.sizes, self.operands)  # what any one of the indices is checked with
        self.views = [result, *(broadcast_view(view, result.shape) for view in operands)]
        self.rows = result.shape[0] if result.shape else 1
        self.slabs = tuple(leading_slab(view) for view in self.views)

    def emit(self, module: Module, target: Target) -> str:
        count, shape = len(self.operands), self.results[0].shape
        f, results, operands, status, lo, hi = kernel_function(module, self.what, 1, count)
        with places(f, shape, self.views, [*results, *operands], (lo, hi)) as (to, *found):
            flat = f.integer(0)
            for place, view, size in zip(found, self.operands, self.sizes, strict=True):
                index = _position(f, place, view.dtype, size, status, self.number)
                flat = f.binary("add", f.binary("mul", flat, f.integer(size)), index)
            f.store(flat, to)
        f.leave()
        return module.add_shared(f)
