"""Products of vectors and batches as products of plain matrices, which backends are good at."""

from __future__ import annotations

from retroprop import shapes
from retroprop.ir import Node, Value
from retroprop.ops.define import Op
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import reshape
from retroprop.passes.rewrite import Build, Rule, shape_of

__all__ = ["RULES"]

Shape = tuple[int, ...]


def _plain(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """A vector is a matrix of one row or column, and many rows that meet one matrix are one
    matrix.
    """
    x, w = operands
    rows, columns = _shapes(x.shape, w.shape)
    if (rows, columns) == (x.shape, w.shape):
        return None
    x = x if x.shape == rows else build(reshape, x, shape=rows)
    w = w if w.shape == columns else build(reshape, w, shape=columns)
    return build(reshape, build(matmul, x, w), shape=shape_of(node))


def _shapes(x: Shape, w: Shape) -> tuple[Shape, Shape]:
    """The shapes that two operands should have."""
    if len(x) == 1:
        return (1, *x), w
    if len(w) == 1:
        return x, (*w, 1)
    if shapes.size(w[:-2]) == 1:
        return (shapes.size(x[:-1]), x[-1]), w[-2:]
    if shapes.size(x[:-2]) == 1:
        return x[-2:], w
    return x, w


RULES: dict[Op, tuple[Rule, ...]] = {matmul: (_plain,)}
