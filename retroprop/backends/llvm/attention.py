"""Attention, block by block: the matrix of all queries by all keys is never in memory.

A row of work is one head of one sample. Some queries at a time are multiplied with all the keys
they see, into a room that stays in the cache; softmax and the product with the values follow at
once. The way back computes the weights again, from the level that the way there has left.

Products are the register tiles of `gemm`; keys, and for the way back values, are packed for them
before. Sizes of features are filled up to whole vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from retroprop import shapes
from retroprop.backends.llvm.emit import Function, Register, vector
from retroprop.backends.llvm.expression import Expression
from retroprop.backends.llvm.kernel import (
    Buffer,
    Kernel,
    View,
    contiguous,
    kernel_function,
    storage_type,
)
from retroprop.backends.llvm.math import call
from retroprop.backends.llvm.pack import Columns, Pack
from retroprop.backends.llvm.produce import copied
from retroprop.backends.llvm.reduction import across
from retroprop.backends.llvm.scalar import Builder, Scalar
from retroprop.backends.llvm.space import broadcast_view
from retroprop.backends.llvm.tile import Tile
from retroprop.backends.llvm.views import filled, part

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Node

__all__ = ["attention"]

_ROOM = 96 * 1024  # bytes of scores that are in work at a time, on the way back
_LEAST = 2  # tiles of queries at a time there


def attention(
    node: Node, results: Sequence[View], operands: Sequence[View], target: Target
) -> list[Kernel] | None:
    """Kernels for `attend` and `attend_adjoint`; None where there is nothing to compute."""
    if any(view.size == 0 for view in (*results, *operands)) or results[0].dtype.kind != "f":
        return None
    lanes = target.lanes(results[0].dtype.itemsize)
    batch = results[0].shape[:-2]
    before: list[Kernel] = []
    after: list[Kernel] = []

    def wide(view: View) -> View:
        """An operand whose lines are whole vectors side by side."""
        view = broadcast_view(view, (*batch, *view.shape[-2:]))
        if view.shape[-1] % lanes == 0 and view.strides[-1] == 1:
            return view
        outer = tuple(1 if not s else n for n, s in zip(batch, view.strides, strict=False))
        made = _filled_up((*outer, *view.shape[-2:]), view, lanes)
        inner = part(made, lambda array: array[..., : view.shape[-1]])
        thin = part(view, lambda array: array[tuple(slice(0, n) for n in outer)])
        before.extend([filled(made, 0), copied(inner, thin)])
        return broadcast_view(made, (*batch, *made.shape[-2:]))

    def room(view: View) -> View:
        """Where a result of whole vectors goes first."""
        if view.shape[-1] % lanes == 0:
            return view
        made = _filled_up(view.shape, view, lanes)
        after.append(copied(view, part(made, lambda array: array[..., : view.shape[-1]])))
        return made

    maker = {"attend": _forward, "attend_adjoint": _backward}[node.op.name]
    kernels = maker(results, operands, node.attributes, target, (wide, room))
    return [*before, *kernels, *after]


def _filled_up(shape: tuple[int, ...], like: View, lanes: int) -> View:
    """Memory for lines of whole vectors."""
    shape = (*shape[:-1], -(-shape[-1] // lanes) * lanes)
    size = shapes.size(shape) * like.dtype.itemsize
    return View(Buffer(size, what="lines"), like.dtype, shape, contiguous(shape))


Help = tuple[Callable[[View], View], Callable[[View], View]]


def _forward(
    results: Sequence[View], operands: Sequence[View], how: dict[str, Any], target: Target, help: Help
) -> list[Kernel]:
    wide, room = help
    q, k, v, mask = operands
    q, k, v = wide(q), wide(k), wide(v)
    keys = _packed(k, target)
    kernel = Attend([room(results[0]), results[1]], [q, keys.results[0], v, mask], how, target)
    return [keys, kernel]


def _backward(
    results: Sequence[View], operands: Sequence[View], how: dict[str, Any], target: Target, help: Help
) -> list[Kernel]:
    wide, room = help
    above, q, k, v, mask, level, delta = operands
    above, q, k, v = wide(above), wide(q), wide(k), wide(v)
    keys, values = _packed(k, target), _packed(v, target)
    given = [above, q, k, keys.results[0], values.results[0], mask, level, delta]
    return [keys, values, AttendAdjoint([room(view) for view in results], given, how, target)]


def _packed(view: View, target: Target) -> Pack:
    """The transpose of a matrix in panels."""
    turned = part(view, lambda array: array.swapaxes(-1, -2))
    return Pack(turned, Columns(view.shape[-2], _width(view, target), overlapping=False))


def _width(view: View, target: Target) -> int:
    return 2 * target.lanes(view.dtype.itemsize)


class _Blocks(Kernel):
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
        self, module: Module, rows: int, vectors: int, a: tuple[int, int], b: int, depth: int | None
    ) -> str:
        """The function of a register tile; a: elements from row to row and from k to k + 1."""
        return Tile(self.scalar, self.item, self.lanes, rows, vectors, *a, b, depth).emit(module)

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
        body: Callable[[Builder, Register, Register | None, Sequence[Register]], Sequence[Register]],
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


class Attend(_Blocks):
    """y and level of `attend`, from q, packed keys, v and mask."""

    what = "attention"

    def __init__(
        self, results: Sequence[View], operands: Sequence[View], how: dict[str, Any], target: Target
    ) -> None:
        self.keys = operands[2].shape[-2]
        super().__init__(results, operands, 3, how, target)
        features, values = operands[0].shape[-1], results[0].shape[-1]
        seen = 0.5 if self.causal else 1.0
        pairs = int(self.rows * self.queries * self.keys * seen)
        self.flops = pairs * (2 * features + 2 * values + 20)

    def emit(self, module: Module, target: Target) -> str:
        q, keys, v, _ = self.operands
        y = self.results[0]
        depth, line = q.shape[-1], (self.span, 1)
        self.forth, self.back = {}, {}
        for rows in {self.tile, self.queries % self.tile} - {0}:
            self.forth[rows] = self._tile(module, rows, 2, q.strides[-2:], self.width, depth)
            for _, vectors in self._panels(y.shape[-1]):
                self.back[rows, vectors] = self._tile(module, rows, vectors, line, v.strides[-2], None)
        f, results, operands, _, lo, hi = kernel_function(module, "attend", 2, 4)
        self.f, self.target = f, target
        self.scores = f.allocate(vector(self.scalar, self.lanes), self.tile * self.span // self.lanes)
        self.shares = f.allocate(self.scalar, self.tile)
        with f.loop(lo, hi) as row:
            self.at = self._rows_of(f, [*results, *operands], row.index)
            self._groups(f, f.integer(self.queries), self.queries, self._block)
        f.leave()
        return module.add_shared(f)

    def _block(self, rows: int, first: Register) -> None:
        """Some queries with all their keys."""
        f, item = self.f, self.item
        y, level, q, keys, v, mask = self.at
        q_view, keys_view, v_view, _ = self.operands
        seen = self._seen(f, f.binary("add", first, f.integer(rows)))
        end = self._rounded(f, seen, self.width)
        step, always = f.integer(self.span * item), f.integer(1)
        a = f.at(q, first, q_view.strides[-2] * item)
        depth = q_view.shape[-1]
        with f.loop(0, end, self.width) as panel:
            to = f.at(self.scores, panel.index, item)
            b = f.at(keys, panel.index, depth * item)
            f.call(self.forth[rows], "void", [to, a, b, f.integer(depth), step, always])
        with f.loop(0, rows) as one:
            query = f.binary("add", first, one.index)
            line = f.at(self.scores, one.index, self.span * item)
            own = self._seen(f, f.binary("add", query, f.integer(1)))
            self._softmax(line, self._mask_line(f, mask, query), own, end, level, query, one.index)
        values = self.results[0].shape[-1]
        y = f.at(y, first, values * item)
        for column, vectors in self._panels(values):
            given = [f.at(y, column * item), self.scores, f.at(v, column * item), seen]
            f.call(self.back[rows, vectors], "void", [*given, f.integer(values * item), always])
        builder = Builder(f, self.target, self.lanes)
        with f.loop(0, rows) as one:
            share = f.load(self.scalar, f.at(self.shares, one.index, item))
            factor = builder.splat(Scalar(share, self.dtype))
            for column in range(0, values, self.lanes):
                place = f.at(f.at(y, one.index, values * item), column * item)
                builder.store(builder.multiply(builder.load(place, self.dtype), factor), place)

    def _softmax(
        self,
        line: Register,
        mask: Register,
        own: Register,
        end: Register,
        level: Register,
        query: Register,
        number: Register,
    ) -> None:
        """exp(scores - largest) in the place of the scores; their sum, and its logarithm."""
        f, target, dtype = self.f, self.target, self.dtype
        wide, one = Builder(f, target, self.lanes), Builder(f, target, 1)
        lowest = wide.constant(-float("inf"), dtype)

        def scaled(b: Builder, column: Register, left: Any, carried: Any) -> list[Register]:
            x = self._some_scores(b, line, mask, column, left, -float("inf"))
            b.store(x, f.at(line, column, self.item))
            return [b.maximum(Scalar(carried[0], dtype), x).register]

        (most,) = self._along(f, target, own, end, [lowest.register], scaled)
        top = across(wide, "max", Scalar(most, dtype))
        none = one.equal(top, one.constant(-float("inf"), dtype))
        top = one.select(none, one.constant(0, dtype), top)
        spread = wide.splat(top)
        with f.loop(0, end, self.lanes, carry=[wide.constant(0, dtype).register]) as loop:
            place = f.at(line, loop.index, self.item)
            x = call(wide, "exp", wide.subtract(wide.load(place, dtype), spread))
            wide.store(x, place)
            loop.carry(wide.add(Scalar(loop.carried[0], dtype), x).register)
        share = across(wide, "sum", Scalar(loop.carried[0], dtype))
        empty = one.equal(share, one.constant(0, dtype))
        share = one.select(empty, one.constant(1, dtype), share)
        one.store(one.divide(one.constant(1, dtype), share), f.at(self.shares, number, self.item))
        found = one.add(top, call(one, "log", share))
        found = one.select(empty, one.constant(0, dtype), found)
        one.store(found, f.at(level, query, self.item))


class AttendAdjoint(_Blocks):
    """dq, dk and dv, from the gradient of y, q, k, packed keys and values, mask, level and delta."""

    what = "attention adjoint"

    def __init__(
        self, results: Sequence[View], operands: Sequence[View], how: dict[str, Any], target: Target
    ) -> None:
        self.keys = results[1].shape[-2]
        super().__init__(results, operands, 5, how, target)
        lines = max(_LEAST, _ROOM // (self.span * self.item) // self.tile)
        self.together = self.tile * min(lines, -(-self.queries // self.tile))
        features, values = results[0].shape[-1], results[2].shape[-1]
        seen = 0.5 if self.causal else 1.0
        pairs = int(self.rows * self.queries * self.keys * seen)
        self.flops = pairs * (6 * features + 4 * values + 20)

    def emit(self, module: Module, target: Target) -> str:
        self.tiles = self._emit_tiles(module)
        f, results, operands, _, lo, hi = kernel_function(module, "attend_adjoint", 3, 8)
        self.f, self.target = f, target
        count = self.together * self.span // self.lanes
        self.weights = f.allocate(vector(self.scalar, self.lanes), count)
        self.change = f.allocate(vector(self.scalar, self.lanes), count)
        with f.loop(lo, hi) as row:
            self.at = self._rows_of(f, [*results, *operands], row.index)
            self._clear()
            with f.loop(0, self.queries, self.together) as block:
                self._block(block.index)
        f.leave()
        return module.add_shared(f)

    def _emit_tiles(self, module: Module) -> dict[Any, str]:
        """By what they make, their rows and vectors."""
        above, q, k = self.operands[:3]
        features, values = q.shape[-1], above.shape[-1]
        line, turned = (self.span, 1), (1, self.span)
        tiles: dict[Any, str] = {}
        for rows in {self.tile, self.queries % self.tile} - {0}:
            tiles["scores", rows] = self._tile(
                module, rows, 2, q.strides[-2:], self.width, features
            )
            tiles["spread", rows] = self._tile(
                module, rows, 2, above.strides[-2:], self.width, values
            )
            for _, v in self._panels(features):
                tiles["dq", rows, v] = self._tile(module, rows, v, line, k.strides[-2], None)
        for rows in {self.tile, self.keys % self.tile} - {0}:
            for _, v in self._panels(features):
                tiles["dk", rows, v] = self._tile(module, rows, v, turned, q.strides[-2], None)
            for _, v in self._panels(values):
                tiles["dv", rows, v] = self._tile(module, rows, v, turned, above.strides[-2], None)
        return tiles

    def _clear(self) -> None:
        """dk and dv begin as zeros."""
        f = self.f
        b = Builder(f, self.target, self.lanes)
        for pointer, view in ((self.at[1], self.results[1]), (self.at[2], self.results[2])):
            with f.loop(0, view.shape[-2] * view.shape[-1], self.lanes) as place:
                b.store(b.constant(0, self.dtype), f.at(pointer, place.index, self.item))

    def _block(self, first: Register) -> None:
        """Some queries with all their keys."""
        f, item = self.f, self.item
        dq, dk, dv, above, q, k, keys, values, _, _, _ = self.at
        above_view, q_view = self.operands[:2]
        left = f.binary("sub", f.integer(self.queries), first)
        count = self._least(f, left, self.together)
        seen = self._seen(f, f.binary("add", first, count))
        end = self._rounded(f, seen, self.width)
        above = f.at(above, first, above_view.strides[-2] * item)
        q = f.at(q, first, q_view.strides[-2] * item)
        self._products("scores", self.weights, q, q_view, keys, count, end)
        self._products("spread", self.change, above, above_view, values, count, end)
        reach = self._rounded(f, f.binary("add", seen, f.integer(self.tile)), self.lanes)
        with f.loop(0, count) as one:
            self._line(one.index, f.binary("add", first, one.index), reach)
        features = q_view.shape[-1]
        step, always, added = f.integer(features * item), f.integer(1), f.integer(0)

        def of_queries(rows: int, index: Register) -> None:
            to = f.at(f.at(dq, f.binary("add", first, index), features * item), 0)
            line = f.at(self.change, index, self.span * item)
            for column, vectors in self._panels(features):
                given = [f.at(to, column * item), line, f.at(k, column * item), seen]
                f.call(self.tiles["dq", rows, vectors], "void", [*given, step, always])

        self._groups(f, count, self.queries, of_queries)
        whole = self._least(f, self._rounded(f, seen, self.tile), self.keys)
        for name, to, room, b, size in (
            ("dk", dk, self.change, q, features),
            ("dv", dv, self.weights, above, above_view.shape[-1]),
        ):

            def of_keys(rows: int, index: Register) -> None:
                place = f.at(to, index, size * item)  # noqa: B023
                line = f.at(room, index, item)  # noqa: B023
                for column, vectors in self._panels(size):  # noqa: B023
                    given = [f.at(place, column * item), line, f.at(b, column * item), count]  # noqa: B023
                    more = [f.integer(size * item), added]  # noqa: B023
                    f.call(self.tiles[name, rows, vectors], "void", [*given, *more])  # noqa: B023

            self._groups(f, whole, self.keys, of_keys)

    def _products(
        self,
        name: str,
        to: Register,
        a: Register,
        view: View,
        panels: Register,
        count: Register,
        end: Register,
    ) -> None:
        """Lines of queries times packed columns."""
        f, item, depth = self.f, self.item, view.shape[-1]
        step, always = f.integer(self.span * item), f.integer(1)

        def of_rows(rows: int, index: Register) -> None:
            from_a = f.at(a, index, view.strides[-2] * item)
            line = f.at(to, index, self.span * item)
            with f.loop(0, end, self.width) as panel:
                b = f.at(panels, panel.index, depth * item)
                given = [f.at(line, panel.index, item), from_a, b, f.integer(depth)]
                f.call(self.tiles[name, rows], "void", [*given, step, always])

        self._groups(f, count, self.queries, of_rows)

    def _line(self, number: Register, query: Register, reach: Register) -> None:
        """Weights from scores, and what the scores' gradients are, of one query."""
        f, dtype, item = self.f, self.dtype, self.item
        *_, mask, level, delta = self.at
        one, wide = Builder(f, self.target, 1), Builder(f, self.target, self.lanes)
        weights = f.at(self.weights, number, self.span * item)
        change = f.at(self.change, number, self.span * item)
        mask = self._mask_line(f, mask, query)
        ends = [self._single(f, one, p, i, query) for p, i in ((level, 6), (delta, 7))]
        level_of, delta_of = (wide.splat(x) for x in ends)
        factor = wide.constant(self.scale, dtype)
        zero = wide.constant(0, dtype)
        own = self._seen(f, f.binary("add", query, f.integer(1)))

        def both(b: Builder, column: Register, left: Any, carried: Any) -> list[Register]:
            counts = None if left is None else b.first_lanes(left)
            x = self._some_scores(b, weights, mask, column, left, 0.0)
            x = call(b, "exp", b.subtract(x, level_of))
            spread = b.load(f.at(change, column, item), dtype)
            found = b.multiply(b.multiply(x, b.subtract(spread, delta_of)), factor)
            if counts is not None:
                x, found = b.select(counts, x, zero), b.select(counts, found, zero)
            b.store(x, f.at(weights, column, item))
            b.store(found, f.at(change, column, item))
            return []

        self._along(f, self.target, own, reach, [], both)

    def _single(self, f: Function, b: Builder, pointer: Register, i: int, query: Register) -> Scalar:
        """The number of a query."""
        return b.load(f.at(pointer, query, self.operands[i].strides[-1] * self.item), self.dtype)
