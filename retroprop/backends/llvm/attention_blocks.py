"""What attention and its adjoint have in common: lines of scores, tiles, masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from retroprop import shapes
from retroprop.backends.llvm.emit import Function, Register, vector
from retroprop.backends.llvm.kernel import Kernel, View, storage_type
from retroprop.backends.llvm.scalar import Builder, Scalar
from retroprop.backends.llvm.space import broadcast_view
from retroprop.backends.llvm.tile import Tile

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["Blocks"]


class Blocks(Kernel):
    """What both ways have in common.

    Attributes:
        batch:   sizes of the axes before the last two; rows are all of them.
        queries, keys: how many there are.
        span:    elements of a line of scores, more than there are keys.
        tile:    queries (or keys) of a register tile.
        operands, results: without broadcasting: of the batch and two axes, mask too.
    """

    def __init__(
        self,
        results: Sequence[View],
        operands: Sequence[View],
        mask: int,
        how: dict[str, Any],
        target: Target,
    ) -> None:
        self.results, dtype = tuple(results), results[0].dtype
        self.batch = results[0].shape[:-2]
        self.queries = results[0].shape[-2]
        self.item, self.scalar, self.dtype = dtype.itemsize, storage_type(dtype), dtype
        self.scale, self.causal = float(how["scale"]), how["causal"]
        self.lanes, self.width = target.lanes(self.item), 2 * target.lanes(self.item)
        self.tile = min(target.registers * 3 // 8, self.queries)
        self.masked = bool(operands[mask].shape)
        self.rows = shapes.size(self.batch)
        views = list(operands)
        if self.masked:
            views[mask] = broadcast_view(views[mask], (*self.batch, self.queries, self.keys))
        self.operands, self.mask = tuple(views), mask
        own = [view.shape[-2] * view.shape[-1] if len(view.shape) > len(self.batch) + 1 else
               view.shape[-1] for view in results]  # fmt: skip
        self.slabs = (*(size * self.item for size in own), *[None] * len(views))

    keys: int

    @property
    def span(self) -> int:
        """Elements of a line of scores: whole panels, and room for tiles that reach over."""
        return (-(-self.keys // self.width) + -(-self.tile // self.width)) * self.width

    @property
    def signature(self) -> object:
        layouts = (view.layout for view in (*self.results, *self.operands))
        return (self.what, self.scale, self.causal, *layouts)

    # -- parts of the code -----------------------------------------------------------------------

    def _rows_of(self, f: Function, pointers: Sequence[Register], row: Register) -> list[Register]:
        """Where the matrices of a row of work begin."""
        views = (*self.results, *self.operands)
        moved = list(pointers)
        for axis in reversed(range(len(self.batch))):
            size = f.integer(self.batch[axis])
            place, row = f.binary("srem", row, size), f.binary("sdiv", row, size)
            for i, view in enumerate(views):
                outer = len(view.shape) > len(self.batch)
                if outer and view.strides[axis]:
                    moved[i] = f.at(moved[i], place, view.strides[axis] * self.item)
        return moved

    def _tile(
        self, module: Module, rows: int, vectors: int, a: Sequence[int], b: int, depth: int | None
    ) -> str:
        """The function of a register tile; a: elements from row to row and from k to k + 1."""
        row, column = a
        tile = Tile(self.scalar, self.item, self.lanes, rows, vectors, row, column, b, depth)
        return tile.emit(module)

    def _groups(
        self, f: Function, count: Register, whole: int, body: Callable[[int, Register], None]
    ) -> None:
        """Rows 0..count in tiles; `whole` is how many there are in all, `count` fits to it."""
        begin: Register = f.integer(0)
        for rows in dict.fromkeys((self.tile, whole % self.tile)):
            if not rows:
                continue
            number = f.binary("sdiv", f.binary("sub", count, begin), f.integer(rows))
            end = f.binary("add", begin, f.binary("mul", number, f.integer(rows)))
            with f.loop(begin, end, rows) as one:
                body(rows, one.index)
            begin = end

    def _panels(self, columns: int) -> list[tuple[int, int]]:
        """Columns of a result in panels: where each begins, and its vectors."""
        vectors = columns // self.lanes
        return [(2 * i * self.lanes, min(2, vectors - 2 * i)) for i in range(-(-vectors // 2))]

    def _least(self, f: Function, x: Register, z: int) -> Register:
        limit = f.integer(z)
        return f.select(f.compare("icmp slt", x, limit), x, limit)

    def _rounded(self, f: Function, x: Register, step: int) -> Register:
        """Up to the next multiple."""
        up = f.binary("add", x, f.integer(step - 1))
        return f.binary("mul", f.binary("sdiv", up, f.integer(step)), f.integer(step))

    def _seen(self, f: Function, end: Register) -> Register:
        """How many keys the queries before `end` see."""
        return self._least(f, end, self.keys) if self.causal else f.integer(self.keys)

    def _scores_of(
        self, f: Function, b: Builder, line: Register, mask: Register, column: Register
    ) -> Scalar:
        """Scores at a column, scaled and masked."""
        x = b.load(f.at(line, column, self.item), self.dtype)
        x = b.multiply(x, b.constant(self.scale, self.dtype))
        if not self.masked:
            return x
        stride = self.operands[self.mask].strides[-1]
        if b.lanes > 1 and stride not in (0, 1):
            pieces = b.constant(0, self.dtype).register
            for lane in range(b.lanes):
                at = f.binary("add", column, f.integer(lane))
                one = b.with_lanes(1).load(f.at(mask, at, stride * self.item), self.dtype)
                pieces = f.insert(pieces, one.register, lane)
            return b.add(x, Scalar(pieces, self.dtype))
        place = f.at(mask, column, stride * self.item)
        if stride == 0:
            return b.add(x, b.splat(b.with_lanes(1).load(place, self.dtype)))
        return b.add(x, b.load(place, self.dtype))

    def _some_scores(
        self,
        b: Builder,
        line: Register,
        mask: Register,
        column: Register,
        left: Register | None,
        other: float,
    ) -> Scalar:
        """Scores of a vector of which `left` lanes count; no mask is read for the others."""
        f = b.function
        if left is None:
            return self._scores_of(f, b, line, mask, column)
        if not self.masked:
            x = self._scores_of(f, b, line, mask, column)
            return b.select(b.first_lanes(left), x, b.constant(other, self.dtype))
        narrow = b.with_lanes(1)
        room = f.allocate(vector(self.scalar, b.lanes))
        b.store(b.constant(other, self.dtype), room)
        with f.loop(0, self._least(f, left, b.lanes)) as lane:
            at = f.binary("add", column, lane.index)
            x = self._scores_of(f, narrow, line, mask, at)
            narrow.store(x, f.at(room, lane.index, self.item))
        return b.load(room, self.dtype)

    def _mask_line(self, f: Function, mask: Register, query: Register) -> Register:
        if not self.masked:
            return mask
        return f.at(mask, query, self.operands[self.mask].strides[-2] * self.item)

    def _along(
        self,
        f: Function,
        target: Target,
        own: Register,
        end: Register,
        carry: Sequence[Register],
        body: Callable[[Builder, Register, Register | None, Sequence[Register]], list[Register]],
    ) -> list[Register]:
        """Columns 0..end of a line: whole vectors of seen keys, then those with others in them.

        Args:
            own:  how many keys the query sees.
            end:  a multiple of the vectors.
            body: (builder, column, lanes that count or None for all, carried) -> carried.
        """
        b = Builder(f, target, self.lanes)
        whole = f.binary("sdiv", own, f.integer(self.lanes))
        whole = f.binary("mul", whole, f.integer(self.lanes))
        with f.loop(0, whole, self.lanes, carry=carry) as loop:
            loop.carry(*body(b, loop.index, None, loop.carried))
        with f.loop(whole, end, self.lanes, carry=loop.carried) as rest:
            left = f.binary("sub", own, rest.index)
            rest.carry(*body(b, rest.index, left, rest.carried))
        return list(rest.carried)
