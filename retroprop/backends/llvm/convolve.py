"""Convolutions and their adjoints: sums over the taps of a window, by register tiles.

Places of the result are the rows of a tile, output channels its columns; the sum runs over taps and
input channels, which lie side by side where the layout is channels last. No columns are built: a
table says where in its image each place begins. Images are cut neither into places that share
nothing nor by threads: rows are whole images, or lines of them where images are few.

Every element is one chain over taps and channels in a fixed order, whichever tile it falls to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop.backends.llvm.filters import Filters
from retroprop.backends.llvm.kernel import Buffer, Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.patch import Nest, Patch, rows_for
from retroprop.backends.llvm.window import Line
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Convolve", "Table", "place_table"]

_PANEL = 24 * 1024  # bytes of a panel that are used for all places before the next ones
_RESIDENT = 256 * 1024  # bytes of all panels that stay in the second cache
_FEW = 8  # images below which a row is a line of an image
_PLACES = 96  # that one call should have to be worth streaming large panels


class Table(NamedTuple):
    """Numbers that a kernel reads from memory: where they lie, and what they are."""

    view: View
    array: np.ndarray[Any, Any]


class Convolve(Kernel):
    """result = the sum over taps of x, moved by the tap, times the weights of the tap.

    Args:
        result: (batch, out, *places), channels last.
        x:      (batch, channels, *spatial), channels last, with a border that the taps stay in.
        w:      (groups, channels / groups, out / groups, *window), any strides.
        lines:  the pass along each spatial axis.
    """

    def __init__(
        self, what: str, result: View, x: View, w: View, lines: Sequence[Line], target: Target
    ) -> None:
        self.what, self.lines = what, tuple(lines)
        self.item, self.scalar = result.dtype.itemsize, storage_type(result.dtype)
        self.groups, self.inner, self.columns = w.shape[:3]
        self.lanes = target.lanes(self.item)
        vectors = 2 if self.columns > self.lanes else 1
        self.width = vectors * self.lanes
        taps = [[k for k, _ in line.taps] for line in lines]
        self.filters = Filters(w, taps, self.width)
        self.batch = result.shape[0]
        counts = tuple(line.count for line in lines)
        self.bands = counts[0] if self.batch < _FEW and len(counts) > 1 else 1
        self.places = size(counts) // self.bands
        self.table = place_table(lines, x, result)
        self.tile = rows_for(target, self.places, vectors)
        self.blocks = list(self._blocks(x))
        self.results, self.operands = (result,), (x, self.filters.results[0], self.table.view)
        self.tables = (self.table,)
        self.rows = self.batch * self.bands
        one = self.bands == 1
        slabs = [v.strides[0] * self.item if one else None for v in (result, x)]
        self.slabs = (*slabs, None, None)
        self.flops = 2 * size(counts) * self.batch * self.groups * self.columns * self.filters.steps
        self.is_large = self.filters.results[0].size * self.item > _RESIDENT
        if self.is_large:
            self.preferred_rows = -(-_PLACES // self.places)

    def _blocks(self, x: View) -> Iterator[tuple[int, int, tuple[Nest, ...]]]:
        """Parts of the sum whose weights fit the first cache: (from in x, from in w, loops)."""
        steps = [
            (len(line.taps), _gap(line) * stride, line.taps[0][1] * stride)
            for line, stride in zip(self.lines, x.strides[2:], strict=True)
        ]
        start = sum(first for *_, first in steps)
        axes = [(count, gap) for count, gap, _ in steps] + [(self.inner, x.strides[1])]
        outer: list[tuple[int, int]] = []
        while len(axes) > 1 and self._bytes(axes) > _PANEL:
            outer.append(axes.pop(0))
        parts = [0]
        for count, gap in outer:
            parts = [part + i * gap for part in parts for i in range(count)]
        limit = max(1, _PANEL // (self.width * self.item)) if len(axes) == 1 else self.inner
        pieces = -(-axes[-1][0] // limit)
        each = -(-axes[-1][0] // pieces)
        position = 0
        for part in parts:
            for first in range(0, axes[-1][0], each):
                inner = (min(each, axes[-1][0] - first), axes[-1][1])
                nest = self._nest([*axes[:-1], inner])
                yield start + part + first * inner[1], position * self.width, nest
                position += size(tuple(count for count, _ in (*axes[:-1], inner)))

    def _bytes(self, axes: Sequence[tuple[int, int]]) -> int:
        return size(tuple(count for count, _ in axes)) * self.width * self.item

    def _nest(self, axes: Sequence[tuple[int, int]]) -> tuple[Nest, ...]:
        """Loops over axes, of which those that lie one after the other in x are one."""
        merged: list[tuple[int, int]] = []
        for count, gap in reversed(axes):
            if merged and (count == 1 or gap == merged[0][0] * merged[0][1]):
                merged[0] = (count * merged[0][0], merged[0][1])
            elif merged and merged[0][0] == 1:
                merged[0] = (count, gap)
            else:
                merged.insert(0, (count, gap))
        nest: list[Nest] = []
        step = self.width
        for count, gap in reversed(merged):
            nest.insert(0, Nest(count, gap, step))
            step *= count
        return tuple(nest)

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("convolve", self.lines, *(view.layout for view in views))

    # -- code ------------------------------------------------------------------------------------

    def emit(self, module: Module, target: Target) -> str:
        f, (result,), (x, w, table), _, lo, hi = kernel_function(module, "convolve", 1, 3)
        self.module = module
        panels, panel = self.filters.results[0].strides[:2]
        with f.loop(0, self.groups) as group:
            to = f.at(result, group.index, self.columns * self.item)
            source = f.at(x, group.index, self.inner * self.operands[0].strides[1] * self.item)
            weights = f.at(w, group.index, panels * self.item)
            if self.is_large:
                self._panels(
                    f,
                    weights,
                    panel,
                    lambda *at: self._images(
                        f, to, source, table, lo, hi, lambda *image: self._tiles(f, image, at)
                    ),
                )
            else:
                self._images(
                    f,
                    to,
                    source,
                    table,
                    lo,
                    hi,
                    lambda *image: self._panels(
                        f, weights, panel, lambda *at: self._tiles(f, image, at)
                    ),
                )
        f.leave()
        return module.add_shared(f)

    def _images(
        self,
        f: Function,
        result: Register,
        x: Register,
        table: Register,
        lo: Register,
        hi: Register,
        body: Callable[..., None],
    ) -> None:
        """Each row: where its image and its result begin, and its part of the table."""
        strides = [view.strides[0] * self.item for view in (self.results[0], self.operands[0])]
        with f.loop(lo, hi) as row:
            image = band = row.index
            if self.bands > 1:
                image = f.binary("sdiv", row.index, f.integer(self.bands))
                band = f.binary("srem", row.index, f.integer(self.bands))
                table = f.at(table, band, self.places * 8)
            body(f.at(result, image, strides[0]), f.at(x, image, strides[1]), table)

    def _panels(self, f: Function, weights: Register, step: int, body: Callable[..., None]) -> None:
        """Each panel of columns and each block of the sum: its weights, columns, loops."""
        whole, rest = divmod(self.columns, self.width)

        def blocks(panel: Register, columns: int) -> None:
            here = f.at(weights, panel, step * self.item)
            for number, (from_x, from_w, nest) in enumerate(self.blocks):
                body(panel, columns, f.at(here, from_w, self.item), from_x, nest, number == 0)

        if whole:
            with f.loop(0, whole) as panel:
                blocks(panel.index, self.width)
        if rest:
            blocks(f.integer(whole), rest)

    def _tiles(self, f: Function, image: Sequence[Register], at: Sequence[Any]) -> None:
        """All places of one row, for one panel and block."""
        result, x, table = image
        panel, columns, weights, from_x, nest, is_first = at
        to = f.at(result, panel, self.width * self.item)
        source = f.at(x, from_x, self.item)
        again = len(self.blocks) > 1
        first = f.integer(int(is_first))

        def call(place: Register, rows: int) -> None:
            lines = f.at(table, place, 8)
            f.call(self._patch(rows, columns, nest), "void", [to, source, weights, lines, first])

        whole, rest = divmod(self.places, self.tile)
        if rest and not again:  # the last tile reaches back over places of the one before
            last = f.integer(self.places - self.tile)
            with f.loop(0, self.places, self.tile) as tile:
                early = f.compare("icmp slt", tile.index, last)
                call(f.select(early, tile.index, last), self.tile)
            return
        with f.loop(0, whole * self.tile, self.tile) as tile:
            call(tile.index, self.tile)
        if rest:
            call(f.integer(whole * self.tile), rest)

    def _patch(self, rows: int, columns: int, nest: tuple[Nest, ...]) -> str:
        is_new = len(self.blocks) == 1
        tile = Patch(self.scalar, self.item, self.lanes, rows, columns, nest, is_new)
        return tile.emit(self.module)


def _gap(line: Line) -> int:
    return line.taps[1][1] - line.taps[0][1] if len(line.taps) > 1 else 0


def place_table(lines: Sequence[Line], x: View, result: View) -> Table:
    """For every place of a pass: where in an image its windows begin, and where in the result."""
    near = far = np.zeros(1, np.int64)
    strides = zip(lines, x.strides[2:], result.strides[2:], strict=True)
    for line, x_stride, stride in strides:
        steps = np.arange(line.count)
        near = (near[:, None] + steps * line.step * x_stride).reshape(-1)
        far = (far[:, None] + (line.start + steps * line.jump) * stride).reshape(-1)
    return table_of(np.stack([near, far], 1))


def table_of(numbers: np.ndarray[Any, Any]) -> Table:
    """Whole numbers as a table."""
    array = np.ascontiguousarray(numbers, np.int32)
    buffer = Buffer(array.nbytes, "constant", what="table")
    return Table(View(buffer, array.dtype, array.shape, (array.shape[-1], 1)), array)
