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

from retroprop.backends.llvm.convolve import Table, table_of
from retroprop.backends.llvm.kernel import (
    Buffer,
    Kernel,
    View,
    contiguous,
    kernel_function,
    storage_type,
)
from retroprop.backends.llvm.patch import Nest, Patch, load_some, rows_for
from retroprop.backends.llvm.window import Line
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Correlate"]

Pointers = tuple["Register", "Register", "Register", "Register"]  # result, x, z, table
Ends = tuple["Register", "Register"]

_PARTS = 16  # parts of the batch that are summed up apart, at most
_PACKED = 320  # places whose z is copied side by side
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
        self.batch, self.inner, self.columns = (
            x.shape[0],
            x.shape[1] // groups,
            z.shape[1] // groups,
        )
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

    def _rows_table(self, x: View, result: View) -> Table:
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
        room = None if self.by_parts else self._packed_room(f)
        with f.loop(0, self.groups) as group:
            columns = self.columns * self.item
            to = f.at(result, group.index, columns)
            near = f.at(x, group.index, self.inner * self.operands[0].strides[1] * self.item)
            far = f.at(z, group.index, self.operands[1].strides[1] * columns)
            pointers = (to, near, far, table)
            if room is None:
                self._images(f, pointers, lo, hi)
            else:
                self._panels(f, pointers, room, (lo, hi))
        f.leave()
        return module.add_shared(f)

    # -- all images for some rows of the result --------------------------------------------------

    @property
    def _together(self) -> tuple[int, int]:
        """Images, and lines of each, whose z is copied side by side at a time."""
        inner = size(self.counts[1:])
        if self.counts[0] * inner > _PACKED:
            return 1, max(1, _PACKED // inner)
        return min(self.batch, _PACKED // (self.counts[0] * inner)), self.counts[0]

    def _packed_room(self, f: Function) -> Register:
        images, lines = self._together
        return f.allocate(self.scalar, images * lines * size(self.counts[1:]) * self.width)

    def _panels(self, f: Function, pointers: Pointers, room: Register, tiles: Ends) -> None:
        """Panel by panel of columns: z of some images packed, then all tiles asked for."""
        to, x, z, table = pointers
        whole, rest = divmod(self.columns, self.width)
        step = self.operands[1].strides[1]
        if whole:
            with f.loop(0, whole) as panel:
                far = f.at(to, panel.index, self.width * self.item)
                source = f.at(z, panel.index, self.width * step * self.item)
                self._all_images(f, (far, x, source, table), room, self.width, tiles)
        if rest:
            far = f.at(to, whole * self.width, self.item)
            source = f.at(z, whole * self.width * step, self.item)
            self._all_images(f, (far, x, source, table), room, rest, tiles)

    def _all_images(
        self, f: Function, pointers: Pointers, room: Register, wide: int, tiles: Ends
    ) -> None:
        images, lines = self._together
        ends = [(0, self.batch // images * images, images)]
        if self.batch % images:
            ends.append((ends[0][1], self.batch, self.batch % images))
        for start, stop, count in ends:
            with f.loop(start, stop, count) as image:
                done = self.counts[0] // lines * lines
                for first, last, some in (
                    (0, done, lines),
                    (done, self.counts[0], self.counts[0] - done),
                ):
                    if last == first:
                        continue
                    with f.loop(first, last, some) as line:
                        at = (image.index, line.index)
                        self._block(f, pointers, room, wide, tiles, at, (count, some))

    def _block(
        self,
        f: Function,
        pointers: Pointers,
        room: Register,
        wide: int,
        tiles: Ends,
        at: tuple[Register, Register],
        counts: tuple[int, int],
    ) -> None:
        """Some lines of some images."""
        to, x, z, table = pointers
        xs, zs = self.operands[0], self.operands[1]
        image, line = at
        x = f.at(
            f.at(x, image, xs.strides[0] * self.item),
            line,
            self.lines[0].step * xs.strides[2] * self.item,
        )
        z = f.at(f.at(z, image, zs.strides[0] * self.item), line, zs.strides[2] * self.item)
        sizes = (counts[0], counts[1], *self.counts[1:])
        nest: list[Nest] = []
        b_step = self.width
        steps = [xs.strides[0]] + [
            l.step * s for l, s in zip(self.lines, xs.strides[2:], strict=True)
        ]
        for n, step in zip(reversed(sizes), reversed(steps), strict=True):
            nest.insert(0, Nest(n, step, b_step))
            b_step *= n
        self._pack(f, z, room, wide, sizes)
        begun = f.binary("or", image, line)
        self._tiles(f, (to, x, room, table), begun, wide, tuple(nest), tiles)

    def _pack(
        self, f: Function, z: Register, room: Register, wide: int, sizes: tuple[int, ...]
    ) -> None:
        """Columns of z, place after place."""
        zs = self.operands[1]
        strides = (zs.strides[0], *zs.strides[2:])

        def level(axis: int, source: Register, to: Register) -> None:
            if axis == len(sizes):
                for start in range(0, wide, self.lanes):
                    some = min(self.lanes, wide - start)
                    value = load_some(
                        f, self.scalar, self.lanes, f.at(source, start, self.item), some
                    )
                    f.store(value, f.at(to, start, self.item))
                return
            below = size(sizes[axis + 1 :]) * self.width
            with f.loop(0, sizes[axis]) as loop:
                near = f.at(source, loop.index, strides[axis] * self.item)
                level(axis + 1, near, f.at(to, loop.index, below * self.item))

        level(0, z, room)

    # -- image by image, all of the result --------------------------------------------------------

    def _images(self, f: Function, pointers: Pointers, lo: Register, hi: Register) -> None:
        to, x, z, table = pointers
        with f.loop(lo, hi) as image:
            part = f.binary("sdiv", image.index, f.integer(self.each))
            within = f.binary("srem", image.index, f.integer(self.each))
            here = f.at(to, part, self.results[0].strides[0] * self.item)
            self._image(f, (here, x, z, table), image.index, within)

    def _image(self, f: Function, pointers: Pointers, image: Register, first: Register) -> None:
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
                self._outer(f, outer, (far, x, near_z, table), first, wide, nest, blocks)

    def _outer(
        self,
        f: Function,
        axes: Sequence[tuple[int, int, int]],
        pointers: Pointers,
        first: Register,
        wide: int,
        nest: tuple[Nest, ...],
        blocks: tuple[int, int],
    ) -> None:
        """Loops over the places that no tile runs over by itself."""
        if axes:
            (count, x_step, z_step), *inner = axes
            to, x, z, table = pointers
            with f.loop(0, count) as line:
                x = f.at(x, line.index, x_step * self.item)
                z = f.at(z, line.index, z_step * self.item)
                begun = f.binary("or", first, line.index)
                self._outer(f, inner, (to, x, z, table), begun, wide, nest, blocks)
            return
        (some, left), head = blocks, nest[0]
        done = head.rounds // some * some
        for start, stop, count in ((0, done, some), (done, done + left, left)):
            if not count:
                continue
            with f.loop(start, stop, count) as line:
                to, x, z, table = pointers
                x = f.at(x, line.index, head.a_step * self.item)
                z = f.at(z, line.index, head.b_step * self.item)
                begun = f.binary("or", first, line.index)
                loops = (head._replace(rounds=count), *nest[1:])
                self._tiles(f, (to, x, z, table), begun, wide, loops, None)

    def _tiles(
        self,
        f: Function,
        pointers: Pointers,
        begun: Register,
        wide: int,
        nest: tuple[Nest, ...],
        tiles: Ends | None,
    ) -> None:
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

    def _cut(self) -> tuple[list[tuple[int, int, int]], tuple[Nest, ...], tuple[int, int]]:
        """How the places of an image are walked: loops outside of tiles, and those inside; how many
        rounds of the outermost of these have data that stay in the first cache, and how many are
        left.
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
        count = nest[0].rounds
        line = size(tuple(loop.rounds for loop in nest[1:]))
        each = line * (self.width + self.inner * self.lines[-1].step) * self.item
        some = max(1, min(count, (_NEAR - 2 * line * self.inner * self.item) // max(each, 1)))
        some = -(-count // -(-count // some))
        return outer, nest, (some, count % some)
