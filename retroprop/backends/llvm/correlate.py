"""The gradient of a convolution in its weights: how x and z correlate at each tap.

Taps and input channels are the rows of a tile, output channels its columns; the sum runs over the
places of all images. Small results are summed up in parts, one for a few images each, which a
reduction then adds; how many images that is depends on the shapes alone. For a large result the
rows of the result are the rows of the kernel, and each is summed up whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from retroprop.backends.llvm.convolve import table_of
from retroprop.backends.llvm.kernel import (
    Buffer,
    Kernel,
    View,
    contiguous,
    kernel_function,
    storage_type,
)
from retroprop.backends.llvm.patch import Nest, Patch, rows_for
from retroprop.backends.llvm.window import Line
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Correlate"]

_PARTS = 16  # parts of the batch that are summed up apart, at most
_NEAR = 24 * 1024  # bytes of x and z that all tiles use before the next ones


class Correlate(Kernel):
    """(parts, taps x channels, out) or, where that is large, (taps x channels, out) itself.

    Args:
        x:     (batch, channels, *spatial), channels last, with a border that the taps stay in.
        z:     (batch, out, *places), channels last.
        lines: the pass along each spatial axis.
        result: (taps x channels / groups, out), contiguous.

    Attributes:
        parts: the view of the parts to add up, or None where the result is complete.
    """

    what = "conv_weight"

    def __init__(
        self, result: View, x: View, z: View, lines: Sequence[Line], groups: int, target: Target
    ) -> None:
        self.lines, self.groups = tuple(lines), groups
        self.item, self.scalar = x.dtype.itemsize, storage_type(x.dtype)
        self.batch, self.inner, self.columns = x.shape[0], x.shape[1] // groups, z.shape[1] // groups
        self.lanes = target.lanes(self.item)
        vectors = 2 if self.columns > self.lanes else 1
        self.width = vectors * self.lanes
        self.taps = size(tuple(len(line.taps) for line in lines)) * self.inner
        self.tile = rows_for(target, self.taps, vectors)
        self.table = self._rows_table(x, result)
        self.tables = (self.table,)
        self.counts = tuple(line.count for line in lines)
        self.flops = 2 * size(self.counts) * self.batch * z.shape[1] * self.taps
        self.each = -(-self.batch // _PARTS)
        parts = -(-self.batch // self.each)
        moved = (x.size + z.size) * self.item
        self.by_parts = parts > 1 and parts * result.size * self.item <= moved
        self.parts: View | None = None
        if self.by_parts:
            shape = (parts, *result.shape)
            buffer = Buffer(size(shape) * self.item, what="parts of a weight's gradient")
            self.parts = View(buffer, result.dtype, shape, contiguous(shape))
        self.results = (self.parts or result,)
        self.operands = (x, z, self.table.view)
        if self.by_parts:
            self.rows, self.whole = self.batch, self.each
            slabs = [view.strides[0] * self.item for view in (x, z)]
            self.slabs = (None, *slabs, None)
        else:
            self.rows = -(-self.taps // self.tile)
            self.slabs = (None, None, None, None)

    def _rows_table(self, x: View, result: View):  # type: ignore[no-untyped-def]
        near = np.zeros(1, np.int64)
        for line, stride in zip(self.lines, x.strides[2:], strict=True):
            gaps = np.array([distance for _, distance in line.taps]) * stride
            near = (near[:, None] + gaps).reshape(-1)
        near = (near[:, None] + np.arange(self.inner) * x.strides[1]).reshape(-1)
        far = np.arange(self.taps) * result.strides[0]
        return table_of(np.stack([near, far], 1))

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("correlate", self.lines, self.groups, *(view.layout for view in views))

    # -- code ------------------------------------------------------------------------------------

    def emit(self, module: Module, target: Target) -> str:
        f, (result,), (x, z, table), _, lo, hi = kernel_function(module, "correlate", 1, 3)
        self.module = module
        to, group_of_x, group_of_z = result, x, z
        with f.loop(0, self.groups) as group:
            columns = self.columns * self.item
            to = f.at(result, group.index, columns)
            group_of_x = f.at(x, group.index, self.inner * self.operands[0].strides[1] * self.item)
            group_of_z = f.at(z, group.index, self.operands[1].strides[1] * columns)
            if self.by_parts:
                with f.loop(lo, hi) as image:
                    part = f.binary("sdiv", image.index, f.integer(self.each))
                    within = f.binary("srem", image.index, f.integer(self.each))
                    here = f.at(to, part, self.results[0].strides[0] * self.item)
                    self._image(f, (here, group_of_x, group_of_z, table), image.index, within, None)
            else:
                with f.loop(0, self.batch) as image:
                    pointers = (to, group_of_x, group_of_z, table)
                    self._image(f, pointers, image.index, image.index, (lo, hi))
        f.leave()
        return module.add_shared(f)

    def _image(self, f, pointers, image, first, tiles) -> None:  # type: ignore[no-untyped-def]
        """Add what one image gives; `first` is 0 where nothing is there yet."""
        to, x, z, table = pointers
        xs, zs = self.operands[0], self.operands[1]
        x = f.at(x, image, xs.strides[0] * self.item)
        z = f.at(z, image, zs.strides[0] * self.item)
        outer, nest, blocks = self._cut()
        whole, rest = divmod(self.columns, self.width)
        for number, (count, wide) in enumerate(((whole, self.width), (1, rest))):
            if not count or not wide:
                continue
            with f.loop(0, count) as panel:
                place = panel.index if number == 0 else f.integer(whole)
                far = f.at(to, place, self.width * self.item)
                near_z = f.at(z, place, self.width * zs.strides[1] * self.item)
                self._outer(f, outer, (far, x, near_z, table), first, wide, nest, blocks, tiles)

    def _outer(self, f, axes, pointers, first, wide, nest, blocks, tiles):  # type: ignore[no-untyped-def]
        """Loops over the places that no tile runs over by itself."""
        if axes:
            (count, x_step, z_step), *inner = axes
            to, x, z, table = pointers
            with f.loop(0, count) as line:
                x = f.at(x, line.index, x_step * self.item)
                z = f.at(z, line.index, z_step * self.item)
                begun = f.binary("or", first, line.index)
                self._outer(f, inner, (to, x, z, table), begun, wide, nest, blocks, tiles)
            return
        for start, count in blocks:
            head = nest[0]
            to, x, z, table = pointers
            x = f.at(x, start * head.a_step, self.item)
            z = f.at(z, start * head.b_step, self.item)
            begun = f.binary("or", first, f.integer(start))
            inner = (head._replace(count=count), *nest[1:])
            self._tiles(f, (to, x, z, table), begun, wide, inner, tiles)

    def _tiles(self, f, pointers, begun, wide, nest, tiles):  # type: ignore[no-untyped-def]
        """All tiles of the result, or those asked for, over some places."""
        to, x, z, table = pointers
        none = f.compare("icmp eq", begun, f.integer(0))
        first = f.convert("zext", none, "i64")

        def call(row: Register, rows: int) -> None:
            lines = f.at(table, row, 8)
            tile = Patch(self.scalar, self.item, self.lanes, rows, wide, nest, is_new=False)
            f.call(tile.emit(self.module), "void", [to, x, z, lines, first])

        whole, rest = divmod(self.taps, self.tile)
        lo, hi = tiles or (f.integer(0), f.integer(whole + bool(rest)))
        last = f.integer(whole)
        stop = f.select(f.compare("icmp slt", hi, last), hi, last)
        with f.loop(lo, stop) as tile:
            call(f.binary("mul", tile.index, f.integer(self.tile)), self.tile)
        if rest:
            with f.branch(f.compare("icmp sgt", hi, last)):
                call(f.integer(whole * self.tile), rest)

    def _cut(self):  # type: ignore[no-untyped-def]
        """How the places of an image are walked: loops outside of tiles, inside, and blocks of
        the outermost of those inside: (start, count) whose data stay in the first cache.
        """
        axes = [
            (line.count, line.step * x, z)
            for line, x, z in zip(
                self.lines,
                self.operands[0].strides[2:],
                self.operands[1].strides[2:],
                strict=True,
            )
        ]
        outer, inner = axes[:-2], axes[-2:]
        nest = tuple(Nest(*axis) for axis in inner)
        count = nest[0].count
        line = size(tuple(loop.count for loop in nest[1:]))
        each = line * (self.width + self.inner * self.lines[-1].step) * self.item
        some = max(1, min(count, (_NEAR - 2 * line * self.inner * self.item) // max(each, 1)))
        some = -(-count // -(-count // some))
        blocks = [(start, min(some, count - start)) for start in range(0, count, some)]
        return outer, nest, blocks
