"""The ends of Winograd's algorithm that are weights: their coordinates, and back from these.

The matrices of the algorithm stand here, by the side of a tile.
Source: Lavin, Gray 2016, arXiv:1509.09308.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["A", "B", "G", "WinogradFilters", "WinogradGradient", "both"]

Matrix = tuple[tuple[float, ...], ...]

B = {
    2: ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    4: (
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
}
G = {
    2: ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
    4: (
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
}
A = {
    2: ((1, 1, 1, 0), (0, 1, -1, -1)),
    4: ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
}


class WinogradFilters(Kernel):
    """The coordinates of weights: (a², inner, columns). Rows are `inner`.

    Args:
        w: (inner, columns, 3, 3), any strides; quick where columns lie side by side.
    """

    what = "winograd filters"

    def __init__(self, w: View, m: int) -> None:
        self.m, self.side = m, m + 2
        inner, self.columns = w.shape[:2]
        shape = (self.side**2, inner, self.columns)
        buffer = Buffer(size(shape) * w.dtype.itemsize, what="winograd filters")
        self.results = (View(buffer, w.dtype, shape, contiguous(shape)),)
        self.operands, self.rows = (w,), inner
        self.slabs = (None, None)
        self.flops = w.size * 8

    @property
    def signature(self) -> object:
        return ("winograd filters", self.m, self.operands[0].layout)

    def emit(self, module: Module, target: Target) -> str:
        f, (to,), (source,), _, lo, hi = kernel_function(module, "winograd_filters", 1, 1)
        (w,), (u,) = self.operands, self.results
        item, scalar = w.dtype.itemsize, storage_type(w.dtype)
        lanes = target.lanes(item)
        with f.loop(lo, hi) as row, f.loop(0, self.columns, lanes) as column:
            near = f.at(
                f.at(source, row.index, w.strides[0] * item), column.index, w.strides[1] * item
            )
            far = f.at(f.at(to, row.index, self.columns * item), column.index, item)

            def load(i: int, j: int) -> Register:
                at = f.at(near, i * w.strides[2] + j * w.strides[3], item)
                if w.strides[1] == 1:
                    return f.load(vector(scalar, lanes), at)
                made = f.constant(vector(scalar, lanes), 0)
                for lane in range(lanes):
                    made = f.insert(made, f.load(scalar, f.at(at, lane * w.strides[1], item)), lane)
                return made

            for i, line in enumerate(both(f, G[self.m], load)):
                for j, value in enumerate(line):
                    f.store(value, f.at(far, (i * self.side + j) * u.strides[0], item))
        f.leave()
        return module.add_shared(f)


class WinogradGradient(Kernel):
    """The gradient in the weights, from its parts in transformed weights. Rows are channels.

    Args:
        result: (3, 3, channels, out), out side by side.
        parts:  what `WinogradParts` gives.
    """

    what = "winograd gradient"

    def __init__(self, result: View, parts: View, m: int) -> None:
        self.m, self.side = m, m + 2
        self.results, self.operands = (result,), (parts,)
        self.rows, self.outer = result.shape[2:]
        self.slabs = (None, None)
        self.flops = parts.size

    @property
    def signature(self) -> object:
        views = (*self.results, *self.operands)
        return ("winograd gradient", self.m, *(view.layout for view in views))

    def emit(self, module: Module, target: Target) -> str:
        f, (to,), (source,), _, lo, hi = kernel_function(module, "winograd_gradient", 1, 1)
        (result,), (parts,) = self.results, self.operands
        item, scalar = result.dtype.itemsize, storage_type(result.dtype)
        lanes = target.lanes(item)
        type = vector(scalar, lanes)
        with f.loop(lo, hi) as row, f.loop(0, self.outer, lanes) as column:
            near = f.at(f.at(source, row.index, parts.strides[2] * item), column.index, item)
            far = f.at(f.at(to, row.index, result.strides[2] * item), column.index, item)

            def total(i: int, j: int) -> Register:
                here = f.at(near, (i * self.side + j) * parts.strides[1], item)
                with f.loop(0, parts.shape[0], carry=[f.constant(type, 0)]) as part:
                    x = f.load(type, f.at(here, part.index, parts.strides[0] * item))
                    part.carry(f.binary("fadd", part.carried[0], x))
                return part.carried[0]

            turned = tuple(zip(*G[self.m], strict=True))
            for i, values in enumerate(both(f, turned, total)):
                for j, value in enumerate(values):
                    at = f.at(far, i * result.strides[0] + j * result.strides[1], item)
                    f.store(value, at)
        f.leave()
        return module.add_shared(f)


def both(f: Function, matrix: Matrix, load: Callable[[int, int], Register]) -> list[list[Register]]:
    """matrix x matrix', where x is loaded element by element."""
    columns = range(len(matrix[0]))
    lines = [_times(f, matrix, [load(i, j) for i in columns]) for j in columns]  # by columns
    turned = [[lines[j][i] for j in columns] for i in range(len(matrix))]
    return [_times(f, matrix, line) for line in turned]


def _times(f: Function, matrix: Matrix, x: Sequence[Register]) -> list[Register]:
    return [_combined(f, row, x) for row in matrix]


def _combined(f: Function, row: Sequence[float], x: Sequence[Register]) -> Register:
    """A sum of multiples, factors that all terms have taken out, those of 1 not multiplied."""
    terms = [(c, value) for c, value in zip(row, x, strict=True) if c]
    common = abs(terms[0][0]) if len({abs(c) for c, _ in terms}) == 1 else 1
    terms.sort(key=lambda term: term[0] < 0)  # begin with one that is added, if there is any
    total: Register | None = None
    for c, value in terms:
        factor = c / common
        if abs(factor) != 1:
            value = f.binary("fmul", value, f.constant(value.type, abs(factor)))  # noqa: PLW2901
        if total is None:
            total = value if factor > 0 else f.binary("fsub", f.constant(value.type, 0), value)
        else:
            total = f.binary("fadd" if factor > 0 else "fsub", total, value)
    assert total is not None
    return total if common == 1 else f.binary("fmul", total, f.constant(total.type, common))
