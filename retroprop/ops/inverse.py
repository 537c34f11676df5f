"""Inverses, linear systems and determinants of square matrices, batched over the axes in front.

Gradients are for real numbers; complex ones are forward only.
Source of the rules: Giles 2008, An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import ArgumentError, ShapeError
from retroprop.ops.arithmetic import add, multiply, negative, subtract
from retroprop.ops.define import INEXACT, primitive
from retroprop.ops.linalg import matmul, transposed
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import sum
from retroprop.ops.samples import bad, call, draw

__all__ = [
    "attempt",
    "cofactor",
    "det",
    "inv",
    "need_matrix",
    "need_square",
    "pinv",
    "real_part",
    "slogdet",
    "solve",
    "widened",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def need_matrix(op: str, x: Shape) -> Shape:
    """Raise unless x has rows and columns; the shape itself."""
    if len(x) < 2:
        raise ShapeError(
            f"{op}: x {x} is not a matrix",
            fix="the last two axes are rows and columns; add one with rp.expand_dims",
        )
    return x


def need_square(op: str, x: Shape) -> Shape:
    """Raise unless x is a square matrix, or a batch of them; the shape itself."""
    need_matrix(op, x)
    if x[-1] != x[-2]:
        raise ShapeError(f"{op}: x {x} is not square: {x[-2]} rows, {x[-1]} columns")
    return x


def widened(x: Array) -> Array:
    """16-bit numbers are computed with in float32."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def real_part(dtype: Any, **_: Any) -> Any:
    """The dtype of magnitudes: real also for complex matrices."""
    return {dtypes.complex64: dtypes.float32, dtypes.complex128: dtypes.float64}.get(dtype, dtype)


def attempt(op: str, what: str, fix: str, function: Callable[..., Any], *arrays: Array) -> Any:
    """Run a routine of NumPy; where it fails, name the first matrix that it fails on."""
    try:
        return function(*arrays)
    except np.linalg.LinAlgError:
        x = arrays[0]
        place = next((i for i in np.ndindex(x.shape[:-2]) if _fails(function, x[i], arrays)), ())
        which = f"x[{', '.join(map(str, place))}]" if place else "x"
        raise ArgumentError(f"{op}: {which} {what}", fix=fix) from None


def _fails(function: Callable[..., Any], x: Array, arrays: tuple[Array, ...]) -> bool:
    try:
        function(x, *(np.zeros((x.shape[-1], 1), other.dtype) for other in arrays[1:]))
    except np.linalg.LinAlgError:
        return True
    return False


_SINGULAR = ("is singular", "it has no inverse; rp.linalg.pinv has the closest there is")
_MATRIX = [[2.0, 0.5, -0.3], [0.2, -1.5, 0.4], [-0.6, 0.1, 1.8]]
_PAIR = [[[1.5, 0.2], [-0.4, 1.1]], [[-0.3, 1.2], [1.4, 0.1]]]
_SQUARES = [
    call(draw((1, 1), values=[[2.0]])),
    call(draw((3, 3), values=_MATRIX)),
    call(draw((2, 2, 2), values=_PAIR)),
    call((0, 0)),
    call((0, 2, 2)),
]


def _not_square(op: str) -> list[Any]:
    return [
        bad((3,), match=rf"{op}: x \(3,\) is not a matrix"),
        bad((2, 3), match=rf"{op}: x \(2, 3\) is not square: 2 rows, 3 columns"),
    ]


@primitive(
    form="opaque",
    shape=lambda x: need_square("inv", x),
    accepts=INEXACT,
    vjp={"x": lambda g, y: _pull_inv(g, y)},
    samples=_SQUARES,
    errors=[*_not_square("inv"), bad(draw((2, 2), values=[[1, 2], [2, 4]]), match="singular")],
)
def inv(x: Array, /) -> Array:
    """The inverse of each square matrix: x y = 1.

    Args:
        x: (..., size, size).

    Raises:
        ArgumentError: "inv: x[1] is singular".

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    return np.asarray(attempt("inv", *_SINGULAR, np.linalg.inv, widened(x))).astype(
        x.dtype, copy=False
    )


def _pull_inv(g: Any, y: Any) -> Any:
    return negative(matmul(matmul(transposed(y), g), transposed(y)))


def _solved(x: Shape, b: Shape) -> Shape:
    need_square("solve", x)
    if not b:
        raise ShapeError("solve: b is a single number", fix="give a vector or matrix")
    rows = b[0] if len(b) == 1 else b[-2]
    if rows != x[-1]:
        raise ShapeError(f"solve: x {x} has {x[-1]} columns, b {b} has {rows} rows")
    if len(b) == 1:
        return x[:-1]
    return (*shapes.broadcast(x[:-2], b[:-2], op="solve"), *b[-2:])


def _pull_system(g: Any, x: Any, y: Any, b_shape: Shape) -> Any:
    back = solve(transposed(x), g) if len(b_shape) > 1 else _solve_rows(transposed(x), g)
    if len(b_shape) > 1:
        return negative(matmul(back, transposed(y)))
    rows, columns = (*g.shape, 1), (*g.shape[:-1], 1, g.shape[-1])
    return negative(multiply(reshape(back, rows), reshape(y, columns)))


def _pull_right(g: Any, x: Any, b_shape: Shape) -> Any:
    return solve(transposed(x), g) if len(b_shape) > 1 else _solve_rows(transposed(x), g)


def _solve_rows(x: Any, b: Any) -> Any:
    """One right-hand side for each matrix, where `solve` would read a matrix."""
    return reshape(solve(x, reshape(b, (*b.shape, 1))), b.shape)


@primitive(
    form="opaque",
    shape=_solved,
    accepts=INEXACT,
    vjp={"x": _pull_system, "b": _pull_right},
    samples=[
        call(draw((1, 1), values=[[2.0]]), (1, 2)),
        call(draw((3, 3), values=_MATRIX), (3, 2)),
        call(draw((3, 3), values=_MATRIX), (3,)),
        call(draw((3, 3), values=_MATRIX), (2, 3, 1)),
        call(draw((2, 2, 2), values=_PAIR), (2, 3)),
        call(draw((2, 2, 2), values=_PAIR), (2,)),
        call((0, 0), (0, 2)),
        call(draw((3, 3), values=_MATRIX), (3, 0)),
    ],
    errors=[
        bad((2, 3), (2,), match=r"solve: x \(2, 3\) is not square"),
        bad((3, 3), (2,), match=r"solve: x \(3, 3\) has 3 columns, b \(2,\) has 2 rows"),
        bad(draw((2, 2), values=[[1, 2], [2, 4]]), (2,), match="singular"),
    ],
)
def solve(x: Array, b: Array, /) -> Array:
    """The solution y of the linear system x y = b.

    Args:
        x: (..., size, size).
        b: (..., size, columns), or one vector (size,).

    Returns:
        (..., size, columns) with the axes in front broadcast, or (..., size).

    Raises:
        ArgumentError: "solve: x is singular".

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).tolist()
        [1.0, 0.5]
    """
    fix = "use the least-squares solution: rp.linalg.pinv(x) @ b"
    y = attempt("solve", _SINGULAR[0], fix, np.linalg.solve, widened(x), widened(b))
    return np.asarray(y).astype(x.dtype, copy=False)


def _others(s: Array) -> Array:
    """The product of all elements but one along the last axis, for each one."""
    square = np.where(np.eye(s.shape[-1], dtype=bool), s.dtype.type(1), s[..., None, :])
    return np.asarray(square.prod(-1))


def _scaled(g: Any, matrix: Any) -> Any:
    """Each matrix times its number."""
    return multiply(reshape(g, (*g.shape, 1, 1)), matrix)


@primitive(
    form="opaque",
    shape=lambda x: need_square("cofactor", x),
    accepts=INEXACT,
    vjp={"x": lambda g, x, y: _pull_cofactor(g, x, y)},
    samples=[*_SQUARES, call(draw((2, 2), values=[[1, 2], [2, 4]]), differentiable=False)],
    errors=_not_square("cofactor"),
)
def cofactor(x: Array, /) -> Array:
    """The derivative of the determinant: det(x) times the transposed inverse, also where det is 0.

    Numerics: by singular values. Its own derivative needs an x that is not singular.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> ops.cofactor(rp.asarray([[1.0, 0.0], [0.0, 0.0]])).numpy().round(6).tolist()
        [[0.0, 0.0], [0.0, 1.0]]
    """
    u, s, vh = np.linalg.svd(widened(x))
    sign = np.linalg.det(u) * np.linalg.det(vh).conj()
    y = (u * (sign[..., None] * _others(s))[..., None, :]) @ vh
    return np.asarray(y).astype(x.dtype, copy=False)


def _pull_cofactor(g: Any, x: Any, y: Any) -> Any:
    inverse = transposed(inv(x))
    along = sum(multiply(g, inverse), axis=(-2, -1))
    return subtract(_scaled(along, y), matmul(matmul(inverse, transposed(g)), y))


@primitive(
    form="opaque",
    shape=lambda x: need_square("det", x)[:-2],
    accepts=INEXACT,
    vjp={"x": lambda g, x: _scaled(g, cofactor(x))},
    samples=[*_SQUARES, call(draw((2, 2), values=[[1, 2], [2, 4]]), differentiable=False)],
    errors=_not_square("det"),
)
def det(x: Array, /) -> Array:
    """The determinant of each square matrix.

    Args:
        x: (..., size, size).

    Returns:
        (...).

    Gradient: the cofactors, which exist for singular matrices too.

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.det([[2.0, 0.0], [0.0, 4.0]]).item()
        8.0
    """
    return np.asarray(np.linalg.det(widened(x))).astype(x.dtype, copy=False)


@primitive(
    form="opaque",
    shape=lambda x: [need_square("slogdet", x)[:-2]] * 2,
    result=lambda x: [x, real_part(x)],
    accepts=INEXACT,
    vjp={"x": lambda g, x: _scaled(g[1], transposed(inv(x)))},
    samples=_SQUARES,
    errors=_not_square("slogdet"),
)
def slogdet(x: Array, /) -> tuple[Array, Array]:
    """Sign and logarithm of the magnitude of the determinant, which neither over- nor underflow.

    Args:
        x: (..., size, size).

    Returns:
        sign:      (...); -1, 0 or 1, on the unit circle for complex numbers.
        logabsdet: (...), real; -inf for a singular matrix.

    Example:
        >>> import retroprop as rp
        >>> sign, logabsdet = rp.linalg.slogdet([[-1.0, 0.0], [0.0, 1.0]])
        >>> sign.item(), logabsdet.item()
        (-1.0, 0.0)
    """
    sign, logabsdet = np.linalg.slogdet(widened(x))
    kinds = x.dtype, real_part(x.dtype)
    return (
        np.asarray(sign).astype(kinds[0], copy=False),
        np.asarray(logabsdet).astype(kinds[1], copy=False),
    )


@primitive(
    form="opaque",
    shape=lambda x, *, rtol: (*need_matrix("pinv", x)[:-2], x[-1], x[-2]),
    accepts=INEXACT,
    vjp={"x": lambda g, x, y: _pull_pinv(g, x, y)},
    samples=[
        call(draw((3, 3), values=_MATRIX)),
        call(draw((2, 3), values=_MATRIX[:2])),
        call(draw((2, 3, 1), values=[[[1.0], [2.0], [0.5]], [[0.3], [-1.0], [1.5]]])),
        call(draw((2, 2), values=[[1.0, 2.0], [2.0, 4.0]]), differentiable=False),
        call((0, 3)),
    ],
    errors=[bad((3,), match=r"pinv: x \(3,\) is not a matrix")],
)
def pinv(x: Array, /, *, rtol: float | None = None) -> Array:
    """The Moore-Penrose pseudo-inverse: the least-squares solution of x y = 1 of smallest norm.

    Args:
        x:    (..., rows, columns).
        rtol: singular values below rtol times the largest count as zero; by default the larger of
              rows and columns, times the spacing of numbers near 1.

    Returns:
        (..., columns, rows).

    Gradient: exact where the rank does not change.

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.pinv([[2.0], [0.0]]).numpy().round(6).tolist()
        [[0.5, 0.0]]

    Source: Golub and Pereyra 1973, The differentiation of pseudo-inverses, SIAM J. Numer. Anal. 10.
    """
    wide = widened(x)
    if not x.size:
        return np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    cut = max(x.shape[-2:]) * float(np.finfo(wide.dtype).eps) if rtol is None else rtol
    return np.asarray(np.linalg.pinv(wide, rcond=cut)).astype(x.dtype, copy=False)


def _pull_pinv(g: Any, x: Any, y: Any) -> Any:
    """From dy = -y dx y + y yᵀ dxᵀ (1 - x y) + (1 - y x) dxᵀ yᵀ y."""
    yt, gt = transposed(y), transposed(g)
    first = matmul(matmul(yt, g), yt)
    left = matmul(gt, matmul(y, yt))
    left = subtract(left, matmul(x, matmul(y, left)))
    right = matmul(matmul(yt, y), gt)
    right = subtract(right, matmul(matmul(right, y), x))
    return subtract(add(left, right), first)
