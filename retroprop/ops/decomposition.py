"""Decompositions of matrices into simpler factors, batched over the axes in front.

Gradients are for real numbers; complex ones are forward only. Where singular values or eigenvalues
coincide the factors are not differentiable: the terms that would divide by zero are left out, so
that a loss which does not depend on the choice of the factors still gets its right gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import NoGradientError, unknown
from retroprop.ops.arithmetic import add, divide, multiply, subtract, where
from retroprop.ops.comparison import equal
from retroprop.ops.define import INEXACT, primitive
from retroprop.ops.inverse import attempt, need_matrix, need_square, real_part, solve, widened
from retroprop.ops.linalg import matmul, transposed
from retroprop.ops.movement import concatenate, reshape, take_slice
from retroprop.ops.samples import bad, call, draw

__all__ = ["cholesky", "eigh", "eigvalsh", "qr", "svd", "svdvals"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_FINITE = ("did not converge", "look for NaN or infinities in it")


def _symmetric(x: Array) -> Array:
    """The symmetric (Hermitian) part, the only one that is read: so gradients are symmetric."""
    wide = widened(x)
    return (wide + np.swapaxes(wide, -1, -2).conj()) / 2


def _lower(x: Any, diagonal: float, below: float = 1.0) -> Any:
    """x with its diagonal and the part below it scaled, zeros above."""
    rows, columns = x.shape[-2:]
    mask = below * np.tri(rows, columns, -1) + diagonal * np.eye(rows, columns)
    return multiply(x, mask.astype(x.dtype))


def _rows(values: Any) -> Any:
    """One value per column, as a row that scales the columns of a matrix."""
    return reshape(values, (*values.shape[:-1], 1, values.shape[-1]))


def _columns(values: Any) -> Any:
    """One value per row, as a column that scales the rows of a matrix."""
    return reshape(values, (*values.shape, 1))


def _reciprocal(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    zero = equal(x, 0.0)
    return where(zero, 0.0, divide(1.0, where(zero, 1.0, x)))


def _gaps(values: Any) -> Any:
    """1 / (values[j] - values[i]) in row i, column j; 0 where both are equal."""
    return _reciprocal(subtract(_rows(values), _columns(values)))


def _symmetrised(x: Any) -> Any:
    return multiply(add(x, transposed(x)), 0.5)


def _kept(x: Array, *factors: Any) -> tuple[Array, ...]:
    """Factors in the precision of x: complex stays complex, magnitudes are real."""
    kinds = (x.dtype if f.dtype.kind == "c" else real_part(x.dtype) for f in factors)
    return tuple(np.asarray(f).astype(k, copy=False) for f, k in zip(factors, kinds, strict=True))


_POSITIVE = [[2.0, 0.5, -0.3], [0.5, 1.5, 0.4], [-0.3, 0.4, 1.8]]
_POSITIVES = [[[1.5, 0.2], [0.2, 1.1]], [[2.0, -0.7], [-0.7, 0.9]]]
_GENERAL = [[2.0, 0.5, -0.3, 0.7], [0.2, -1.5, 0.4, 0.1], [-0.6, 0.1, 1.8, 0.9]]
_TALL = [[1.0, 0.2], [-0.4, 1.5], [0.3, 0.6]]
_SYMMETRIC = [
    draw((1, 1), values=[[2.0]]),
    draw((3, 3), values=_POSITIVE),
    draw((2, 2, 2), values=_POSITIVES),
    draw((0, 0)),
    draw((0, 2, 2)),
]
_ANY = [
    draw((3, 4), values=_GENERAL),
    draw((3, 2), values=_TALL),
    draw((2, 2, 2), values=_POSITIVES),
    draw((0, 2, 2)),
    draw((2, 0)),
]


def _not_square(op: str) -> list[Any]:
    return [
        bad((3,), match=rf"{op}: x \(3,\) is not a matrix"),
        bad((2, 3), match=rf"{op}: x \(2, 3\) is not square: 2 rows, 3 columns"),
    ]


def _pull_cholesky(g: Any, y: Any, upper: bool) -> Any:
    lower, given = (transposed(y), transposed(g)) if upper else (y, g)
    middle = _lower(matmul(transposed(lower), given), diagonal=0.5)
    left = solve(transposed(lower), middle)
    return _symmetrised(solve(transposed(lower), transposed(left)))


@primitive(
    form="opaque",
    shape=lambda x, *, upper: need_square("cholesky", x),
    accepts=INEXACT,
    vjp={"x": _pull_cholesky},
    samples=[call(x, upper=upper) for x in _SYMMETRIC for upper in (False, True)],
    errors=[
        *_not_square("cholesky"),
        bad(draw((2, 2), values=[[1.0, 2.0], [2.0, 1.0]]), match="x is not positive definite"),
    ],
)
def cholesky(x: Array, /, *, upper: bool = False) -> Array:
    """The lower triangle y with a positive diagonal for which x = y yᴴ.

    Args:
        x:     (..., size, size), Hermitian positive definite; only its Hermitian part is read.
        upper: give the upper triangle yᴴ instead.

    Raises:
        ArgumentError: "cholesky: x[1] is not positive definite".

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.cholesky([[4.0, 0.0], [0.0, 9.0]]).tolist()
        [[2.0, 0.0], [0.0, 3.0]]

    Source: Murray 2016, Differentiation of the Cholesky decomposition, arXiv:1602.07527.
    """
    fix = "add a small multiple of the identity, or use rp.linalg.eigh"
    y = attempt("cholesky", "is not positive definite", fix, np.linalg.cholesky, _symmetric(x))
    y = np.swapaxes(y, -1, -2).conj() if upper else y
    return np.asarray(y).astype(x.dtype, copy=False)


def _qr_shapes(x: Shape, *, mode: str) -> list[Shape]:
    rows, columns = need_matrix("qr", x)[-2:]
    if mode not in {"reduced", "complete"}:
        raise unknown("qr mode", mode, ["reduced", "complete"])
    inner = rows if mode == "complete" else min(rows, columns)
    return [(*x[:-2], rows, inner), (*x[:-2], inner, columns)]


def _pull_qr(g: Any, y: Any, x_shape: Shape, mode: str) -> Any:
    (q, r), (gq, gr) = y, g
    rows, columns = x_shape[-2:]
    if rows >= columns:
        if mode == "complete" and rows > columns:
            raise NoGradientError(
                "qr: mode 'complete' has no gradient for a matrix with more rows than columns, "
                "because the extra columns of Q are arbitrary",
                fix="use mode='reduced'",
            )
        return _pull_square_qr(gq, gr, q, r)
    front, behind = (_key(x_shape, slice(0, rows)), _key(x_shape, slice(rows, None)))
    tail, g_tail = take_slice(r, key=behind), take_slice(gr, key=behind)
    gq = add(gq, matmul(matmul(q, tail), transposed(g_tail)))
    head = _pull_square_qr(gq, take_slice(gr, key=front), q, take_slice(r, key=front))
    return concatenate(head, matmul(q, g_tail), axis=-1)


def _key(shape: Shape, columns: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * (len(shape) - 1), columns)


def _pull_square_qr(gq: Any, gr: Any, q: Any, r: Any) -> Any:
    both = subtract(matmul(r, transposed(gr)), matmul(transposed(gq), q))
    copied = add(_lower(both, 1.0), transposed(_lower(both, 0.0)))
    return transposed(solve(r, transposed(add(gq, matmul(q, copied)))))


@primitive(
    form="opaque",
    shape=_qr_shapes,
    result=lambda x, *, mode: [x, x],
    accepts=INEXACT,
    vjp={"x": _pull_qr},
    samples=[
        *(call(x, mode="reduced") for x in _ANY),
        call(draw((3, 4), values=_GENERAL), mode="complete"),
        call(draw((3, 2), values=_TALL), mode="complete", differentiable=False),
    ],
    errors=[
        bad((3,), match=r"qr: x \(3,\) is not a matrix"),
        bad((2, 2), mode="full", match="unknown qr mode 'full'"),
    ],
)
def qr(x: Array, /, *, mode: str = "reduced") -> tuple[Array, Array]:
    """x = q r with orthonormal columns in q and an upper triangle r.

    Args:
        x:    (..., rows, columns).
        mode: "reduced" gives q as many columns as the smaller side has, "complete" as many as rows.

    Returns:
        q: (..., rows, inner).
        r: (..., inner, columns).

    Gradient: for "reduced", where the first columns of x are independent.

    Example:
        >>> import retroprop as rp
        >>> q, r = rp.linalg.qr([[3.0, 1.0], [4.0, 2.0]])
        >>> bool(rp.all(rp.abs(q @ r - rp.asarray([[3.0, 1.0], [4.0, 2.0]])) < 1e-5))
        True

    Source: Walter, Lehmann, Lamour 2012, On evaluating higher-order derivatives of the QR
        decomposition of tall matrices with full column rank.
    """
    wide = widened(x)
    q, r = np.linalg.qr(wide, mode=mode)  # type: ignore[call-overload]
    return np.asarray(q).astype(x.dtype, copy=False), np.asarray(r).astype(x.dtype, copy=False)


def _svd_shapes(x: Shape, *, full_matrices: bool) -> list[Shape]:
    rows, columns = need_matrix("svd", x)[-2:]
    inner = min(rows, columns)
    left, right = (rows, columns) if full_matrices else (inner, inner)
    return [(*x[:-2], rows, left), (*x[:-2], inner), (*x[:-2], right, columns)]


def _pull_svd(g: Any, y: Any, x_shape: Shape, full_matrices: bool) -> Any:
    (gu, gs, gvh), (u, s, vh) = g, y
    rows, columns = x_shape[-2:]
    if full_matrices and rows != columns:
        raise NoGradientError(
            "svd: full_matrices=True has no gradient, because the extra vectors are arbitrary",
            fix="use full_matrices=False",
        )
    gaps = _gaps(multiply(s, s))
    ut, v = transposed(u), transposed(vh)
    left, right = matmul(ut, gu), matmul(vh, transposed(gvh))
    spin = multiply(multiply(gaps, subtract(left, transposed(left))), _rows(s))
    turn = multiply(_columns(s), multiply(gaps, subtract(right, transposed(right))))
    pulled = matmul(add(multiply(u, _rows(gs)), matmul(u, add(spin, turn))), vh)
    over = _reciprocal(s)
    if rows > columns:
        outside = subtract(gu, matmul(u, left))
        pulled = add(pulled, matmul(multiply(outside, _rows(over)), vh))
    if columns > rows:
        outside = subtract(gvh, matmul(matmul(gvh, v), vh))
        pulled = add(pulled, matmul(multiply(u, _rows(over)), outside))
    return pulled


@primitive(
    form="opaque",
    shape=_svd_shapes,
    result=lambda x, *, full_matrices: [x, real_part(x), x],
    accepts=INEXACT,
    vjp={"x": _pull_svd},
    samples=[
        *(call(x, full_matrices=False) for x in _ANY),
        call(draw((3, 2), values=_TALL), differentiable=False),
    ],
    errors=[bad((3,), match=r"svd: x \(3,\) is not a matrix")],
)
def svd(x: Array, /, *, full_matrices: bool = True) -> tuple[Array, Array, Array]:
    """x = u diag(s) vh with orthonormal columns in u, rows in vh, and s falling and not negative.

    Args:
        x:             (..., rows, columns).
        full_matrices: complete u and vh to square matrices.

    Returns:
        u:  (..., rows, inner), inner being the smaller of rows and columns, or rows when full.
        s:  (..., inner), real.
        vh: (..., inner, columns), or columns times columns when full.

    Gradient: for full_matrices=False or square matrices, where the singular values are distinct.

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.svd([[0.0, 3.0], [2.0, 0.0]])[1].tolist()
        [3.0, 2.0]

    Source: Townsend 2016, Differentiating the singular value decomposition.
    """

    def run(a: Array) -> Any:
        return np.linalg.svd(a, full_matrices=full_matrices)

    return _kept(x, *attempt("svd", *_FINITE, run, widened(x)))  # type: ignore[return-value]


def _pull_svdvals(g: Any, x: Any) -> Any:
    u, _, vh = svd(x, full_matrices=False)
    return matmul(multiply(u, _rows(g)), vh)


@primitive(
    form="opaque",
    shape=lambda x: (*need_matrix("svdvals", x)[:-2], min(x[-2:])),
    result=real_part,
    accepts=INEXACT,
    vjp={"x": _pull_svdvals},
    samples=[call(x) for x in _ANY],
    errors=[bad((3,), match=r"svdvals: x \(3,\) is not a matrix")],
)
def svdvals(x: Array, /) -> Array:
    """The singular values of each matrix, largest first.

    Args:
        x: (..., rows, columns).

    Returns:
        (..., inner), real; inner is the smaller of rows and columns.

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.svdvals([[0.0, 3.0], [2.0, 0.0]]).tolist()
        [3.0, 2.0]
    """

    def run(a: Array) -> Any:
        return np.linalg.svd(a, compute_uv=False)

    return _kept(x, attempt("svdvals", *_FINITE, run, widened(x)))[0]


def _pull_eigh(g: Any, y: Any) -> Any:
    (values, vectors), (g_values, g_vectors) = y, g
    turn = multiply(_gaps(values), matmul(transposed(vectors), g_vectors))
    inner = add(multiply(vectors, _rows(g_values)), matmul(vectors, turn))
    return _symmetrised(matmul(inner, transposed(vectors)))


@primitive(
    form="opaque",
    shape=lambda x: [need_square("eigh", x)[:-1], x],
    result=lambda x: [real_part(x), x],
    accepts=INEXACT,
    vjp={"x": _pull_eigh},
    samples=[call(x) for x in _SYMMETRIC],
    errors=_not_square("eigh"),
)
def eigh(x: Array, /) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of each Hermitian matrix: x v = v diag(w).

    Args:
        x: (..., size, size); only its Hermitian part is read.

    Returns:
        w: (..., size), real, rising.
        v: (..., size, size), orthonormal columns.

    Gradient: where the eigenvalues are distinct.

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.eigh([[2.0, 0.0], [0.0, 1.0]])[0].tolist()
        [1.0, 2.0]

    Source: Giles 2008, An extended collection of matrix derivative results, section 3.1.
    """
    values, vectors = _kept(x, *attempt("eigh", *_FINITE, np.linalg.eigh, _symmetric(x)))
    return values, vectors


def _pull_eigvalsh(g: Any, x: Any) -> Any:
    vectors = eigh(x)[1]
    return matmul(multiply(vectors, _rows(g)), transposed(vectors))


@primitive(
    form="opaque",
    shape=lambda x: need_square("eigvalsh", x)[:-1],
    result=real_part,
    accepts=INEXACT,
    vjp={"x": _pull_eigvalsh},
    samples=[call(x) for x in _SYMMETRIC],
    errors=_not_square("eigvalsh"),
)
def eigvalsh(x: Array, /) -> Array:
    """The eigenvalues of each Hermitian matrix, smallest first.

    Args:
        x: (..., size, size); only its Hermitian part is read.

    Returns:
        (..., size), real.

    Example:
        >>> import retroprop as rp
        >>> rp.linalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]]).tolist()
        [1.0, 2.0]
    """
    return _kept(x, attempt("eigvalsh", *_FINITE, np.linalg.eigvalsh, _symmetric(x)))[0]
