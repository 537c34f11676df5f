"""The way back of attention: the weights are computed again, from the level that was kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retroprop.backends.llvm.attention_blocks import Blocks
from retroprop.backends.llvm.emit import Function, Register, vector
from retroprop.backends.llvm.kernel import View, kernel_function
from retroprop.backends.llvm.math import call
from retroprop.backends.llvm.scalar import Builder, Scalar

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["AttendAdjoint"]

_ROOM = 16 * 1024  # bytes of scores that are in work at a time
_LEAST = 2  # tiles of queries at a time


class AttendAdjoint(Blocks):
    """dq, dk, dv from the gradient of y, q, k, packed keys and values, mask, level and delta."""

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
        self._of_queries(f.at(dq, first, q_view.shape[-1] * item), k, count, seen)
        whole = self._least(f, self._rounded(f, seen, self.tile), self.keys)
        self._of_keys("dk", dk, self.change, q, q_view.shape[-1], whole, count)
        self._of_keys("dv", dv, self.weights, above, above_view.shape[-1], whole, count)

    def _of_queries(self, dq: Register, k: Register, count: Register, seen: Register) -> None:
        """dq of some queries: changes of scores times keys."""
        f, item, size = self.f, self.item, self.results[0].shape[-1]

        def tiles(rows: int, index: Register) -> None:
            to = f.at(dq, index, size * item)
            line = f.at(self.change, index, self.span * item)
            for column, vectors in self._panels(size):
                given = [f.at(to, column * item), line, f.at(k, column * item), seen]
                name, step = self.tiles["dq", rows, vectors], f.integer(size * item)
                f.call(name, "void", [*given, step, f.integer(1)])

        self._groups(f, count, self.queries, tiles)

    def _of_keys(
        self,
        name: str,
        to: Register,
        room: Register,
        b: Register,
        size: int,
        keys: Register,
        count: Register,
    ) -> None:
        """Add to dk or dv what some queries give: a room, turned, times their lines."""
        f, item = self.f, self.item

        def tiles(rows: int, index: Register) -> None:
            place, line = f.at(to, index, size * item), f.at(room, index, item)
            for column, vectors in self._panels(size):
                given = [f.at(place, column * item), line, f.at(b, column * item), count]
                tile, step = self.tiles[name, rows, vectors], f.integer(size * item)
                f.call(tile, "void", [*given, step, f.integer(0)])

        self._groups(f, keys, self.keys, tiles)

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

    def _single(
        self, f: Function, b: Builder, pointer: Register, i: int, query: Register
    ) -> Scalar:
        """The number of a query."""
        return b.load(f.at(pointer, query, self.operands[i].strides[-1] * self.item), self.dtype)
