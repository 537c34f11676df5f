"""Norms of vectors and matrices, and the rank.

Where a norm is 0 its derivative is taken as 0.
"""

from __future__ import annotations

import math
from typing import Any

from retroprop import dtypes, ops, shapes
from retroprop.array.creation import asarray
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, unknown

__all__ = ["matrix_norm", "matrix_rank", "vector_norm"]

Axes = shapes.Axes


def vector_norm(x: Any, /, *, axis: Axes = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """The length of vectors: (Σ |x|^ord)^(1/ord) over axes.

    Args:
        axis:     one axis, several, or None for all elements.
        keepdims: keep the axes with size 1.
        ord:      any number; 0 counts the elements that are not zero, inf and -inf give the largest
                  and the smallest magnitude.

    Example:
        >>> vector_norm([[3.0, 4.0], [6.0, 8.0]], axis=1).tolist()
        [5.0, 10.0]
    """
    size: Tensor = ops.abs(_floating(x))
    if ord == math.inf:
        y: Tensor = ops.max(size, axis=axis, keepdims=keepdims)
    elif ord == -math.inf:
        y = ops.min(size, axis=axis, keepdims=keepdims)
    elif ord == 0:
        y = ops.sum(astype(ops.not_equal(size, 0), size.dtype), axis=axis, keepdims=keepdims)
    elif ord == 1:
        y = ops.sum(size, axis=axis, keepdims=keepdims)
    elif ord == 2:
        y = _root(ops.sum(size * size, axis=axis, keepdims=keepdims), 0.5)
    else:
        total = ops.sum(ops.power(size, float(ord)), axis=axis, keepdims=keepdims)
        y = _root(total, 1.0 / ord)
    return y


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of each matrix.

    Args:
        x:        (..., rows, columns).
        keepdims: keep the last two axes with size 1.
        ord:      "fro" (root of the sum of squares), "nuc" (sum of the singular values), 1 or -1
                  (largest, smallest column sum of magnitudes), inf or -inf (of the rows), 2 or -2
                  (largest, smallest singular value).

    Example:
        >>> matrix_norm([[3.0, 0.0], [0.0, 4.0]]).item(), matrix_norm([[3.0, 4.0]], ord=1).item()
        (5.0, 4.0)
    """
    x = _floating(x)
    if x.ndim < 2:
        raise ShapeError(
            f"matrix_norm: x {x.shape} is not a matrix", fix="use rp.linalg.vector_norm"
        )
    if ord == "fro":
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in (1, -1, math.inf, -math.inf):
        over, along = (-2, -1) if abs(ord) == 1 else (-1, -2)
        sums = ops.sum(ops.abs(x), axis=over, keepdims=True)
        y: Tensor = (ops.max if ord > 0 else ops.min)(sums, axis=along, keepdims=True)
    elif ord in ("nuc", 2, -2):
        values = ops.svdvals(x)
        reduce = {"nuc": ops.sum, 2: ops.max, -2: ops.min}[ord]
        y = reduce(values, axis=-1, keepdims=True)
        y = y.reshape((*y.shape, 1))
    else:
        raise unknown("matrix norm", ord, ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
    return y if keepdims else y.reshape(y.shape[:-2])


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Tensor:
    """How many singular values are above rtol times the largest, int64.

    Args:
        x:    (..., rows, columns).
        rtol: a number or a tensor (...); by default the larger of rows and columns, times the
              spacing of numbers near 1.

    Example:
        >>> matrix_rank([[1.0, 2.0], [2.0, 4.0]]).item()
        1
    """
    x = _floating(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_rank: x {x.shape} is not a matrix")
    values: Tensor = ops.svdvals(x)
    if rtol is None:
        rtol = max(x.shape[-2:]) * dtypes.finfo(x.dtype).eps
    elif not isinstance(rtol, int | float):
        rtol = asarray(rtol)
        rtol = rtol.reshape((*rtol.shape, 1))
    elif rtol < 0:
        raise ArgumentError(f"matrix_rank: rtol is {rtol}, it must not be negative")
    if not values.shape[-1]:
        none: Tensor = ops.sum(astype(values, dtypes.int64), axis=-1)
        return none
    cut = ops.max(values, axis=-1, keepdims=True) * rtol
    rank: Tensor = ops.sum(astype(values > cut, dtypes.int64), axis=-1)
    return rank


def _floating(x: Any) -> Tensor:
    x = asarray(x)
    return x if dtypes.is_inexact(x.dtype) else astype(x, dtypes.default_float)


def _root(total: Tensor, exponent: float) -> Tensor:
    """total ** exponent with derivative 0 at 0, where the power itself has none."""
    zero = ops.equal(total, 0)
    safe = ops.where(zero, 1.0, total)
    power = ops.sqrt(safe) if exponent == 0.5 else ops.power(safe, exponent)
    at_zero = 0.0 if exponent > 0 else math.inf
    y: Tensor = ops.where(zero, at_zero, power)
    return y
