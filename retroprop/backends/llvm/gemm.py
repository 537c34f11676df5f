"""Matrix products: C[m, n] = sum over k of A[m, k] B[k, n], by register tiles.

A tile of a few rows by two vectors of columns stays in registers while k runs; each step loads two
vectors of B and multiplies them by one broadcast element of A for every row. The rest is to have
both in cache. B is read in place where it is small, else from panels [column block][k][columns]
that all threads share (`Pack`). A very large B goes through memory once: then the work is cut by
panels instead of rows, and each is packed by the thread that uses it. A is read in place when k
runs along memory, else packed tile by tile.

Every element is one chain over k in rising order, rounded in the same places whichever tile, thread
or cut it falls to; blocks of k depend on the shape alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retroprop import shapes
from retroprop.backends.llvm.ahead import Ahead
from retroprop.backends.llvm.emit import Function, Register, vector
from retroprop.backends.llvm.kernel import Kernel, View, kernel_function, storage_type
from retroprop.backends.llvm.pack import Columns, Pack, emit_panel
from retroprop.backends.llvm.space import collapsed, walk
from retroprop.backends.llvm.tile import Tile

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["Gemm"]

_DEPTH = 320  # steps of k in one block, so that a panel of B stays in the first cache
_IN_PLACE = 32 * 1024  # bytes of a B that is read where it lies
_STREAMED = 4 * 1024 * 1024  # bytes of a B that should go through memory once
_BLOCK = 192 * 1024  # bytes of A that one pass over the panels uses
_WHOLE = 384 * 1024  # bytes of an A that stays in the second cache while panels pass by
_DISTANT = 192 * 1024  # bytes of a B or C that is asked for before it is needed


class Gemm(Kernel):
    """result = x @ w for matrices, or for a batch of them.

    Rows are those of the matrix, or the matrices of a batch, or panels of columns for a large w.

    Args:
        result: (..., m, n), rows contiguous.
        x:      (..., m, k), any strides.
        w:      (..., k, n), any strides.

    Attributes:
        pack: the kernel that has to run before, or None.
    """

    what = "matmul"

    def __init__(self, result: View, x: View, w: View, target: Target) -> None:
        *batch, self.m, self.n = result.shape
        self.k, self.batch = x.shape[-1], tuple(batch)
        self.item, self.scalar = result.dtype.itemsize, storage_type(result.dtype)
        self.lanes = target.lanes(self.item)
        vectors = 2 if self.n > self.lanes else 1
        self.width = vectors * self.lanes
        tiles = -(-self.m // _most_rows(target, vectors))
        self.tile = -(-self.m // tiles)
        self.blocks = _split(self.k)
        self.flops = 2 * shapes.size(result.shape) * self.k
        self.by_panels = self._goes_by_panels(x, w)
        # A panel may reach back over columns of the one before: they come out the same again.
        again = len(self.blocks) == 1 and self.n >= self.width and not self.by_panels
        self.columns = Columns(self.n, self.width, again)
        in_place = self.by_panels or self._reads_in_place(w)
        self.pack = None if in_place else Pack(w, self.columns)
        self.results = (result,)
        self.operands = (x, w if self.pack is None else self.pack.results[0])
        self.packs_a = self.by_panels or (self._is_scattered(x) and self.n > 2 * self.width)
        self._choose_rows(x)

    def _reads_in_place(self, w: View) -> bool:
        if w.strides[-1] != 1 or self.columns.rest % self.lanes:
            return False
        return self.m <= 2 * self.tile or self.k * self.n * self.item <= _IN_PLACE

    def _goes_by_panels(self, x: View, w: View) -> bool:
        large = self.k * self.n * self.item >= _STREAMED and self.n >= 16 * self.width
        fits = 4 * self.tile <= self.m and self.m * _DEPTH * self.item <= _WHOLE
        return large and fits and not self.batch and x.strides[-1] == 1

    def _is_scattered(self, x: View) -> bool:
        """Whether the elements of a row lie so far apart that they would not stay in cache."""
        reach = abs(x.strides[-1]) * min(self.k, _DEPTH) * self.item
        return x.strides[-1] != 1 and reach > _IN_PLACE and not self.batch

    def _choose_rows(self, x: View) -> None:
        result = self.results[0]
        if self.by_panels:
            self.rows, self.block = -(-self.n // self.width), 1
            self.slabs = (None, None, None)
            return
        self.rows = self.batch[0] if self.batch else self.m
        self.block = 1 if self.batch else self.tile
        alone = not self.batch and x.strides[-1] == 1 and x.strides[-2] >= self.k and not x.offset
        own = result.strides[0] * self.item if not result.offset else None
        self.slabs = (own, x.strides[-2] * self.item if alone else None, None)
        if not self.batch and self.k * self.n * self.item > 512 * 1024:
            self.preferred_rows = max(self.tile, 128)  # each call streams all of w from afar

    # -- code ------------------------------------------------------------------------------------

    @property
    def signature(self) -> object:
        return ("gemm", *(view.layout for view in (*self.results, *self.operands)), self.by_panels)

    def emit(self, module: Module, target: Target) -> str:
        self.tiles = self._emit_tiles(module)
        f, results, operands, _, lo, hi = kernel_function(module, "gemm", 1, 2)
        pointers = [*results, *operands]
        self.room = f.allocate(vector(self.scalar, self.width), self.tile)
        if self.by_panels:
            self._emit_by_panels(f, target, pointers, lo, hi)
        elif self.batch:
            self._emit_batch(f, pointers, lo, hi)
        else:
            self._emit_rows(f, pointers, lo, hi)
        f.leave()
        return module.add_shared(f)

    def _emit_tiles(self, module: Module) -> dict[tuple[int, int], str]:
        """The tile functions that the shape needs, by rows and vectors."""
        rest, full = self.columns.rest, self.width // self.lanes
        vectors = {full} if self.n >= self.width else set()
        vectors |= {-(-rest // self.lanes)} if rest else set()
        a_row, a_column = (1, self.tile) if self.packs_a else self.operands[0].strides[-2:]
        packed = self.pack is not None or self.by_panels
        b_row = self.width if packed else self.operands[1].strides[-2]
        depth = self.k if len(self.blocks) == 1 else None
        distant = self.results[0].size * self.item > _DISTANT
        return {
            (rows, v): Tile(
                self.scalar, self.item, self.lanes, rows, v, a_row, a_column, b_row, depth, distant
            ).emit(module)
            for rows in sorted({self.tile, self.m % self.tile, 1} - {0})
            for v in vectors
        }

    def _emit_batch(
        self, f: Function, pointers: list[Register], lo: Register, hi: Register
    ) -> None:
        """Whole matrices lo..hi of the first axis of the batch."""
        views = [*self.results, *self.operands]
        items = [self.item] * len(views)
        axes = [
            axis
            for number in range(1, len(self.batch))
            for axis in collapsed(self.batch, views, [number])
        ]
        with f.loop(lo, hi) as one:
            moved = [
                f.at(p, one.index, view.strides[0] * self.item) if view.strides[0] else p
                for p, view in zip(pointers, views, strict=True)
            ]
            with walk(f, axes, moved, items) as inner:
                self._emit_rows(f, inner, f.integer(0), f.integer(self.m))

    def _emit_rows(self, f: Function, pointers: list[Register], lo: Register, hi: Register) -> None:
        """Rows lo..hi: by blocks of k, then of rows, then panels of columns, then tiles."""
        c, a, b = pointers
        deepest = max(depth for _, depth in self.blocks)
        block = max(1, _BLOCK // (deepest * self.item) // self.tile) * self.tile
        packed = f.allocate(self.scalar, block * deepest) if self.packs_a else None
        row, column = self.operands[0].strides[-2:]
        b_stride = self.width if self.pack is not None else self.operands[1].strides[-2]
        panel_stride = self.k * self.width if self.pack is not None else 1
        for start, depth in self._each_block(f):
            with f.loop(lo, hi, block) as part:
                end = f.binary("add", part.index, f.integer(block))
                end = f.select(f.compare("icmp slt", end, hi), end, hi)
                from_a = f.at(f.at(a, start, column * self.item), part.index, row * self.item)
                if packed is not None:
                    self._pack_a(f, from_a, packed, f.binary("sub", end, part.index), depth)
                    from_a = packed
                from_b = f.at(b, start, b_stride * self.item)
                to = f.at(c, part.index, self.results[0].strides[-2] * self.item)
                count = f.binary("sub", end, part.index)
                rest = self.columns.rest
                whole = self.columns.panels - bool(rest)
                if whole:
                    with f.loop(0, whole) as panel:
                        place = panel.index
                        if self.pack is None:
                            place = self.columns.start(f, place)
                        here = f.at(from_b, place, panel_stride * self.item)
                        ahead = self._next_packed(f, here, depth, block)
                        self._emit_panel(
                            f, to, from_a, here, count, panel.index, start, depth, 0, ahead
                        )
                if rest:
                    last = f.integer(whole)
                    stride = panel_stride if self.pack is not None else self.width
                    here = f.at(from_b, whole * stride * self.item)
                    self._emit_panel(f, to, from_a, here, count, last, start, depth, rest)

    def _emit_by_panels(
        self, f: Function, target: Target, pointers: list[Register], lo: Register, hi: Register
    ) -> None:
        """Panels lo..hi of columns, each packed here and used for all rows."""
        c, a, b = pointers
        w = self.operands[1]
        deepest = max(depth for _, depth in self.blocks)
        packed = f.allocate(self.scalar, deepest * self.width)
        packed_a = f.allocate(self.scalar, -(-self.m // self.tile) * self.tile * deepest)
        whole, rest = divmod(self.n, self.width)
        for start, depth in self._each_block(f):
            self._pack_a(f, f.at(a, start, self.item), packed_a, f.integer(self.m), depth)
            from_b = f.at(b, start, w.strides[-2] * self.item)
            with f.loop(lo, hi) as panel:
                source = f.at(from_b, panel.index, self.width * w.strides[-1] * self.item)
                emit_panel(f, target, w, self.columns, panel.index, source, packed, depth)
                for narrow in (0, rest) if rest else (0,):
                    test = "icmp eq" if narrow else "icmp slt"
                    with f.branch(f.compare(test, panel.index, f.integer(whole))):
                        count = f.integer(self.m)
                        ahead = self._next_unpacked(f, source, depth)
                        self._emit_panel(
                            f, c, packed_a, packed, count, panel.index, start, depth, narrow, ahead
                        )

    def _each_block(self, f: Function) -> Iterator[tuple[Register, int]]:
        """Writes the loops over the blocks of k around what is written for (start, depth)."""
        last, depth = self.blocks[-1]
        equal = [start for start, each in self.blocks[:-1] if each != depth]
        if len(self.blocks) == 1:
            yield f.integer(0), depth
        elif equal:
            with f.loop(0, last, self.blocks[0][1]) as block:
                yield block.index, self.blocks[0][1]
            yield f.integer(last), depth
        else:
            with f.loop(0, self.k, depth) as block:
                yield block.index, depth

    def _next_packed(self, f: Function, panel: Register, depth: int, block: int) -> Ahead | None:
        """What comes after a panel of `pack`, where all of them are too large to be in cache."""
        if self.pack is None or self.k * self.n * self.item <= _DISTANT:
            return None
        tiles = min(block, self.m // 2) // self.tile  # of a call for half of the rows
        following = f.at(panel, self.k * self.width * self.item)
        return Ahead(following, 1, 0, depth * self.width * self.item, tiles)

    def _next_unpacked(self, f: Function, source: Register, depth: int) -> Ahead:
        """What will be packed after the columns at `source`."""
        down, along = self.operands[1].strides[-2:]
        following = f.at(source, self.width * along * self.item)
        tiles = self.m // self.tile
        if along == 1:
            return Ahead(following, depth, down * self.item, self.width * self.item, tiles)
        return Ahead(following, self.width, along * self.item, depth * down * self.item, tiles)

    def _pack_a(
        self, f: Function, source: Register, to: Register, count: Register, depth: int
    ) -> None:
        """Rows of A as tiles [tile][k][rows], read along memory."""
        row, column = self.operands[0].strides[-2:]
        full = f.binary("sdiv", count, f.integer(self.tile))
        tiles, steps = (0, full), (0, depth)
        outer, inner = (tiles, steps) if column == 1 else (steps, tiles)
        with f.loop(*outer) as first, f.loop(*inner) as second:
            k, tile = (second, first) if column == 1 else (first, second)
            near = f.at(source, k.index, column * self.item)
            near = f.at(near, tile.index, self.tile * row * self.item)
            far = f.at(to, tile.index, self.tile * depth * self.item)
            far = f.at(far, k.index, self.tile * self.item)
            places = [f.at(near, r * row * self.item) for r in range(self.tile)]
            for r, x in enumerate([f.load(self.scalar, place) for place in places]):
                f.store(x, f.at(far, r * self.item))
        left = f.binary("srem", count, f.integer(self.tile))
        source = f.at(source, full, self.tile * row * self.item)
        to = f.at(to, full, self.tile * depth * self.item)
        with f.loop(0, left) as one, f.loop(0, depth) as k:
            near = f.at(f.at(source, one.index, row * self.item), k.index, column * self.item)
            far = f.at(f.at(to, one.index, self.item), k.index, self.tile * self.item)
            f.store(f.load(self.scalar, near), far)

    def _emit_panel(
        self,
        f: Function,
        c: Register,
        a: Register,
        b: Register,
        count: Register,
        panel: Register,
        start: Register,
        depth: int,
        rest: int,
        ahead: Ahead | None = None,
    ) -> None:
        """All tiles of `count` rows on one panel, of which `rest` columns are there (0: all)."""
        c = f.at(c, self.columns.start(f, panel), self.item)
        row = self.operands[0].strides[-2]
        vectors = -(-(rest or self.width) // self.lanes)
        begin: Register = f.integer(0)
        # Of the rows that fill no tile, those of the last one of the matrix have a tile of their
        # own; other cuts leave single ones. Tiles lie packed by `tile` rows wherever A is packed.
        for rows in dict.fromkeys((self.tile, self.m % self.tile, 1)):
            if not rows:
                continue
            number = f.binary("sdiv", f.binary("sub", count, begin), f.integer(rows))
            end = f.binary("add", begin, f.binary("mul", number, f.integer(rows)))
            with f.loop(begin, end, rows) as one:
                to = f.at(c, one.index, self.results[0].strides[-2] * self.item)
                source = self._tile_of_a(f, a, one.index, row, depth)
                if ahead is not None and rows == self.tile:
                    ahead.fetch(f, f.binary("sdiv", one.index, f.integer(rows)))
                self._call_tile(f, (rows, vectors), to, source, b, start, depth, rest)
            begin = end

    def _tile_of_a(
        self, f: Function, a: Register, index: Register, row: int, depth: int
    ) -> Register:
        """Where the rows from `index` on of A begin, in place or packed."""
        if not self.packs_a:
            return f.at(a, index, row * self.item)
        tile = f.binary("sdiv", index, f.integer(self.tile))
        within = f.binary("srem", index, f.integer(self.tile))
        return f.at(f.at(a, tile, self.tile * depth * self.item), within, self.item)

    def _call_tile(
        self,
        f: Function,
        kind: tuple[int, int],
        c: Register,
        a: Register,
        b: Register,
        start: Register,
        depth: int,
        rest: int,
    ) -> None:
        """One tile, made beside its place where some of its columns are not there."""
        step = self.results[0].strides[-2] * self.item
        begins = f.compare("icmp eq", start, f.integer(0))
        first, name = f.convert("zext", begins, "i64"), self.tiles[kind]
        if rest % self.lanes == 0:
            f.call(name, "void", [c, a, b, f.integer(depth), f.integer(step), first])
            return
        width = self.width * self.item
        if len(self.blocks) > 1:
            self._copy(f, c, step, self.room, width, kind[0], rest)
        f.call(name, "void", [self.room, a, b, f.integer(depth), f.integer(width), first])
        self._copy(f, self.room, width, c, step, kind[0], rest)

    def _copy(
        self,
        f: Function,
        source: Register,
        gap: int,
        to: Register,
        step: int,
        rows: int,
        count: int,
    ) -> None:
        """Copy the columns that are there, element by element."""
        with f.loop(0, rows) as row:
            near, far = f.at(source, row.index, gap), f.at(to, row.index, step)
            for column in range(count):
                x = f.load(self.scalar, f.at(near, column, self.item))
                f.store(x, f.at(far, column, self.item))


def _most_rows(target: Target, vectors: int) -> int:
    """Rows of the largest tile whose sums, and what is being multiplied, stay in registers.

    Three quarters of the registers hold sums. Half of them do where the compiler moves loads so
    far ahead that more would not fit: in tiles of one vector, and with registers of 128 bits.

    Example:
        >>> from retroprop.backends.llvm.target import named
        >>> [_most_rows(named(name), 2) for name in ("sse", "avx2", "avx512", "neon")]
        [4, 6, 12, 8]
    """
    if vectors == 1:
        return target.registers // 2
    return target.registers // 4 if target.bits == 128 else target.registers * 3 // 8


def _split(k: int) -> list[tuple[int, int]]:
    """Blocks (start, depth) of k, as equal as whole groups of four steps allow.

    Example:
        >>> _split(784)
        [(0, 264), (264, 264), (528, 256)]
    """
    count = -(-k // _DEPTH)
    depth = -(-k // count // 4) * 4
    return [(start, min(depth, k - start)) for start in range(0, k, depth)]
