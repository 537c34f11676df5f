"""The register tile: a few rows by one or two vectors of columns, summed up over k in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from retroprop.backends.llvm.ahead import fetch
from retroprop.backends.llvm.emit import Function, Register, vector

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module

__all__ = ["Tile"]

_UNROLLED = 4  # steps of k written out


class Tile(NamedTuple):
    """c[rows, vectors] = (first ? 0 : c) + sum over k of a[rows, k] b[k, vectors].

    Attributes:
        scalar:  the LLVM type of an element, of `item` bytes.
        lanes:   elements of a vector.
        rows, vectors: of the tile.
        a_row, a_column: elements from row to row and from k to k + 1 of a.
        b_row:   elements from k to k + 1 of b, whose columns lie side by side.
        depth:   steps of k when they are always as many and c is always new; else None.
        distant: c is so large that its lines are asked for before they are needed.
    """

    scalar: str
    item: int
    lanes: int
    rows: int
    vectors: int
    a_row: int
    a_column: int
    b_row: int
    depth: int | None
    distant: bool = False

    def emit(self, module: Module) -> str:
        """void tile(c, a, b, depth, step, first); `step` is the bytes from row to row of c."""
        words = [(word, "ptr") for word in "cab"]
        f = Function(module, "tile", [*words, ("depth", "i64"), ("step", "i64"), ("first", "i64")])
        self.write(f, *f.parameters)
        f.leave()
        return module.add_shared(f)

    def write(
        self,
        f: Function,
        c: Register,
        a: Register,
        b: Register,
        depth: Register,
        step: Register,
        first: Register,
    ) -> None:
        """The same as a part of another function."""
        places = self._places(f, c, step)
        if self.distant:
            for row in range(self.rows):
                fetch(f, places[row * self.vectors], write=True)
        zeros = [f.constant(vector(self.scalar, self.lanes), 0)] * len(places)
        if self.depth is None:
            totals = self._in_any_number(f, a, b, depth, zeros)
            totals = self._on_top(f, first, places, totals)
        else:
            totals = self._in_steps(f, a, b, self.depth, zeros)
        for place, total in zip(places, totals, strict=True):
            f.store(total, place)

    def _on_top(
        self, f: Function, first: Register, places: list[Register], sums: list[Register]
    ) -> list[Register]:
        """The sums of this block of k on top of those before; last, so that nothing waits for c."""
        again = f.compare("icmp eq", first, f.integer(0))
        with f.branch(again, otherwise=sums) as added:
            before = [f.load(vector(self.scalar, self.lanes), place) for place in places]
            added.give(*(f.binary("fadd", c, x) for c, x in zip(before, sums, strict=True)))
        return list(added.values)

    def _in_any_number(
        self, f: Function, a: Register, b: Register, depth: Register, sums: list[Register]
    ) -> list[Register]:
        """The sums over `depth` steps of k."""
        state = [a, b, *sums]
        groups = f.binary("sdiv", depth, f.integer(_UNROLLED))
        left = f.binary("srem", depth, f.integer(_UNROLLED))
        for count, steps in ((groups, _UNROLLED), (left, 1)):
            with f.loop(0, count, carry=state) as loop:
                loop.carry(*self._some(f, loop.carried, steps))
            state = list(loop.carried)
        return state[2:]

    def _in_steps(
        self, f: Function, a: Register, b: Register, depth: int, sums: list[Register]
    ) -> list[Register]:
        """The sums over a number of steps that is known: no loop where there are few."""
        state = [a, b, *sums]
        groups, left = divmod(depth, _UNROLLED)
        if groups > 1:
            with f.loop(0, groups, carry=state) as loop:
                loop.carry(*self._some(f, loop.carried, _UNROLLED))
            state = list(loop.carried)
        else:
            left = depth
        return self._some(f, state, left)[2:]

    def _some(self, f: Function, state: Sequence[Register], steps: int) -> list[Register]:
        """Some steps of k, and the pointers moved on."""
        a, b, *sums = state
        for number in range(steps):
            sums = self._step(f, a, b, sums, number)
        a = f.at(a, steps * self.a_column * self.item)
        return [a, f.at(b, steps * self.b_row * self.item), *sums]

    def _places(self, f: Function, c: Register, step: Register) -> list[Register]:
        """The address of each vector of the result."""
        places, line = [], c
        for row in range(self.rows):
            line = f.at(line, step) if row else line
            places += [f.at(line, v * self.lanes * self.item) for v in range(self.vectors)]
        return places

    def _step(
        self, f: Function, a: Register, b: Register, sums: Sequence[Register], number: int
    ) -> list[Register]:
        """One step of k: the vectors of b times one element of a for each row."""
        type = vector(self.scalar, self.lanes)
        line = [
            f.load(type, f.at(b, (number * self.b_row + v * self.lanes) * self.item))
            for v in range(self.vectors)
        ]
        made: list[Register] = []
        for row in range(self.rows):
            place = f.at(a, (number * self.a_column + row * self.a_row) * self.item)
            spread = f.splat(f.load(self.scalar, place), self.lanes)
            made += [
                f.multiply_add(spread, line[v], sums[row * self.vectors + v])
                for v in range(self.vectors)
            ]
        return made
