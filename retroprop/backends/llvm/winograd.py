"""Convolutions of 3 x 3 windows with fewer multiplications: the algorithm of Winograd.

A tile of m x m results depends on a x a elements, a = m + 2. In other coordinates, B'd B for the
elements and G g G' for the weights, the convolution is a product element by element, summed over
channels: a² matrix products in place of 9, for m² places at once. A' turns what comes out back:

    Y = A' [ (G g G') * (B' d B) ] A

For m = 2 that is 2.25 times fewer multiplications, by coefficients of 0, 1 and 1/2 only, and the
rounding errors are no larger than those of the direct sum; for m = 4 it is 4 times fewer, with
errors about ten times larger. The gradient in the weights is the same with other ends:

    dg = G' [ (B' d B) * (A dY A') ] G

Tiles are worked on in blocks whose coordinates stay in the second cache.
Source: Lavin, Gray 2016, arXiv:1509.09308.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from retroprop.backends.llvm.pack import Columns, Pack
from retroprop.backends.llvm.patch import rows_for
from retroprop.backends.llvm.tile import Tile
from retroprop.backends.llvm.window import Line
from retroprop.backends.llvm.winograd_weights import A, B, both
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["WinogradConvolve", "WinogradParts", "suits"]

_BLOCK = 64 * 1024  # bytes of the coordinates of one block of tiles, where these are enough
_FILTERS = (
    2 * 1024 * 1024
)  # bytes of transformed weights beyond which they cost more than they save
_TILES = 96  # of all images, below which it is not worth transforming the weights
_PARTS = 16  # parts of the batch whose gradients are summed up apart, at most
_SKEW = 16  # elements between coordinates, so that they do not fall into the same sets


def suits(x: View, z: View, lines: Sequence[Line], m: int, lanes: int, *, in_parts: bool) -> bool:
    """Whether a 3 x 3 convolution from x to z is done in fewer operations this way."""
    if m not in A or len(lines) != 2:
        return False
    for line in lines:
        gaps = [distance for _, distance in line.taps]
        first = gaps[0] if gaps else 0
        plain = (line.jump, line.step, gaps) == (1, 1, [first, first + 1, first + 2])
        if not plain or line.count % m or line.start:
            return False
    inner, outer = x.shape[1], z.shape[1]
    if inner % (2 * lanes) or outer % (2 * lanes):
        return False
    tiles = x.shape[0] * size(tuple(line.count // m for line in lines))
    coordinates = (m + 2) ** 2 * inner * outer
    if in_parts:
        return coordinates <= x.size + z.size
    return tiles >= _TILES and coordinates * x.dtype.itemsize <= _FILTERS


Block = tuple["Register", "Register", "Register"]  # first image, how many, first line of tiles


class _Blocks:
    """How the tiles of images are cut into blocks.

    Attributes:
        down, across: tiles of an image.
        lines:  lines of tiles in one block of an image.
        images: in one block, when these are small.
        tiles:  of a full block.
    """

    def __init__(self, lines: Sequence[Line], m: int, channels: int, item: int) -> None:
        self.m, self.side = m, m + 2
        self.down, self.across = (line.count // m for line in lines)
        self.first = tuple(line.taps[0][1] for line in lines)
        most = max(16, _BLOCK // (self.side**2 * channels * item))
        fits = [n for n in range(1, self.down + 1) if self.down % n == 0]
        self.lines = max(n for n in fits if n == 1 or n * self.across <= most)
        per_image = self.lines * self.across
        self.images = max(1, min(most, 48) // per_image) if self.lines == self.down else 1
        self.tiles = self.images * per_image

    @contextmanager
    def walk(
        self, f: Function, lo: Register, hi: Register
    ) -> Iterator[tuple[Register, Register, Register]]:
        """Every block: its first image, how many there are, its first line of tiles."""
        with f.loop(lo, hi, self.images) as image:
            left = f.binary("sub", hi, image.index)
            few = f.compare("icmp slt", left, f.integer(self.images))
            count = f.select(few, left, f.integer(self.images))
            with f.loop(0, self.down, self.lines) as line:
                yield image.index, count, line.index

    @contextmanager
    def tile(
        self, f: Function, count: Register
    ) -> Iterator[tuple[Register, Register, Register, Register]]:
        """Every tile of a block: its image, line and place, and its number."""
        loops = (f.loop(0, count), f.loop(0, self.lines), f.loop(0, self.across))
        with loops[0] as image, loops[1] as line, loops[2] as place:
            number = f.binary("mul", image.index, f.integer(self.lines))
            number = f.binary("add", number, line.index)
            number = f.binary("mul", number, f.integer(self.across))
            number = f.binary("add", number, place.index)
            yield image.index, line.index, place.index, number


class _Coordinates(Kernel):
    """What the kernels that work on blocks of tiles share."""

    def _setup(self, x: View, z: View, lines: Sequence[Line], m: int, target: Target) -> None:
        self.m, self.side, self.lines = m, m + 2, tuple(lines)
        self.item, self.scalar = x.dtype.itemsize, storage_type(x.dtype)
        self.lanes = target.lanes(self.item)
        self.inner, self.outer = x.shape[1], z.shape[1]
        self.vectors, self.width = 2, 2 * self.lanes
        self.panels = self.outer // self.width
        self.cut = _Blocks(lines, m, self.inner + self.outer, self.item)

    def _room(self, f: Function, channels: int) -> tuple[Register, int]:
        """Memory for the coordinates of a block, and the elements from one to the next."""
        step = self.cut.tiles * channels + _SKEW
        return f.allocate(self.scalar, self.side**2 * step), step

    def _take(
        self, f: Function, at: Register, x: View, block: Block, room: Register, step: int
    ) -> None:
        """B' d B of every tile of a block of x."""
        image, count, line = block
        first = sum(a * s for a, s in zip(self.cut.first, x.strides[2:], strict=True))
        start = f.at(f.at(at, image, x.strides[0] * self.item), first * self.item)
        start = f.at(start, line, self.m * x.strides[2] * self.item)
        self._each(
            f, start, x, count, room, step, self.inner, lambda load: both(f, B[self.m], load)
        )

    def _each(
        self,
        f: Function,
        start: Register,
        view: View,
        count: Register,
        room: Register,
        step: int,
        channels: int,
        transform: Callable[..., list[list[Register]]],
    ) -> None:
        """Store what a transform makes of every tile of a block, for all its channels."""
        type = vector(self.scalar, self.lanes)
        strides = [stride * self.item for stride in view.strides]
        with self.cut.tile(f, count) as (image, line, place, number):
            near = f.at(f.at(start, image, strides[0]), line, self.m * strides[2])
            near = f.at(near, place, self.m * strides[3])
            far = f.at(room, number, channels * self.item)
            with f.loop(0, channels, self.lanes) as channel:
                here, there = (f.at(p, channel.index, self.item) for p in (near, far))

                def load(i: int, j: int) -> Register:
                    return f.load(type, f.at(here, i * strides[2] + j * strides[3]))

                for i, values in enumerate(transform(load)):
                    for j, value in enumerate(values):
                        f.store(value, f.at(there, (i * self.side + j) * step, self.item))

    def _number(self, f: Function, count: Register) -> Register:
        """How many tiles a block has."""
        return f.binary("mul", count, f.integer(self.cut.lines * self.cut.across))


class WinogradConvolve(_Coordinates):
    """result = the 3 x 3 convolution of x with transformed weights. Rows are images.

    Args:
        result: (batch, out, height, width), channels last.
        x:      (batch, channels, height, width), channels last, with a border.
        u:      (a², channels, out), transformed weights, any strides.
        lines:  the pass along both axes.
    """

    def __init__(
        self, result: View, x: View, u: View, lines: Sequence[Line], m: int, target: Target
    ) -> None:
        self._setup(x, result, lines, m, target)
        self.what = f"conv winograd {m}x{m}"
        self.pack = Pack(u, Columns(self.outer, self.width, overlapping=False))
        self.results, self.operands = (result,), (x, self.pack.results[0])
        self.rows = x.shape[0]
        self.slabs = (result.strides[0] * self.item, x.strides[0] * self.item, None)
        self.flops = 2 * x.shape[0] * self.cut.down * self.cut.across * u.size
        self.tile_rows = rows_for(target, self.cut.tiles, self.vectors)
        self.preferred_rows = self.cut.images

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("winograd", self.m, self.lines, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, (result,), (x, u), _, lo, hi = kernel_function(module, "winograd", 1, 2)
        near, step = self._room(f, self.inner)
        far, stride = self._room(f, self.outer)
        with self.cut.walk(f, lo, hi) as block:
            self._take(f, x, self.operands[0], block, near, step)
            self._multiply(f, u, block[1], near, step, far, stride)
            self._give(f, result, block, far, stride)
        f.leave()
        return module.add_shared(f)

    def _multiply(
        self,
        f: Function,
        u: Register,
        count: Register,
        near: Register,
        step: int,
        far: Register,
        stride: int,
    ) -> None:
        """One matrix product for each coordinate: (tiles, inner) by (inner, out)."""
        tiles = self._number(f, count)
        deep = self.inner * self.width
        last = f.binary("sub", tiles, f.integer(self.tile_rows))
        is_enough = f.compare("icmp sge", last, f.integer(0))
        with f.loop(0, self.side**2) as one, f.loop(0, self.panels) as panel:
            weights = f.at(u, one.index, self.panels * deep * self.item)
            weights = f.at(weights, panel.index, deep * self.item)
            source = f.at(near, one.index, step * self.item)
            to = f.at(f.at(far, one.index, stride * self.item), panel.index, self.width * self.item)

            def call(index: Register, rows: int) -> None:
                tile = Tile(
                    self.scalar, self.item, self.lanes, rows, self.vectors,
                    self.inner, 1, self.width, self.inner,
                )  # fmt: skip
                c = f.at(to, index, self.outer * self.item)
                a = f.at(source, index, self.inner * self.item)
                numbers = (f.integer(self.inner), f.integer(self.outer * self.item), f.integer(1))
                tile.write(f, c, a, weights, *numbers)

            with f.branch(is_enough), f.loop(0, tiles, self.tile_rows) as tile:
                early = f.compare("icmp slt", tile.index, last)
                call(f.select(early, tile.index, last), self.tile_rows)
            with f.branch(f.compare("icmp slt", last, f.integer(0))), f.loop(0, tiles) as tile:
                call(tile.index, 1)

    def _give(
        self, f: Function, result: Register, block: Block, far: Register, stride: int
    ) -> None:
        """A' m A of every tile, to its places."""
        image, count, line = block
        (view,), type = self.results, vector(self.scalar, self.lanes)
        steps = [one * self.item for one in view.strides]
        start = f.at(f.at(result, image, steps[0]), line, self.m * steps[2])
        with self.cut.tile(f, count) as (which, row, place, number):
            to = f.at(f.at(start, which, steps[0]), row, self.m * steps[2])
            to = f.at(to, place, self.m * steps[3])
            near = f.at(far, number, self.outer * self.item)
            with f.loop(0, self.outer, self.lanes) as channel:
                here, there = (f.at(p, channel.index, self.item) for p in (near, to))

                def load(i: int, j: int) -> Register:
                    return f.load(type, f.at(here, (i * self.side + j) * stride, self.item))

                for i, values in enumerate(both(f, A[self.m], load)):
                    for j, value in enumerate(values):
                        f.store(value, f.at(there, i * steps[2] + j * steps[3]))


class WinogradParts(_Coordinates):
    """The gradient in transformed weights, for some images each: (parts, a², channels, out).

    Rows are images, a whole part at a time.

    Args:
        x:     (batch, channels, height, width), channels last, with a border.
        z:     (batch, out, height, width), channels last: the cotangent of the convolution.
        lines: the pass along both axes.
    """

    def __init__(self, x: View, z: View, lines: Sequence[Line], m: int, target: Target) -> None:
        self._setup(x, z, lines, m, target)
        self.what = f"conv_weight winograd {m}x{m}"
        coordinates = self.side**2 * self.inner * self.outer
        parts = max(1, min(_PARTS, 2 * (x.size + z.size) // coordinates))
        self.each = -(-x.shape[0] // parts)
        shape = (-(-x.shape[0] // self.each), self.side**2, self.inner, self.outer)
        buffer = Buffer(size(shape) * self.item, what="parts of a weight's gradient")
        self.results = (View(buffer, x.dtype, shape, contiguous(shape)),)
        self.operands = (x, z)
        self.rows, self.whole = x.shape[0], self.each
        self.slabs = (None, x.strides[0] * self.item, z.strides[0] * self.item)
        self.flops = 2 * x.shape[0] * self.cut.down * self.cut.across * coordinates
        self.tile_rows = rows_for(target, self.inner, self.vectors)
        self.cut.images = min(self.cut.images, self.each)
        while self.each % self.cut.images:
            self.cut.images -= 1

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("winograd parts", self.m, self.lines, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, (result,), (x, z), _, lo, hi = kernel_function(module, "winograd_parts", 1, 2)
        near, step = self._room(f, self.inner)
        far, stride = self._room(f, self.outer)
        with self.cut.walk(f, lo, hi) as block:
            image, count, line = block
            self._take(f, x, self.operands[0], block, near, step)
            view = self.operands[1]
            start = f.at(
                f.at(z, image, view.strides[0] * self.item),
                line,
                self.m * view.strides[2] * self.item,
            )
            turned = tuple(zip(*A[self.m], strict=True))
            self._each(
                f, start, view, count, far, stride, self.outer,
                lambda load: both(f, turned, load),
            )  # fmt: skip
            part = f.binary("sdiv", image, f.integer(self.each))
            within = f.binary("or", f.binary("srem", image, f.integer(self.each)), line)
            first = f.convert("zext", f.compare("icmp eq", within, f.integer(0)), "i64")
            to = f.at(result, part, self.results[0].strides[0] * self.item)
            self._multiply(f, to, self._number(f, count), first, (near, step), (far, stride))
        f.leave()
        return module.add_shared(f)

    def _multiply(
        self,
        f: Function,
        result: Register,
        tiles: Register,
        first: Register,
        near: tuple[Register, int],
        far: tuple[Register, int],
    ) -> None:
        """For each coordinate (channels, tiles) by (tiles, out), added to what is there."""
        step = f.integer(self.outer * self.item)
        with f.loop(0, self.side**2) as one, f.loop(0, self.panels) as panel:
            columns = f.at(near[0], one.index, near[1] * self.item)
            source = f.at(far[0], one.index, far[1] * self.item)
            source = f.at(source, panel.index, self.width * self.item)
            to = f.at(result, one.index, self.inner * self.outer * self.item)
            to = f.at(to, panel.index, self.width * self.item)

            def call(index: Register, rows: int) -> None:
                tile = Tile(
                    self.scalar, self.item, self.lanes, rows, self.vectors,
                    1, self.inner, self.outer, None,
                )  # fmt: skip
                c = f.at(to, index, self.outer * self.item)
                a = f.at(columns, index, self.item)
                tile.write(f, c, a, source, tiles, step, first)

            whole, rest = divmod(self.inner, self.tile_rows)
            with f.loop(0, whole * self.tile_rows, self.tile_rows) as tile:
                call(tile.index, self.tile_rows)
            if rest:
                call(f.integer(whole * self.tile_rows), rest)
