"""Mean and variance of images, channel by channel.

Two passes over each image while it is in the cache: its mean m_i, rounded as it is; then the sums
d_i of the distances x - m_i, which would be 0 without rounding, and q_i of their squares. With
n elements in each of k images and g_i = m_i - m,

    drift    = Σ (d_i + n g_i) / (k n)
    mean     = m + drift
    variance = Σ (q_i + g_i (2 d_i + n g_i)) / (k n) - drift²

for any m near the mean. Nothing large is ever subtracted from something large.
Source: Chan, Golub, LeVeque 1983, Algorithms for computing the sample variance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
_RUN = 32  # places in a row that one of them takes


class Moments(Kernel):
    """For each image and channel: a mean, the sum of distances from it, and of their squares; or
    mean and variance.

    Rows are images.

    Args:
        results: three views (batch, channels), contiguous; or two.
        x:       (batch, channels, *spatial), channels last.
    """

    what = "moments"

    def __init__(self, results: Sequence[View], x: View) -> None:
        self.results, self.operands = tuple(results), (x,)
        self.rows, self.channels = x.shape[:2]
        self.count = size(x.shape[2:])
        self.item, self.scalar = x.dtype.itemsize, storage_type(x.dtype)
        self.flops = 5 * x.size
        views = (*self.results, x)
        self.slabs = tuple(view.strides[0] * self.item for view in views)

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("moments", *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        count = len(self.results)
        f, results, (image,), _, lo, hi = kernel_function(module, "moments", count, 1)
        (x,) = self.operands
        self.lanes = target.lanes(self.item)
        self.type = vector(self.scalar, self.lanes)
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
        count = f.constant(self.type, self.count)

        def values(place: Register, v: int) -> list[Register]:
            some = min(self.lanes, columns - v * self.lanes)
            return [load_some(f, self.scalar, self.lanes, place, some)]

        means = [f.binary("fdiv", x, count) for (x,) in self._sums(f, x, vectors, 1, values)]

        def distances(place: Register, v: int) -> list[Register]:
            (value,) = values(place, v)
            gap = f.binary("fsub", value, means[v])
            return [gap, f.binary("fmul", gap, gap)]

        for v, sums in enumerate(self._sums(f, x, vectors, 2, distances)):
            found = [means[v], *sums]
            if len(to) == 2:
                drift, variance = (f.binary("fdiv", total, count) for total in sums)
                less = f.binary("fmul", drift, drift)
                found = [f.binary("fadd", means[v], drift), f.binary("fsub", variance, less)]
            for value, place in zip(found, to, strict=True):
                some = min(self.lanes, columns - v * self.lanes)
                store_some(f, value, f.at(place, v * self.lanes, self.item), some)

    def _sums(
        self,
        f: Function,
        x: Register,
        vectors: int,
        number: int,
        values: Callable[[Register, int], list[Register]],
    ) -> list[list[Register]]:
        """For each vector of channels `number` sums over an image, short runs apart from each
        other so that rounding errors do not pile up.
        """
        (view,) = self.operands
        axes = collapsed(view.shape, [view], range(2, len(view.shape))) or [(1, (0,))]
        (length, (step,)) = axes[-1]
        rooms = [f.allocate(self.type) for _ in range(vectors * number)]
        zero = f.constant(self.type, 0)
        for room in rooms:
            f.store(zero, room)

        def run(start: Register, count: int, apart: int) -> None:
            if count:
                self._run(f, start, (count, apart, step), rooms, values)

        apart = max(n for n in (1, 2, 4) if n == 1 or n * vectors * number <= _APART)
        each = _RUN * apart
        with walk(f, axes[:-1], [x], [self.item]) as (start,):
            whole = length // each * each
            if whole:
                with f.loop(0, whole, each) as part:
                    run(f.at(start, part.index, step * self.item), each, apart)
            rest = (length - whole) // apart * apart
            run(f.at(start, whole * step, self.item), rest, apart)
            run(f.at(start, (whole + rest) * step, self.item), length - whole - rest, 1)
        totals = [f.load(self.type, room) for room in rooms]
        return [totals[v * number : (v + 1) * number] for v in range(vectors)]

    def _run(
        self,
        f: Function,
        start: Register,
        walked: tuple[int, int, int],
        rooms: Sequence[Register],
        values: Callable[[Register, int], list[Register]],
    ) -> None:
        """Add what is found at some places in a row: how many, how many side by side, how far
        apart they lie.
        """
        count, apart, step = walked
        zero = f.constant(self.type, 0)
        with f.loop(0, count, apart, carry=[zero] * (len(rooms) * apart)) as loop:
            place = f.at(start, loop.index, step * self.item)
            found: list[Register] = []
            for which in range(apart):
                here, v = f.at(place, which * step, self.item), 0
                while len(found) < len(rooms) * (which + 1):
                    found += values(f.at(here, v * self.lanes, self.item), v)
                    v += 1
            pairs = zip(loop.carried, found, strict=True)
            loop.carry(*[f.binary("fadd", total, value) for total, value in pairs])
        sums = list(loop.carried)
        while len(sums) > len(rooms):
            half = len(sums) // 2
            sums = [f.binary("fadd", sums[i], sums[half + i]) for i in range(half)]
        for room, total in zip(rooms, sums, strict=True):
            f.store(f.binary("fadd", f.load(self.type, room), total), room)


class Combine(Kernel):
    """Mean and variance of all images, from what there is of each.

    Args:
        results: two views of (channels,), contiguous.
        parts:   means, sums of distances and of their squares: (images, channels), contiguous.
        count:   elements of each image.
    """

    what = "moments of all"

    def __init__(self, results: Sequence[View], parts: Sequence[View], count: int) -> None:
        self.results, self.operands, self.count = tuple(results), tuple(parts), count
        self.images, self.channels = parts[0].shape
        self.item, self.scalar = parts[0].dtype.itemsize, storage_type(parts[0].dtype)
        self.slabs = (None,) * 5
        self.flops = 9 * parts[0].size

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("combine", self.count, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, results, parts, _, lo, hi = kernel_function(module, "combine", 2, 3)
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
        places = [f.at(part, start, self.item) for part in parts]
        type = vector(self.scalar, self.lanes)
        zero, each = f.constant(type, 0), f.constant(type, self.count)
        all = f.constant(type, self.count * self.images)

        def load(part: int, image: Register) -> Register:
            place = f.at(places[part], image, self.channels * self.item)
            return load_some(f, self.scalar, self.lanes, place, count)

        with f.loop(0, self.images, carry=[zero]) as loop:
            loop.carry(f.binary("fadd", loop.carried[0], load(0, loop.index)))
        near = f.binary("fdiv", loop.carried[0], f.constant(type, self.images))
        with f.loop(0, self.images, carry=[zero, zero]) as loop:
            drift, total = loop.carried
            gap = f.binary("fsub", load(0, loop.index), near)
            moved, distance = f.binary("fmul", gap, each), load(1, loop.index)
            twice = f.binary("fadd", f.binary("fadd", distance, distance), moved)
            square = f.binary("fadd", load(2, loop.index), f.binary("fmul", gap, twice))
            drift = f.binary("fadd", drift, f.binary("fadd", distance, moved))
            loop.carry(drift, f.binary("fadd", total, square))
        drift, total = (f.binary("fdiv", x, all) for x in loop.carried)
        mean = f.binary("fadd", near, drift)
        variance = f.binary("fsub", total, f.binary("fmul", drift, drift))
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
            return [Moments(flat, x)]
        parts = [
            View(Buffer(batch * channels * x.dtype.itemsize, what="moments"), x.dtype, *shape)
            for shape in [(x.shape[:2], (channels, 1))] * 3
        ]
        whole = [view._replace(shape=(channels,), strides=(1,)) for view in results]
        return [Moments(parts, x), Combine(whole, parts, size(x.shape[2:]))]
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
