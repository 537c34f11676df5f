"""Panels of a matrix, so that a product reads its columns one vector after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from retroprop import shapes
from retroprop.backends.llvm.emit import Function, Register, vector
from retroprop.backends.llvm.kernel import (
    Buffer,
    Kernel,
    View,
    contiguous,
    kernel_function,
    storage_type,
)

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Module
    from retroprop.backends.llvm.target import Target

__all__ = ["Columns", "Pack", "emit_panel"]


class Columns(NamedTuple):
    """How columns are cut into panels.

    Attributes:
        n:           how many columns there are.
        width:       of a panel.
        overlapping: the last panel begins earlier, to be full; else it is narrower.
    """

    n: int
    width: int
    overlapping: bool

    @property
    def panels(self) -> int:
        """How many panels there are."""
        return -(-self.n // self.width)

    @property
    def rest(self) -> int:
        """The columns of a last panel that is narrower, or 0."""
        return 0 if self.overlapping else self.n % self.width

    def start(self, f: Function, panel: Register) -> Register:
        """The first column of a panel."""
        first = f.binary("mul", panel, f.integer(self.width))
        if not self.overlapping or self.n % self.width == 0:
            return first
        last = f.integer(self.n - self.width)
        return f.select(f.compare("icmp slt", first, last), first, last)


class Pack(Kernel):
    """w (..., k, n) as panels (..., panels, k, width), filled up with zeros.

    Rows are panels, of all matrices of a batch one after the other.
    """

    what = "pack"

    def __init__(self, w: View, columns: Columns) -> None:
        *batch, self.k, _ = w.shape
        self.columns = columns
        width, self.panels = columns.width, columns.panels
        # A matrix that a whole batch shares is packed once.
        self.batch = tuple(1 if not s else size for size, s in zip(batch, w.strides, strict=False))
        shape = (*self.batch, self.panels, self.k, width)
        buffer = Buffer(shapes.size(shape) * w.dtype.itemsize, what="panels")
        strides = contiguous(shape)
        shared = tuple(
            0 if size == 1 else stride
            for size, stride in zip(self.batch, strides[: len(batch)], strict=True)
        )
        seen = View(buffer, w.dtype, (*batch, *shape[-3:]), (*shared, *strides[-3:]))
        self.results, self.operands = (seen,), (w,)
        self.rows = shapes.size(self.batch) * self.panels
        self.slabs = (strides[-3] * w.dtype.itemsize, None)

    @property
    def signature(self) -> object:
        return ("pack", self.columns, self.operands[0].layout)

    def emit(self, module: Module, target: Target) -> str:
        f, results, operands, _, lo, hi = kernel_function(module, "pack", 1, 1)
        w, item = self.operands[0], self.operands[0].dtype.itemsize
        with f.loop(lo, hi) as row:
            to = f.at(results[0], row.index, self.k * self.columns.width * item)
            matrix = f.binary("sdiv", row.index, f.integer(self.panels))
            panel = f.binary("srem", row.index, f.integer(self.panels))
            source = operands[0]
            for axis in reversed(range(len(self.batch))):
                if self.batch[axis] > 1:
                    place = f.binary("srem", matrix, f.integer(self.batch[axis]))
                    matrix = f.binary("sdiv", matrix, f.integer(self.batch[axis]))
                    source = f.at(source, place, w.strides[axis] * item)
            source = f.at(source, self.columns.start(f, panel), w.strides[-1] * item)
            emit_panel(f, target, w, self.columns, panel, source, to, self.k)
        f.leave()
        return module.add_shared(f)


def emit_panel(
    f: Function,
    target: Target,
    w: View,
    columns: Columns,
    panel: Register,
    source: Register,
    to: Register,
    depth: int,
) -> None:
    """Code that packs `depth` rows of one panel of w, of which the last may be narrower.

    Args:
        panel:  its number.
        source: the address of its first element.
        to:     where (depth, width) elements go.
    """
    width, rest = columns.width, columns.rest
    whole = columns.n // width
    copier = _Copier(f, target, w, width, depth)
    if not rest:
        copier.copy(source, to, width)
        return
    is_last = f.compare("icmp eq", panel, f.integer(whole))
    with f.branch(is_last):
        copier.copy(source, to, rest)
    if whole:
        is_whole = f.compare("icmp ne", panel, f.integer(whole))
        with f.branch(is_whole):
            copier.copy(source, to, width)


class _Copier:
    """Writes the loops that copy one panel, in the way that its memory lies."""

    def __init__(self, f: Function, target: Target, w: View, width: int, depth: int) -> None:
        self.f, self.width, self.depth = f, width, depth
        self.item, self.scalar = w.dtype.itemsize, storage_type(w.dtype)
        self.down, self.along = w.strides[-2:]
        self.side = target.lanes(self.item)

    def copy(self, source: Register, to: Register, count: int) -> None:
        """A panel of `count` columns."""
        if self.along == 1:
            self._rows(source, to, count)
        elif self.down == 1 and self.side > 1:
            done = self.depth // self.side * self.side
            with self.f.loop(0, done, self.side) as k:
                for column in range(0, self.width, self.side):
                    self._turned(source, to, k.index, column, min(self.side, count - column))
            if done < self.depth:
                self._elements(source, to, done, count)
        else:
            self._elements(source, to, 0, count)

    def _turned(self, source: Register, to: Register, k: Register, column: int, count: int) -> None:
        """A square block whose columns lie along memory, turned in registers."""
        f, side = self.f, self.side
        type = vector(self.scalar, side)
        source = f.at(source, k, self.item)
        lines = [
            f.load(type, f.at(source, (column + i) * self.along * self.item))
            if i < count
            else f.constant(type, 0.0)
            for i in range(side)
        ]
        half = 1
        while half < side:
            mixed = list(lines)
            first = [j if not j & half else side + (j ^ half) for j in range(side)]
            second = [(j | half) if not j & half else side + j for j in range(side)]
            for i in range(side):
                if not i & half:
                    pair = lines[i], lines[i | half]
                    mixed[i], mixed[i | half] = f.shuffle(*pair, first), f.shuffle(*pair, second)
            lines, half = mixed, half * 2
        to = f.at(to, k, self.width * self.item)
        for i, line in enumerate(lines):
            f.store(line, f.at(to, (i * self.width + column) * self.item))

    def _rows(self, source: Register, to: Register, count: int) -> None:
        """Rows that lie along memory."""
        f, side = self.f, self.side
        with f.loop(0, self.depth) as k:
            near = f.at(source, k.index, self.down * self.item)
            far = f.at(to, k.index, self.width * self.item)
            whole = count // side * side
            for column in range(0, whole, side):
                line = f.load(vector(self.scalar, side), f.at(near, column, self.item))
                f.store(line, f.at(far, column, self.item))
            self._columns(near, far, range(whole, self.width), count)

    def _elements(self, source: Register, to: Register, start: int, count: int) -> None:
        """From row `start` on, element by element."""
        f = self.f
        with f.loop(start, self.depth) as k:
            near = f.at(source, k.index, self.down * self.item)
            far = f.at(to, k.index, self.width * self.item)
            self._columns(near, far, range(self.width), count)

    def _columns(self, near: Register, far: Register, columns: range, count: int) -> None:
        f, zero = self.f, self.f.constant(self.scalar, 0)
        for column in columns:
            place = f.at(near, column * self.along, self.item) if column < count else None
            x = zero if place is None else f.load(self.scalar, place)
            f.store(x, f.at(far, column, self.item))
