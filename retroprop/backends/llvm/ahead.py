"""Memory that is needed soon, asked for while there is other work."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Register

__all__ = ["Ahead", "fetch"]

_LINE = 64  # bytes that memory moves at once
_FEWEST = 16  # shares of the work: fewer tiles leave a part undone and stay short


def fetch(f: Function, address: Register, *, write: bool = False) -> None:
    """Ask for the cache line at an address. Nothing need be there: no access ever fails."""
    numbers = [f.constant("i32", number) for number in (int(write), 3, 1)]
    f.intrinsic("llvm.prefetch.p0", "void", [address, *numbers])


class Ahead(NamedTuple):
    """Stretches of memory that one round of tiles asks for, each tile for its piece.

    Attributes:
        place: where they begin.
        stretches: how many there are.
        step:  bytes from one to the next.
        size:  bytes of each.
        tiles: how many tiles share the work; one more asks for what comes behind.
    """

    place: Register
    stretches: int
    step: int
    size: int
    tiles: int

    def fetch(self, f: Function, tile: Register) -> None:
        """Ask for the piece of one tile."""
        tiles = max(self.tiles, _FEWEST)
        parts = max(1, tiles // self.stretches)  # of a stretch, when tiles are the more
        each = -(-self.stretches // tiles)  # stretches, when these are
        lines = -(-self.size // (parts * _LINE))
        stretch = f.binary("sdiv", tile, f.integer(parts))
        part = f.binary("srem", tile, f.integer(parts))
        place = f.at(f.at(self.place, stretch, each * self.step), part, lines * _LINE)
        for number in range(each):
            for line in range(lines):
                fetch(f, f.at(place, number * self.step + line * _LINE))
