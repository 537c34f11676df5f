"""Mean and variance of images, channel by channel.

Each image has its own mean and its own sum of squared distances from it, found in two passes while
the image is in the cache; they are then combined exactly:

    mean = Σ mean_i / m        variance = Σ (squares_i + n (mean_i - mean)²) / (m n)

so nothing large is ever subtracted from something large.
Source: Chan, Golub, LeVeque 1983, Algorithms for computing the sample variance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from retroprop.backends.llvm.emit import vector
from retroprop.backends.llvm.expression import Constant, Expression, Operand
from retroprop.backends.llvm.kernel import (
    Buffer,
    Kernel,
    View,
    contiguous,
    kernel_function,
    storage_type,
)
from retroprop.backends.llvm.patch import load_some, store_some
from retroprop.backends.llvm.produce import elementwise, reduction
from retroprop.backends.llvm.space import collapsed, walk
from retroprop.ops.arithmetic import divide, square, subtract
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Node

__all__ = ["Combine", "Moments", "moments"]

_APART = 8  # sums that are made side by side


class Moments(Kernel):
    """For each image and channel: the mean, and the mean or the sum of squared distances from it.

    Rows are images.

    Args:
        results: two views (batch, channels), contiguous.
        x:       (batch, channels, *spatial), channels last.
        is_mean: squared distances are divided by how many there are.
    """

    what = "moments"

    def __init__(self, results: Sequence[View], x: View, *, is_mean: bool) -> None:
        self.results, self.operands, self.is_mean = tuple(results), (x,), is_mean
        self.rows, self.channels = x.shape[:2]
        self.count = size(x.shape[2:])
        self.item, self.scalar = x.dtype.itemsize, storage_type(x.dtype)
        self.flops = 4 * x.size
        views = (*self.results, x)
        self.slabs = tuple(view.strides[0] * self.item for view in views)

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("moments", self.is_mean, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, results, (image,), _, lo, hi = kernel_function(module, "moments", 2, 1)
        (x,) = self.operands
        self.lanes = target.lanes(self.item)
        with f.loop(lo, hi) as row:
            near = f.at(image, row.index, x.strides[0] * self.item)
            far = [f.at(p, row.index, self.channels * self.item) for p in results]
            for start, columns, number in self._columns(f):
                at = f.at(near, start, self.item)
                to = [f.at(p, start, self.item) for p in far]
                self._some(f, at, to, columns, number)
        f.leave()
        return module.add_shared(f)

    def _columns(self, f: Function) -> Iterator[tuple[Register, int, int]]:
        """Channels that are walked together: the first one, how many, in how many vectors."""
        whole, rest = divmod(self.channels, self.lanes)
        done = 0
        for together in (4, 2, 1):
            count = (whole - done) // together
            if count:
                wide = together * self.lanes
                start = done * self.lanes
                with f.loop(start, start + count * wide, wide) as loop:
                    yield loop.index, wide, together
                done += count * together
        if rest:
            yield f.integer(whole * self.lanes), rest, 1

    def _some(
        self, f: Function, x: Register, to: Sequence[Register], columns: int, vectors: int
    ) -> None:
        count = f.constant(vector(self.scalar, self.lanes), self.count)
        means = [
            f.binary("fdiv", total, count) for total in self._total(f, x, columns, vectors, None)
        ]
        squares = self._total(f, x, columns, vectors, means)
        if self.is_mean:
            squares = [f.binary("fdiv", total, count) for total in squares]
        for values, place in zip((means, squares), to, strict=True):
            for v, value in enumerate(values):
                some = min(self.lanes, columns - v * self.lanes)
                store_some(f, value, f.at(place, v * self.lanes, self.item), some)

    def _total(
        self,
        f: Function,
        x: Register,
        columns: int,
        vectors: int,
        means: Sequence[Register] | None,
    ) -> list[Register]:
        """Sums over an image: of x, or of squared distances from the means."""
        (view,) = self.operands
        axes = collapsed(view.shape, [view], range(2, len(view.shape))) or [(1, (0,))]
        (length, (step,)) = axes[-1]
        apart = max(n for n in (1, 2, 4, 8) if n * vectors <= _APART and length % n == 0)
        zero = f.constant(vector(self.scalar, self.lanes), 0)
        rooms = [f.allocate(zero.type) for _ in range(apart * vectors)]
        for room in rooms:
            f.store(zero, room)
        with walk(f, axes[:-1], [x], [self.item]) as (start,):
            totals = [f.load(zero.type, room) for room in rooms]
            with f.loop(0, length, apart, carry=totals) as loop:
                place = f.at(start, loop.index, step * self.item)
                found = []
                for i, total in enumerate(loop.carried):
                    which, v = divmod(i, vectors)
                    at = f.at(place, which * step + v * self.lanes, self.item)
                    some = min(self.lanes, columns - v * self.lanes)
                    value = load_some(f, self.scalar, self.lanes, at, some)
                    if means is None:
                        found.append(f.binary("fadd", total, value))
                    else:
                        gap = f.binary("fsub", value, means[v])
                        found.append(f.multiply_add(gap, gap, total))
                loop.carry(*found)
            for total, room in zip(loop.carried, rooms, strict=True):
                f.store(total, room)
        sums = [f.load(zero.type, room) for room in rooms]
        while len(sums) > vectors:
            half = len(sums) // 2
            sums = [f.binary("fadd", sums[i], sums[half + i]) for i in range(half)]
        return sums


class Combine(Kernel):
    """Mean and variance of all images, from those of each.

    Args:
        results: two views of (channels,), contiguous.
        parts:   means and sums of squared distances, (images, channels), contiguous.
        count:   elements of each image.
    """

    what = "moments of all"

    def __init__(self, results: Sequence[View], parts: Sequence[View], count: int) -> None:
        self.results, self.operands, self.count = tuple(results), tuple(parts), count
        self.images, self.channels = parts[0].shape
        self.item, self.scalar = parts[0].dtype.itemsize, storage_type(parts[0].dtype)
        self.slabs = (None,) * 4
        self.flops = 6 * parts[0].size

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("combine", self.count, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, results, parts, _, lo, hi = kernel_function(module, "combine", 2, 2)
        self.lanes = target.lanes(self.item)
        whole, rest = divmod(self.channels, self.lanes)
        with f.loop(lo, hi):
            if whole:
                with f.loop(0, whole * self.lanes, self.lanes) as loop:
                    self._some(f, results, parts, loop.index, self.lanes)
            if rest:
                self._some(f, results, parts, f.integer(whole * self.lanes), rest)
        f.leave()
        return module.add_shared(f)

    def _some(
        self,
        f: Function,
        results: Sequence[Register],
        parts: Sequence[Register],
        start: Register,
        count: int,
    ) -> None:
        means, squares = (f.at(p, start, self.item) for p in parts)
        type = vector(self.scalar, self.lanes)
        zero = f.constant(type, 0)

        def load(base: Register, image: Register) -> Register:
            place = f.at(base, image, self.channels * self.item)
            return load_some(f, self.scalar, self.lanes, place, count)

        with f.loop(0, self.images, carry=[zero]) as loop:
            loop.carry(f.binary("fadd", loop.carried[0], load(means, loop.index)))
        mean = f.binary("fdiv", loop.carried[0], f.constant(type, self.images))
        each = f.constant(type, self.count)
        with f.loop(0, self.images, carry=[zero]) as loop:
            gap = f.binary("fsub", load(means, loop.index), mean)
            between = f.binary("fmul", f.binary("fmul", gap, gap), each)
            inside = f.binary("fadd", load(squares, loop.index), between)
            loop.carry(f.binary("fadd", loop.carried[0], inside))
        all = f.constant(type, self.count * self.images)
        variance = f.binary("fdiv", loop.carried[0], all)
        for value, place in zip((mean, variance), results, strict=True):
            store_some(f, value, f.at(place, start, self.item), count)


def moments(node: Node, results: Sequence[View], x: View, *, is_image: bool) -> list[Kernel]:
    """Kernels for mean and variance of x over some axes."""
    ndim, given = len(x.shape), node.attributes["axis"]
    listed = range(ndim) if given is None else given if isinstance(given, tuple | list) else [given]
    axes = tuple(sorted(axis % ndim for axis in listed))
    inner = tuple(range(2, ndim))
    if is_image and axes in (inner, (0, *inner)):
        batch, channels = x.shape[:2]
        flat = [view._replace(shape=x.shape[:2], strides=(channels, 1)) for view in results]
        if axes == inner or batch == 1:
            return [Moments(flat, x, is_mean=True)]
        parts = [
            View(Buffer(batch * channels * x.dtype.itemsize, what="moments"), x.dtype, *shape)
            for shape in [(x.shape[:2], (channels, 1))] * 2
        ]
        whole = [view._replace(shape=(channels,), strides=(1,)) for view in results]
        return [Moments(parts, x, is_mean=False), Combine(whole, parts, size(x.shape[2:]))]
    return _one_by_one(results, x, axes)


def _one_by_one(results: Sequence[View], x: View, axes: tuple[int, ...]) -> list[Kernel]:
    """The sum, the mean, the sum of squared distances from it, and its mean."""
    works: list[Kernel] = []
    count = size(tuple(x.shape[axis] for axis in axes))
    distance = Expression()
    gap = distance.apply(subtract, [Operand(0), Operand(1)], {}, x.dtype)
    squared = distance.apply(square, [gap], {}, x.dtype)
    for result, expression, value, operands in (
        (results[0], Expression(), Operand(0), [x]),
        (results[1], distance, squared, [x, results[0]]),
    ):
        shape = result.shape
        buffer = Buffer(size(shape) * x.dtype.itemsize, what="sum")
        total = View(buffer, x.dtype, shape, contiguous(shape))
        works += reduction("sum", x.shape, axes, expression, value, operands, total, [], [])
        mean = Expression()
        divided = mean.apply(divide, [Operand(0), Constant(count, x.dtype)], {}, x.dtype)
        works.append(elementwise(shape, mean, [total], [result], [divided]))
    return works
