"""Weights of a convolution as panels, so that a tile reads them one vector after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retroprop.backends.llvm.kernel import Buffer, Kernel, View, contiguous, kernel_function
from retroprop.backends.llvm.pack import Columns, emit_panel
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Filters"]


class Filters(Kernel):
    """w as (groups, panels, taps, inner, width), filled up with zeros.

    Rows are panels, of all groups one after the other.

    Args:
        w:      (groups, inner, columns, *window), of any strides.
        taps:   the places of the window in the order in which they are met, axis by axis.
        width:  columns of a panel.
    """

    what = "pack filters"

    def __init__(self, w: View, taps: Sequence[Sequence[int]], width: int) -> None:
        groups, self.inner, columns = w.shape[:3]
        self.taps = tuple(map(tuple, taps))
        self.columns = Columns(columns, width, overlapping=False)
        self.steps = size(tuple(map(len, self.taps))) * self.inner
        shape = (groups, self.columns.panels, self.steps, width)
        buffer = Buffer(size(shape) * w.dtype.itemsize, what="filters")
        self.results = (View(buffer, w.dtype, shape, contiguous(shape)),)
        self.operands = (w,)
        self.rows = groups * self.columns.panels
        self.slabs = (self.steps * width * w.dtype.itemsize, None)

    @property
    def signature(self) -> object:
        return ("filters", self.taps, self.columns, self.operands[0].layout)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(module, "filters", 1, 1)
        w = self.operands[0]
        item, panels, width = w.dtype.itemsize, self.columns.panels, self.columns.width
        matrix = w._replace(shape=w.shape[1:3], strides=w.strides[1:3])
        with f.loop(lo, hi) as row:
            group = f.binary("sdiv", row.index, f.integer(panels))
            panel = f.binary("srem", row.index, f.integer(panels))
            to = f.at(results[0], row.index, self.steps * width * item)
            source = f.at(operands[0], group, w.strides[0] * item)
            first = self.columns.start(f, panel)
            source = f.at(source, first, w.strides[2] * item)
            self._emit_taps(f, target, matrix, w.strides[3:], panel, source, to)
        f.leave()
        return module.add_shared(f)

    def _emit_taps(
        self,
        f: Function,
        target: Target,
        matrix: View,
        strides: Sequence[int],
        panel: Register,
        source: Register,
        to: Register,
    ) -> None:
        """One panel: a matrix for each tap, one after the other."""
        item = matrix.dtype.itemsize
        each = self.inner * self.columns.width
        loops = [_evenly(places, stride) for places, stride in zip(self.taps, strides, strict=True)]

        def level(number: int, source: Register, to: Register) -> None:
            if number == len(loops):
                emit_panel(f, target, matrix, self.columns, panel, source, to, self.inner)
                return
            below = size(tuple(len(places) for places in self.taps[number + 1 :]))
            start, step, count = loops[number]
            with f.loop(0, count) as loop:
                near = f.at(f.at(source, start, item), loop.index, step * item)
                level(number + 1, near, f.at(to, loop.index, below * each * item))

        level(0, source, to)


def _evenly(places: Sequence[int], stride: int) -> tuple[int, int, int]:
    """Start, step and number of places of a window, which are evenly apart."""
    step = places[1] - places[0] if len(places) > 1 else 0
    return places[0] * stride, step * stride, len(places)
