"""Reading and adding at positions that are data.

Every index is checked: one out of range is reported (see `status.py`) and position 0 stands in, so
nothing outside is touched. Sums at the same position are made in the order of the indices, on one
thread each, so they are the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.backends.llvm.elementwise import lanes_for
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.scalar import Builder
from retroprop.backends.llvm.space import advance, broadcast_view, collapsed, leading_slab, walk
from retroprop.backends.llvm.status import emit_fail
from retroprop.backends.llvm.sweep import Stream, sweep

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["AddAlong", "Take", "TakeAdd", "TakeAlong"]


def _position(
    f: Function, place: Register, dtype: np.dtype[Any], length: int, status: Register, number: int
) -> Register:
    """The index at an address, from the end where negative, checked against a length."""
    index = f.load(storage_type(dtype), place)
    index = f.convert("sext" if dtype.kind == "i" else "zext", index, "i64")
    if dtype.kind == "i":
        from_end = f.binary("add", index, f.integer(length))
        counted = f.select(f.compare("icmp slt", index, f.integer(0)), from_end, index)
    else:
        counted = index
    wrong = f.compare("icmp uge", counted, f.integer(length))
    with f.branch(wrong):
        emit_fail(f, status, number, index)
    return f.select(wrong, f.integer(0), counted)


def _without(view: View, axis: int) -> View:
    """A view without one of its axes."""
    shape = (*view.shape[:axis], *view.shape[axis + 1 :])
    return view._replace(shape=shape, strides=(*view.strides[:axis], *view.strides[axis + 1 :]))


class _Indexed(Kernel):
    """What kernels with indices share.

    Attributes:
        number: of the node among those that may fail.
        axis:   the axis that is indexed, of `length` elements `step` bytes apart.
        views:  result, source and indices over one space.
    """

    may_fail = True
    number: int
    axis: int
    length: int
    step: int
    views: list[View]
    shape: tuple[int, ...]

    def _use(self, shape: tuple[int, ...], views: Sequence[View]) -> None:
        self.shape, self.views = shape, list(views)
        self.rows = shape[0] if shape else 1
        self.slabs = tuple(leading_slab(view) if view.shape else None for view in views)

    def _items(self) -> list[int]:
        return [view.dtype.itemsize for view in self.views]


class Take(_Indexed):
    """result[before, i, after] = x[before, indices[i], after]."""

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        self.what, self.number, self.axis = "take", number, axis
        self.results, self.operands = (result,), (x, indices)
        self.length, self.step = x.shape[axis], x.strides[axis] * x.dtype.itemsize
        before, after = x.shape[:axis], x.shape[axis + 1 :]
        self.lead = len(before) + len(indices.shape)
        none = (0,) * len(indices.shape)
        source = x._replace(
            shape=result.shape, strides=(*x.strides[:axis], *none, *x.strides[axis + 1 :])
        )
        spread = indices._replace(
            shape=result.shape,
            strides=(*(0,) * len(before), *indices.strides, *(0,) * len(after)),
        )
        self._use(result.shape, [result, source, spread])
        self.slabs = (self.slabs[0], None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, "take", 1, 2)
        pointers, items = [*results, *operands], self._items()
        lead = max(self.lead, 1) if self.shape else 0
        if self.lead == 0:  # one slice: rows are its own first axis
            place = _position(f, pointers[2], self.views[2].dtype, self.length, status, self.number)
            pointers[1] = f.at(pointers[1], place, self.step)
        outer = collapsed(self.shape, self.views, range(1, lead))
        with f.loop(lo, hi) as row:
            moved = pointers
            if self.shape:
                moved = [
                    advance(f, p, row.index, view.strides[0] * item)
                    for p, view, item in zip(pointers, self.views, items, strict=True)
                ]
            with walk(f, outer, moved, items) as (to, source, place):
                if self.lead:
                    index = _position(
                        f, place, self.views[2].dtype, self.length, status, self.number
                    )
                    source = f.at(source, index, self.step)  # noqa: PLW2901
                self._copy(f, target, to, source, lead)
        f.leave()
        return module.add_shared(f)

    def _copy(self, f: Function, target: Target, to: Register, source: Register, lead: int) -> None:
        """One slice."""
        views = self.views[:2]
        axes = collapsed(self.shape, views, range(lead, len(self.shape)))
        size, strides = axes[-1] if axes else (1, (0, 0))
        lanes, exact = lanes_for(target, size, size, strides)
        b = Builder(f, target, lanes)
        items = [view.dtype.itemsize for view in views]
        with walk(f, axes[:-1], [to, source], items) as (end, start):
            streams = [
                Stream(pointer, view.dtype, stride)
                for pointer, view, stride in zip((end, start), views, strides, strict=True)
            ]
            sweep(b, streams[1:], streams[:1], 0, size, exact=exact, body=_unchanged)


def _unchanged(loaded: Any, counted: Any, carried: Any) -> Any:
    return loaded, carried


class TakeAlong(_Indexed):
    """result[i, j] = x[i, indices[i, j]] (along the last axis, or another)."""

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        self.what, self.number, self.axis = "take_along_axis", number, axis
        self.results, self.operands = (result,), (x, indices)
        self.length, self.step = x.shape[axis], x.strides[axis] * x.dtype.itemsize
        strides = list(x.strides)
        strides[axis] = 0
        one = x._replace(
            shape=tuple(1 if i == axis else n for i, n in enumerate(x.shape)),
            strides=tuple(strides),
        )
        views = [result, broadcast_view(one, result.shape), broadcast_view(indices, result.shape)]
        self._use(result.shape, views)
        if axis == 0 or x.strides[axis] < 0 or leading_slab(x) is None:
            self.slabs = (self.slabs[0], None, self.slabs[2])

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, "take_along", 1, 2)
        pointers, items = [*results, *operands], self._items()
        scalar = storage_type(self.views[0].dtype)
        with f.loop(lo, hi) as row:
            moved = [
                advance(f, p, row.index, view.strides[0] * item)
                for p, view, item in zip(pointers, self.views, items, strict=True)
            ]
            axes = collapsed(self.shape, self.views, range(1, len(self.shape)))
            with walk(f, axes, moved, items) as (to, source, place):
                index = _position(f, place, self.views[2].dtype, self.length, status, self.number)
                f.store(f.load(scalar, f.at(source, index, self.step)), to)
        f.leave()
        return module.add_shared(f)


class _Added(_Indexed):
    """Zeros with numbers added at positions; the result is contiguous."""

    def _emit_add(self, f: Function, b: Builder, to: Register, source: Register) -> None:
        dtype = self.views[0].dtype
        total = b.add(b.load(to, dtype), b.load(source, dtype))
        b.store(total, to)


class AddAlong(_Added):
    """result[i, indices[i, j]] += x[i, j]: the adjoint of `TakeAlong`."""

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        self.what, self.number, self.axis = "add_along_axis", number, axis
        self.results, self.operands = (result,), (x, indices)
        self.length = result.shape[axis]
        self.step = result.strides[axis] * result.dtype.itemsize
        one = result._replace(
            shape=tuple(1 if i == axis else n for i, n in enumerate(result.shape))
        )
        views = [broadcast_view(one, x.shape), x, broadcast_view(indices, x.shape)]
        self._use(x.shape, views)
        self.by_rows = axis != 0 and result.shape[0] == x.shape[0]
        if self.by_rows:
            self.slabs = (leading_slab(result), *self.slabs[1:])
        else:
            self.rows, self.slabs = 1, (None, None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, "add_along", 1, 2)
        (result,) = self.results
        pointers, items = [*results, *operands], self._items()
        b = Builder(f, target, 1)
        ends = (lo, hi) if self.by_rows else (f.integer(0), f.integer(result.shape[0]))
        _fill(f, target, result, results[0], *ends)
        rows = ends if self.by_rows else (f.integer(0), f.integer(self.shape[0]))
        with f.loop(*rows) as row:
            moved = [
                advance(f, p, row.index, view.strides[0] * item)
                for p, view, item in zip(pointers, self.views, items, strict=True)
            ]
            axes = collapsed(self.shape, self.views, range(1, len(self.shape)))
            with walk(f, axes, moved, items) as (to, source, place):
                index = _position(f, place, self.views[2].dtype, self.length, status, self.number)
                self._emit_add(f, b, f.at(to, index, self.step), source)
        f.leave()
        return module.add_shared(f)


def _fill(
    f: Function, target: Target, view: View, pointer: Register, lo: Register, hi: Register
) -> None:
    """Zeros in rows lo..hi of a contiguous view."""
    width = f.integer(view.size // max(view.shape[0], 1))
    b = Builder(f, target, target.lanes(4))
    zero = b.constant(0, view.dtype)
    sweep(
        b,
        [],
        [Stream(pointer, view.dtype, 1)],
        f.binary("mul", lo, width),
        f.binary("mul", hi, width),
        exact=False,
        body=lambda loaded, counted, carried: ([zero], carried),
    )


class TakeAdd(_Added):
    """result[before, indices[i], after] += x[before, i, after]: the adjoint of `Take`.

    Rows are places along the last axis, which every thread takes for all indices; there is one row
    where the indexed axis is the last.
    """

    def __init__(self, result: View, x: View, indices: View, axis: int, number: int) -> None:
        self.what, self.number, self.axis = "take_add", number, axis
        self.results, self.operands = (result,), (x, indices)
        self.length = result.shape[axis]
        self.step = result.strides[axis] * result.dtype.itemsize
        ndim = len(indices.shape)
        after = result.strides[axis + 1 :]
        to = result._replace(shape=x.shape, strides=(*result.strides[:axis], *(0,) * ndim, *after))
        spread = indices._replace(
            shape=x.shape, strides=(*(0,) * axis, *indices.strides, *(0,) * len(after))
        )
        self._use(x.shape, [to, x, spread])
        self.inner = len(x.shape) - 1 if after else None
        self.rows = x.shape[-1] if after else 1
        self.slabs = (None, None, None)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, status, lo, hi = kernel_function(module, "take_add", 1, 2)
        pointers, items = [*results, *operands], self._items()
        (result,) = self.results
        size = self.rows
        strides = tuple(view.strides[-1] for view in self.views[:2]) if self.inner else (0, 0)
        lanes, _ = lanes_for(target, size, 1 if size > 1 else 0, strides)
        b = Builder(f, target, lanes)
        self._zero(f, b, result, results[0], lo, hi)
        last = len(self.shape) if self.inner is None else self.inner
        axes = collapsed(self.shape, self.views, range(last))
        with walk(f, axes, pointers, items) as (to, source, place):
            index = _position(f, place, self.views[2].dtype, self.length, status, self.number)
            start = f.at(to, index, self.step)
            streams = [
                Stream(pointer, view.dtype, stride)
                for pointer, view, stride in zip((start, source), self.views, strides, strict=False)
            ]
            sweep(
                b,
                streams,
                streams[:1],
                lo,
                hi,
                exact=lanes == 1,
                body=lambda loaded, counted, carried: ([b.add(*loaded)], carried),
            )
        f.leave()
        return module.add_shared(f)

    def _zero(
        self, f: Function, b: Builder, result: View, pointer: Register, lo: Register, hi: Register
    ) -> None:
        last = len(result.shape) if self.inner is None else len(result.shape) - 1
        axes = collapsed(result.shape, [result], range(last))
        zero = b.constant(0, result.dtype)
        with walk(f, axes, [pointer], [result.dtype.itemsize]) as (start,):
            sweep(
                b,
                [],
                [Stream(start, result.dtype, 1)],
                lo,
                hi,
                exact=b.lanes == 1,
                body=lambda loaded, counted, carried: ([zero], carried),
            )
