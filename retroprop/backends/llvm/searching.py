"""Along one axis: where the largest element is, and running sums and products.

Columns that lie side by side are taken a few vectors at a time; what is computed for each is the
same for any number of them, element after element as NumPy does it, so no cut changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from retroprop.backends.llvm.emit import Register, vector
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function
from retroprop.backends.llvm.scalar import Builder, Scalar
from retroprop.backends.llvm.space import Axis, advance, collapsed, leading_slab, walk

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module
    from retroprop.backends.llvm.target import Target

__all__ = ["Accumulate", "Extreme"]

_VECTORS = 4  # of columns at a time: whole cache lines are used, and all stays in registers


class _Columns(Kernel):
    """Work along some axes, the same for every place along the others.

    Rows are the first axis of those places. Subclasses write `_column`.

    Attributes:
        views: result and operand over one space, the axes that are worked along at its end.
        kept:  how many axes are not.
        item:  bytes of what a lane holds, at least 4.
    """

    views: list[View]
    kept: int
    item: int

    def _use(self, what: str, views: Sequence[View], order: Sequence[int], kept: int) -> None:
        """Permute the views, and leave out axes of size 1 before the rows."""
        shape = views[0].shape
        first = next((i for i, axis in enumerate(order[:kept]) if shape[axis] != 1), kept)
        order = order[first:]
        self.what, self.kept = what, kept - first
        self.views = [_permuted(view, order) for view in views]
        self.shape = tuple(shape[axis] for axis in order)
        self.rows = self.shape[0] if self.kept else 1
        self.slabs = tuple(leading_slab(view) if self.kept else None for view in self.views)
        self.flops = views[1].size

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(module, self.what, 1, 1)
        pointers = [*results, *operands]
        items = [view.dtype.itemsize for view in self.views]
        inner = collapsed(self.shape, self.views, range(1, self.kept))
        if self.kept and not inner:  # rows are columns
            rows = (self.rows, tuple(view.strides[0] for view in self.views))
            self._columns(f, target, pointers, rows, lo, hi)
        else:
            with f.loop(lo, hi) as row:
                moved = pointers
                if self.kept:
                    steps = [view.strides[0] * view.dtype.itemsize for view in self.views]
                    pairs = zip(pointers, steps, strict=True)
                    moved = [advance(f, pointer, row.index, step) for pointer, step in pairs]
                axis = inner[-1] if inner else (1, (0, 0))
                with walk(f, inner[:-1], moved, items) as starts:
                    self._columns(f, target, starts, axis, f.integer(0), f.integer(axis[0]))
        f.leave()
        return module.add_shared(f)

    def _columns(
        self,
        f: Function,
        target: Target,
        pointers: Sequence[Register],
        axis: Axis,
        start: Register,
        stop: Register,
    ) -> None:
        """The places start..stop of one axis: several vectors of them, vectors, the rest."""
        size, strides = axis
        lanes = target.lanes(self.item)
        widths = [_VECTORS * lanes, lanes] if set(strides) == {1} else []
        for width in [*(width for width in widths if 1 < width <= size), 1]:
            count = f.binary("and", f.binary("sub", stop, start), f.integer(-width))
            end = f.binary("add", start, count)
            with f.loop(start, end, width) as loop:
                moved = [
                    advance(f, pointer, loop.index, stride * view.dtype.itemsize)
                    for pointer, stride, view in zip(pointers, strides, self.views, strict=True)
                ]
                self._column(Builder(f, target, width), moved)
            start = end

    def _column(self, b: Builder, pointers: list[Register]) -> None:
        """The work for one place, or for `b.lanes` neighbours."""
        raise NotImplementedError(self.what)

    def _along(self) -> list[Axis]:
        """The axes that are worked along, in order."""
        return collapsed(self.shape, self.views, range(self.kept, len(self.shape)))


def _permuted(view: View, order: Sequence[int]) -> View:
    """The view with some of its axes, in an order."""
    shape, strides = (tuple(values[i] for i in order) for values in (view.shape, view.strides))
    return view._replace(shape=shape, strides=strides)


class Accumulate(_Columns):
    """result[i] = x[0] combined with ... x[i] along an axis, in this order.

    Args:
        combine: sum or product, a method of the builder.
    """

    def __init__(
        self,
        what: str,
        result: View,
        x: View,
        axis: int,
        combine: Callable[[Builder, Scalar, Scalar], Scalar],
    ) -> None:
        self.results, self.operands, self.combine = (result,), (x,), combine
        self.item = max(4, result.dtype.itemsize)
        others = [i for i in range(len(x.shape)) if i != axis]
        self._use(what, [result, x], [*others, axis], len(others))

    def _column(self, b: Builder, pointers: list[Register]) -> None:
        f, (to, source) = b.function, pointers
        result, x = self.views

        def item(address: Register) -> Scalar:
            return b.cast(b.load(address, x.dtype), result.dtype)

        total = item(source)
        b.store(total, to)
        for size, (step, gap) in self._along():
            with f.loop(1, size, carry=[total.register]) as loop:
                here = advance(f, source, loop.index, gap * x.dtype.itemsize)
                before = Scalar(loop.carried[0], result.dtype)
                following = self.combine(b, before, item(here))
                b.store(following, advance(f, to, loop.index, step * result.dtype.itemsize))
                loop.carry(following.register)


class Extreme(_Columns):
    """The index of the largest or smallest element along an axis, or of all in C order.

    The first of several counts, and the first NaN before all else.

    Args:
        axis:    None for all axes.
        largest: or else the smallest.
    """

    def __init__(self, result: View, x: View, axis: int | None, *, largest: bool) -> None:
        self.results, self.operands, self.largest = (result,), (x,), largest
        self.item = max(4, x.dtype.itemsize)
        axes = range(len(x.shape))
        along = [i for i in axes if axis is None or i == axis]
        others = [i for i in axes if i not in along]
        self._use(
            "argmax" if largest else "argmin",
            [_over(result, x.shape, along), x],
            [*others, *along],
            len(others),
        )
        length = int(np.prod([x.shape[i] for i in along], dtype=np.int64))
        narrow = x.dtype.itemsize <= 4 and length < 1 << 31
        self.counting = "i32" if narrow else "i64"

    def _column(self, b: Builder, pointers: list[Register]) -> None:
        f, (to, source) = b.function, pointers
        x = self.views[1]
        best = (b.load(source, x.dtype).register, self._number(b, 0))
        _, index = self._search(b, self._along(), source, f.integer(0), best)
        result = self.views[0].dtype
        b.store(Scalar(f.convert("sext", index, vector("i64", b.lanes)), result), to)

    def _search(
        self,
        b: Builder,
        axes: Sequence[Axis],
        source: Register,
        before: Register,
        best: tuple[Register, ...],
    ) -> tuple[Register, ...]:
        """The best (element, number) after those along axes; `before` counts the ones before."""
        if not axes:
            return best
        (size, (_, gap)), inner = axes[0], axes[1:]
        item = self.views[1].dtype.itemsize
        if not inner:
            return self._run(b, axes[0], source, before, best)
        f = b.function
        count = f.integer(int(np.prod([size for size, _ in inner], dtype=np.int64)))
        with f.loop(0, size, carry=best) as loop:
            here = advance(f, source, loop.index, gap * item)
            first = f.binary("add", before, f.binary("mul", loop.index, count))
            loop.carry(*self._search(b, inner, here, first, loop.carried))
        return loop.carried

    def _run(
        self,
        b: Builder,
        axis: Axis,
        source: Register,
        before: Register,
        best: tuple[Register, ...],
    ) -> tuple[Register, ...]:
        """Along the last axis; many neighbours are first compared in as many lanes."""
        size, (_, gap) = axis
        f, x = b.function, self.views[1].dtype
        lanes = b.target.lanes(self.item)
        start = 0
        if b.lanes == 1 and gap == 1 and lanes > 1 and size >= 4 * lanes:
            start = size - size % lanes
            best = self._lanes(b.with_lanes(lanes), start, source, before, best)
        with f.loop(start, size, carry=best) as loop:
            value = b.load(advance(f, source, loop.index, gap * x.itemsize), x)
            number = self._number(b, f.binary("add", before, loop.index))
            better = self._wins(b, value, Scalar(loop.carried[0], x))
            loop.carry(*_chosen(f, better, (value.register, number), loop.carried))
        return loop.carried

    def _lanes(
        self,
        wide: Builder,
        size: int,
        source: Register,
        before: Register,
        best: tuple[Register, ...],
    ) -> tuple[Register, ...]:
        """Every lane looks for its own best; of these, the first in memory stays."""
        f, x = wide.function, self.views[1].dtype
        counted = vector(self.counting, wide.lanes)
        order = ", ".join(f"{self.counting} {lane}" for lane in range(wide.lanes))
        number = f.binary("add", self._number(wide, before), Register(f"<{order}>", counted))
        carry = [*(f.splat(register, wide.lanes) for register in best), number]
        with f.loop(0, size, wide.lanes, carry=carry) as loop:
            *found, number = loop.carried
            value = wide.load(f.at(source, loop.index, x.itemsize), x)
            better = self._wins(wide, value, Scalar(found[0], x))
            chosen = _chosen(f, better, (value.register, number), found)
            following = f.binary("add", number, f.constant(counted, wide.lanes))
            loop.carry(*chosen, following)
        one = wide.with_lanes(1)
        values, numbers = loop.carried[:2]
        for lane in range(wide.lanes):
            mine = (f.extract(values, lane), f.extract(numbers, lane))
            best = _chosen(f, self._comes_first(one, mine, best), mine, best)
        return best

    def _comes_first(
        self, b: Builder, mine: tuple[Register, ...], best: tuple[Register, ...]
    ) -> Register:
        """Whether an element is better, or as good and before the best."""
        f, dtype = b.function, self.views[1].dtype
        value, other = Scalar(mine[0], dtype), Scalar(best[0], dtype)
        worse = self._wins(b, other, value)
        before = f.compare("icmp slt", mine[1], best[1])
        as_good = f.binary("xor", worse, f.constant("i1", 1))
        return f.binary("or", self._wins(b, value, other), f.binary("and", as_good, before))

    def _number(self, b: Builder, value: Register | int) -> Register:
        """A number of an element in every lane."""
        if isinstance(value, int):
            return b.function.constant(vector(self.counting, b.lanes), value)
        return b.function.splat(b.function.convert("trunc", value, self.counting), b.lanes)

    def _wins(self, b: Builder, x: Scalar, best: Scalar) -> Register:
        """Whether a later element takes the place of the best one."""
        f = b.function
        if not x.is_float:
            return (b.greater(x, best) if self.largest else b.less(x, best)).register
        # "Unordered or": true as well where either is NaN, and of a NaN nothing takes the place.
        beyond = f.compare(f"fcmp {'ugt' if self.largest else 'ult'}", x.register, best.register)
        number = f.compare("fcmp ord", best.register, best.register)
        return f.binary("and", beyond, number)


def _over(result: View, shape: tuple[int, ...], along: Sequence[int]) -> View:
    """The result as it looks from the operand's space: the same element along the axes."""
    kept = result.strides
    if len(kept) != len(shape):  # without keepdims
        left = iter(kept)
        kept = tuple(0 if i in along else next(left) for i in range(len(shape)))
    strides = tuple(0 if i in along else stride for i, stride in enumerate(kept))
    return result._replace(shape=shape, strides=strides)


def _chosen(
    f: Function, condition: Register, x: Sequence[Register], z: Sequence[Register]
) -> tuple[Register, ...]:
    """x where the condition holds, z elsewhere."""
    return tuple(f.select(condition, *pair) for pair in zip(x, z, strict=True))
