"""Convolutions where every channel has a window of its own, and sees no other.

There is nothing to sum over but the window, so a register holds channels of one place, and a few
neighbouring places are worked on together, which share most of what they load.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from retroprop.backends.llvm.emit import vector
from retroprop.backends.llvm.kernel import (
    Buffer,
    Kernel,
    View,
    contiguous,
    kernel_function,
    storage_type,
)
from retroprop.backends.llvm.patch import load_some, store_some
from retroprop.backends.llvm.window import Line
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Depthwise", "DepthwiseWeight"]

_TOGETHER = 4  # places that are worked on together
_TAPS = 30  # of a window that are written out
_SUMS = 10  # sums in registers
_PARTS = 16  # parts of the batch that are summed up apart, at most


class _Channels(Kernel):
    """What both kernels share: channels a vector at a time."""

    def _setup(self, x: View, lines: Sequence[Line], target: Target) -> None:
        self.lines = tuple(lines)
        self.channels, self.item = x.shape[1], x.dtype.itemsize
        self.scalar, self.lanes = storage_type(x.dtype), target.lanes(x.dtype.itemsize)
        self.type = vector(self.scalar, self.lanes)
        self.taps = list(itertools.product(*(range(len(line.taps)) for line in lines)))

    def _distance(self, x: View, tap: Sequence[int]) -> int:
        """Elements from where a window begins to what a tap meets."""
        return sum(
            line.taps[i][1] * stride
            for line, i, stride in zip(self.lines, tap, x.strides[2:], strict=True)
        )

    def _each_vector(self, f: Function, body: Callable[[Register, int], None]) -> None:
        """For every vector of channels: (the first of them, how many)."""
        whole, rest = divmod(self.channels, self.lanes)
        if whole:
            with f.loop(0, whole * self.lanes, self.lanes) as loop:
                body(loop.index, self.lanes)
        if rest:
            body(f.integer(whole * self.lanes), rest)

    def _load(self, f: Function, place: Register, count: int) -> Register:
        return load_some(f, self.scalar, self.lanes, place, count)


class Depthwise(_Channels):
    """result = the sum over taps of x, moved by the tap, times the weight of the tap and channel.

    Rows are images.

    Args:
        result: (batch, channels, *places), channels last.
        x:      (batch, channels, *spatial), channels last, with a border that the taps stay in.
        w:      (channels, 1, *window), channels side by side.
        lines:  the pass along each spatial axis.
    """

    def __init__(
        self, what: str, result: View, x: View, w: View, lines: Sequence[Line], target: Target
    ) -> None:
        self._setup(x, lines, target)
        self.what = f"{what} by channel"
        self.results, self.operands = (result,), (x, w)
        self.rows = result.shape[0]
        self.slabs = (result.strides[0] * self.item, x.strides[0] * self.item, None)
        places = size(tuple(line.count for line in lines))
        self.flops = 2 * self.rows * self.channels * places * len(self.taps)

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("depthwise", self.lines, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, (result,), (x, w), _, lo, hi = kernel_function(module, "depthwise", 1, 2)
        (to, near) = (self.results[0], self.operands[0])
        with f.loop(lo, hi) as row:
            far = f.at(result, row.index, to.strides[0] * self.item)
            at = f.at(x, row.index, near.strides[0] * self.item)

            def channels(start: Register, count: int) -> None:
                moved = [f.at(p, start, self.item) for p in (far, at, w)]
                self._places(f, 0, moved, count)

            self._each_vector(f, channels)
        f.leave()
        return module.add_shared(f)

    def _places(self, f: Function, axis: int, at: list[Register], count: int) -> None:
        """Loops over the places of an image, some neighbours together in the innermost one."""
        line, result, x = self.lines[axis], self.results[0], self.operands[0]
        far = result.strides[axis + 2] * self.item
        near = line.step * x.strides[axis + 2] * self.item
        to = f.at(at[0], line.start * far)
        if axis < len(self.lines) - 1:
            with f.loop(0, line.count) as loop:
                moved = [
                    f.at(to, loop.index, line.jump * far),
                    f.at(at[1], loop.index, near),
                    at[2],
                ]
                self._places(f, axis + 1, moved, count)
            return
        start = 0
        for together in (_TOGETHER, 1):
            stop = start + (line.count - start) // together * together
            if stop > start:
                with f.loop(start, stop, together) as loop:
                    places = f.at(to, loop.index, line.jump * far), f.at(at[1], loop.index, near)
                    self._some(f, places, at[2], (line.jump * far, near), together, count)
            start = stop

    def _some(
        self,
        f: Function,
        places: tuple[Register, Register],
        w: Register,
        steps: tuple[int, int],
        together: int,
        count: int,
    ) -> None:
        """Neighbouring places, whose windows overlap: what two of them meet is loaded once."""
        zero = f.constant(self.type, 0)
        sums = [zero] * together
        if len(self.taps) <= _TAPS:
            sums = self._taps(f, places[1], w, steps[1], sums, self.taps, count)
        else:
            first = self.lines[0]
            gap = first.taps[1][1] - first.taps[0][1] if len(first.taps) > 1 else 0
            move = first.taps[1][0] - first.taps[0][0] if len(first.taps) > 1 else 0
            x, weights = self.operands
            inner = [tap for tap in self.taps if tap[0] == 0]
            with f.loop(0, len(first.taps), carry=sums) as loop:
                near = f.at(places[1], loop.index, gap * x.strides[2] * self.item)
                line = f.at(w, loop.index, move * weights.strides[2] * self.item)
                loop.carry(*self._taps(f, near, line, steps[1], loop.carried, inner, count))
            sums = list(loop.carried)
        for i, total in enumerate(sums):
            store_some(f, total, f.at(places[0], i * steps[0]), count)

    def _taps(
        self,
        f: Function,
        x: Register,
        w: Register,
        step: int,
        sums: Sequence[Register],
        taps: Sequence[tuple[int, ...]],
        count: int,
    ) -> list[Register]:
        """The sums with some taps added."""
        image, weights = self.operands
        loaded: dict[int, Register] = {}
        sums = list(sums)
        for tap in taps:
            number = sum(
                line.taps[i][0] * stride
                for line, i, stride in zip(self.lines, tap, weights.strides[2:], strict=True)
            )
            weight = self._load(f, f.at(w, number * self.item), count)
            for i in range(len(sums)):
                at = self._distance(image, tap) * self.item + i * step
                if at not in loaded:
                    loaded[at] = self._load(f, f.at(x, at), count)
                sums[i] = f.multiply_add(loaded[at], weight, sums[i])
        return sums


class DepthwiseWeight(_Channels):
    """The gradient in the weights, for some images each: (parts, taps, channels).

    Rows are images, a whole part at a time.

    Args:
        x:     (batch, channels, *spatial), channels last, with a border that the taps stay in.
        z:     (batch, channels, *places), channels last: the cotangent of the convolution.
        lines: the pass along each spatial axis.
    """

    what = "conv_weight by channel"

    def __init__(self, x: View, z: View, lines: Sequence[Line], target: Target) -> None:
        self._setup(x, lines, target)
        self.rows = x.shape[0]
        self.whole = -(-self.rows // _PARTS)
        shape = (-(-self.rows // self.whole), len(self.taps), self.channels)
        buffer = Buffer(size(shape) * self.item, what="parts of a weight's gradient")
        self.results = (View(buffer, x.dtype, shape, contiguous(shape)),)
        self.operands = (x, z)
        self.slabs = (None, x.strides[0] * self.item, z.strides[0] * self.item)
        self.flops = 2 * z.size * len(self.taps)

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("depthwise weight", self.lines, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, (result,), (x, z), _, lo, hi = kernel_function(module, "depthwise_weight", 1, 2)
        (parts,), (image, cotangent) = self.results, self.operands
        with f.loop(lo, hi) as row:
            part = f.binary("sdiv", row.index, f.integer(self.whole))
            within = f.binary("srem", row.index, f.integer(self.whole))
            again = f.compare("icmp ne", within, f.integer(0))
            far = f.at(result, part, parts.strides[0] * self.item)
            at = f.at(x, row.index, image.strides[0] * self.item)
            given = f.at(z, row.index, cotangent.strides[0] * self.item)

            def channels(start: Register, count: int) -> None:
                moved = [f.at(p, start, self.item) for p in (far, at, given)]
                for first in range(0, len(self.taps), _SUMS):
                    self._sum(f, moved, range(len(self.taps))[first : first + _SUMS], again, count)

            self._each_vector(f, channels)
        f.leave()
        return module.add_shared(f)

    def _sum(
        self, f: Function, at: Sequence[Register], taps: range, again: Register, count: int
    ) -> None:
        """Some taps: their sums over all places of an image, added to what is there."""
        places = [f.at(at[0], tap * self.channels, self.item) for tap in taps]
        zeros = [f.constant(self.type, 0)] * len(taps)
        with f.branch(again, otherwise=zeros) as before:
            before.give(*[self._load(f, place, count) for place in places])
        sums = self._axis(f, 0, at[1], at[2], list(before.values), taps, count)
        for total, place in zip(sums, places, strict=True):
            store_some(f, total, place, count)

    def _axis(
        self,
        f: Function,
        axis: int,
        x: Register,
        z: Register,
        sums: Sequence[Register],
        taps: range,
        count: int,
    ) -> list[Register]:
        """Loops over the places, handing the sums on."""
        image, cotangent = self.operands
        if axis == len(self.lines):
            value = self._load(f, z, count)
            return [
                f.multiply_add(
                    self._load(
                        f, f.at(x, self._distance(image, self.taps[tap]) * self.item), count
                    ),
                    value,
                    total,
                )
                for tap, total in zip(taps, sums, strict=True)
            ]
        line = self.lines[axis]
        with f.loop(0, line.count, carry=sums) as loop:
            near = f.at(x, loop.index, line.step * image.strides[axis + 2] * self.item)
            given = f.at(z, loop.index, cotangent.strides[axis + 2] * self.item)
            loop.carry(*self._axis(f, axis + 1, near, given, loop.carried, taps, count))
        return list(loop.carried)
