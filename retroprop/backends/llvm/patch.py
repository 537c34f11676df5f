"""The register tile of convolutions: a few places by one or two vectors of columns.

Like `Tile`, but its rows may lie anywhere: a table holds where each row of the operand begins and
where each row of the result goes. What is summed over is a nest of loops, each of which moves
both operands by fixed distances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from retroprop.backends.llvm.emit import Function, Register, vector

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["Nest", "Patch", "load_some", "rows_for", "store_some"]

_SIZES = {"float": 4, "double": 8, "i8": 1}
_UNROLLED = 4  # steps of the innermost loop written out
_STRAIGHT = 12  # steps in all below which no loop is written


class Nest(NamedTuple):
    """A loop of the sum: how often, and elements that a and b move on each time."""

    rounds: int
    a_step: int
    b_step: int


class Patch(NamedTuple):
    """c[rows, columns] = (first ? 0 : c) + sum over a nest of a[row] b[columns].

    Attributes:
        scalar:  the LLVM type of an element, of `item` bytes.
        lanes:   elements of a vector.
        rows:    of the tile.
        columns: of the tile, which need not fill the last vector.
        nest:    the loops of the sum, outermost first.
        is_new:  c is never read.
    """

    scalar: str
    item: int
    lanes: int
    rows: int
    columns: int
    nest: tuple[Nest, ...]
    is_new: bool

    @property
    def vectors(self) -> int:
        """How many vectors the columns take."""
        return -(-self.columns // self.lanes)

    def emit(self, module: Module) -> str:
        """void patch(c, a, b, table, first); the table has two i32 a row: where in a, and in c."""
        words = [(word, "ptr") for word in ("c", "a", "b", "table")]
        f = Function(module, "patch", [*words, ("first", "i64")])
        c, a, b, table, first = f.parameters
        lines = [self._line(f, a, table, row, 0) for row in range(self.rows)]
        if self.is_new:
            start = [f.constant(vector(self.scalar, self.lanes), 0)] * (self.rows * self.vectors)
        else:
            start = self._before(f, c, table, first)
        _, _, totals = self._sum(f, lines, 0, f.integer(0), b, start)
        for row in range(self.rows):
            to = self._line(f, c, table, row, 1)
            for v, count in enumerate(self._counts()):
                place = f.at(to, v * self.lanes, self.item)
                store_some(f, totals[row * self.vectors + v], place, count)
        f.leave()
        return module.add_shared(f)

    def _line(self, f: Function, base: Register, table: Register, row: int, word: int) -> Register:
        """Where a row begins."""
        moved = f.convert("sext", f.load("i32", f.at(table, 2 * row + word, 4)), "i64")
        return f.at(base, moved, self.item)

    def _counts(self) -> list[int]:
        """Columns in each vector."""
        return [min(self.lanes, self.columns - v * self.lanes) for v in range(self.vectors)]

    def _before(self, f: Function, c: Register, table: Register, first: Register) -> list[Register]:
        """What the sums start from."""
        type = vector(self.scalar, self.lanes)
        again = f.compare("icmp eq", first, f.integer(0))
        zeros = [f.constant(type, 0)] * (self.rows * self.vectors)
        with f.branch(again, otherwise=zeros) as before:
            found = []
            for row in range(self.rows):
                line = self._line(f, c, table, row, 1)
                for v, count in enumerate(self._counts()):
                    place = f.at(line, v * self.lanes, self.item)
                    found.append(load_some(f, self.scalar, self.lanes, place, count))
            before.give(*found)
        return list(before.values)

    def _sum(
        self,
        f: Function,
        lines: Sequence[Register],
        level: int,
        index: Register,
        b: Register,
        sums: list[Register],
    ) -> tuple[Register, Register, list[Register]]:
        """One loop of the nest and those inside it; `index` is the bytes that a has moved."""
        if math.prod(loop.rounds for loop in self.nest[level:]) <= _STRAIGHT:
            return index, b, self._straight(f, lines, level, index, b, sums)
        count, a_step, b_step = self.nest[level]
        if level == len(self.nest) - 1:
            return self._run(f, lines, index, b, sums)
        with f.loop(0, count, carry=[index, b, *sums]) as loop:
            at, near, *totals = loop.carried
            _, _, totals = self._sum(f, lines, level + 1, at, near, list(totals))
            moved = f.binary("add", at, f.integer(a_step * self.item))
            loop.carry(moved, f.at(near, b_step * self.item), *totals)
        index, b, *totals = loop.carried
        return index, b, list(totals)

    def _straight(
        self,
        f: Function,
        lines: Sequence[Register],
        level: int,
        index: Register,
        b: Register,
        sums: list[Register],
    ) -> list[Register]:
        """All loops from a level on, written out."""
        places = [(0, 0)]
        for count, a_step, b_step in self.nest[level:]:
            places = [(x + i * a_step, z + i * b_step) for x, z in places for i in range(count)]
        for x, z in places:
            sums = self._step(f, lines, index, b, sums, x, z)
        return sums

    def _run(
        self,
        f: Function,
        lines: Sequence[Register],
        index: Register,
        b: Register,
        sums: list[Register],
    ) -> tuple[Register, Register, list[Register]]:
        """The innermost loop, some steps a round."""
        count, a_step, b_step = self.nest[-1]
        state = [index, b, *sums]
        groups, left = divmod(count, _UNROLLED)
        for rounds, steps in ((groups, _UNROLLED), (min(left, 1), left)):
            if not rounds:
                continue
            if rounds == 1:
                state = self._some(f, lines, state, steps, a_step, b_step)
                continue
            with f.loop(0, rounds, carry=state) as loop:
                loop.carry(*self._some(f, lines, loop.carried, steps, a_step, b_step))
            state = list(loop.carried)
        index, b, *sums = state
        return index, b, sums

    def _some(
        self,
        f: Function,
        lines: Sequence[Register],
        state: Sequence[Register],
        steps: int,
        a_step: int,
        b_step: int,
    ) -> list[Register]:
        index, b, *sums = state
        for i in range(steps):
            sums = self._step(f, lines, index, b, sums, i * a_step, i * b_step)
        index = f.binary("add", index, f.integer(steps * a_step * self.item))
        return [index, f.at(b, steps * b_step * self.item), *sums]

    def _step(
        self,
        f: Function,
        lines: Sequence[Register],
        index: Register,
        b: Register,
        sums: Sequence[Register],
        x: int,
        z: int,
    ) -> list[Register]:
        """One step: the vectors of b times one element of a for each row."""
        type = vector(self.scalar, self.lanes)
        columns = []
        for v, count in enumerate(self._counts()):
            place = f.at(b, z + v * self.lanes, self.item)
            columns.append(self._load_b(f, type, place, count))
        made: list[Register] = []
        for row, line in enumerate(lines):
            place = f.at(f.at(line, index), x, self.item)
            spread = f.splat(f.load(self.scalar, place), self.lanes)
            for v, column in enumerate(columns):
                made.append(f.multiply_add(spread, column, sums[row * self.vectors + v]))
        return made

    def _load_b(self, f: Function, type: str, place: Register, count: int) -> Register:
        """Columns of b; packed ones are filled up to whole vectors."""
        return f.load(type, place)


def rows_for(target: Target, places: int, vectors: int) -> int:
    """How many rows a tile should have when there are so many places.

    As many as the registers allow, or fewer where much would be computed twice at the end.
    """
    most = 6 if vectors == 2 else 8
    if target.registers > 16:
        most = 8
    if places <= most:
        return max(places, 1)
    least = most * 2 // 3
    # A row less in a tile costs a little in loads that fewer products share.
    return min(
        range(most, least - 1, -1),
        key=lambda rows: -(-places // rows) * (rows + 0.6),
    )


def store_some(f: Function, x: Register, place: Register, count: int) -> None:
    """The first `count` lanes of a vector, in pieces of 1, 2, 4, ... elements."""
    lanes, scalar = _shape(x)
    if count >= lanes:
        f.store(x, place)
        return
    size = _SIZES[scalar]
    start, piece = 0, lanes
    while start < count:
        while piece > count - start:
            piece //= 2
        some = f.extract(x, start) if piece == 1 else f.shuffle(x, x, range(start, start + piece))
        f.store(some, f.at(place, start, size))
        start += piece


def load_some(f: Function, scalar: str, lanes: int, place: Register, count: int) -> Register:
    """A vector of which only `count` lanes are there; the others are zero."""
    type = vector(scalar, lanes)
    if count >= lanes:
        return f.load(type, place)
    size = _SIZES[scalar]
    made = f.constant(type, 0)
    for lane in range(count):
        made = f.insert(made, f.load(scalar, f.at(place, lane, size)), lane)
    return made


def _shape(x: Register) -> tuple[int, str]:
    if not x.type.startswith("<"):
        return 1, x.type
    count, scalar = x.type[1:-1].split(" x ")
    return int(count), scalar
