"""Linear algebra: `rp.linalg`, the extension of the Array API standard 2024.12.

Matrices are the last two axes; all axes in front are a batch. Gradients are for real numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from retroprop import ops
from retroprop.array.creation import asarray
from retroprop.array.norms import matrix_norm, matrix_rank, vector_norm
from retroprop.array.products import (
    cross,
    diagonal,
    kron,
    matrix_power,
    matrix_transpose,
    outer,
    tensordot,
    trace,
    vecdot,
)
from retroprop.core.faces import cholesky, det, eigvalsh, inv, matmul, solve, svdvals
from retroprop.core.tensor import Tensor

__all__ = [
    "EighResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "kron",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


class QRResult(NamedTuple):
    """What `qr` gives: x = Q R."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What `svd` gives: x = U diag(S) Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class EighResult(NamedTuple):
    """What `eigh` gives: x V = V diag(w)."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SlogdetResult(NamedTuple):
    """What `slogdet` gives: det(x) = sign exp(logabsdet)."""

    sign: Tensor
    logabsdet: Tensor


def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    """x = Q R with orthonormal columns in Q and an upper triangle R.

    Args:
        x:    (..., rows, columns).
        mode: "reduced" gives Q as many columns as the smaller side has, "complete" as many as rows.

    Example:
        >>> Q, R = qr([[3.0, 1.0], [4.0, 2.0]])
        >>> (Q @ R).numpy().round(5).tolist()
        [[3.0, 1.0], [4.0, 2.0]]
    """
    return QRResult(*ops.qr(asarray(x), mode=mode))


def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """x = U diag(S) Vh with orthonormal columns in U and rows in Vh; S falls and is not negative.

    Args:
        x:             (..., rows, columns).
        full_matrices: complete U and Vh to square matrices; these have no gradient.

    Example:
        >>> svd([[0.0, 3.0], [2.0, 0.0]]).S.tolist()
        [3.0, 2.0]
    """
    return SVDResult(*ops.svd(asarray(x), full_matrices=full_matrices))


def eigh(x: Any, /) -> EighResult:
    """Eigenvalues, rising, and eigenvectors, in columns, of Hermitian matrices.

    Args:
        x: (..., size, size); only its Hermitian part is read.

    Example:
        >>> eigh([[2.0, 0.0], [0.0, 1.0]]).eigenvalues.tolist()
        [1.0, 2.0]
    """
    return EighResult(*ops.eigh(asarray(x)))


def slogdet(x: Any, /) -> SlogdetResult:
    """Sign and logarithm of the magnitude of determinants, which neither over- nor underflow.

    Example:
        >>> slogdet([[-1.0, 0.0], [0.0, 1.0]]).sign.item()
        -1.0
    """
    return SlogdetResult(*ops.slogdet(asarray(x)))


def pinv(x: Any, /, *, rtol: Any = None) -> Tensor:
    """The Moore-Penrose pseudo-inverse: the least-squares solution of x y = 1 of smallest norm.

    Args:
        x:    (..., rows, columns).
        rtol: singular values below rtol times the largest count as zero; a number, or a tensor
              (...). By default the larger of rows and columns, times the spacing of numbers near 1.

    Returns:
        (..., columns, rows).

    Example:
        >>> pinv([[2.0], [0.0]]).numpy().round(6).tolist()
        [[0.5, 0.0]]
    """
    x = asarray(x)
    if rtol is None or isinstance(rtol, int | float):
        y: Tensor = ops.pinv(x, rtol=rtol)
        return y
    rtol = asarray(rtol)
    parts = svd(x, full_matrices=False)
    cut = ops.max(parts.S, axis=-1, keepdims=True) * rtol.reshape((*rtol.shape, 1))
    large = ops.greater(parts.S, cut)
    over = ops.where(large, 1.0 / ops.where(large, parts.S, 1.0), 0.0)
    scaled = parts.Vh.mT * over.reshape((*over.shape[:-1], 1, over.shape[-1]))
    inverse: Tensor = ops.matmul(scaled, parts.U.mT)
    return inverse
