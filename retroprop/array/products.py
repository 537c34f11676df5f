"""Products of vectors, matrices and tensors, made of the matrix product and elementwise ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop import dtypes, ops, shapes
from retroprop.array.creation import asarray, eye
from retroprop.array.manipulation import roll
from retroprop.array.statistics import sum
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError

__all__ = [
    "cross",
    "diagonal",
    "kron",
    "matrix_power",
    "matrix_transpose",
    "outer",
    "tensordot",
    "trace",
    "vecdot",
]

Shape = tuple[int, ...]


def outer(x: Any, z: Any, /) -> Tensor:
    """All products of the elements of two vectors: y[i, j] = x[i] z[j].

    Example:
        >>> outer([1.0, 2.0], [3.0, 4.0]).tolist()
        [[3.0, 4.0], [6.0, 8.0]]
    """
    x, z = asarray(x), asarray(z)
    if x.ndim != 1 or z.ndim != 1:
        raise ShapeError(f"outer: needs two vectors, got shapes {x.shape} and {z.shape}")
    y: Tensor = x.reshape((-1, 1)) * z if x.size else ops.multiply(x.reshape((0, 1)), z)
    return y


def vecdot(x: Any, z: Any, /, *, axis: int = -1) -> Tensor:
    """The sum of conj(x) z along an axis that both have; the other axes broadcast.

    Args:
        axis: counted from the right: -1 is the last axis of both.

    Example:
        >>> vecdot([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0]).tolist()
        [12.0, 34.0]
    """
    x, z = asarray(x), asarray(z)
    if axis >= 0:
        axis -= max(x.ndim, z.ndim)
    for tensor in (x, z):
        shapes.normalise_axis(axis, tensor.ndim, "vecdot")
    if x.shape[axis] != z.shape[axis]:
        raise ShapeError(
            f"vecdot: x {x.shape} and z {z.shape} differ along axis {axis}: "
            f"{x.shape[axis]} and {z.shape[axis]} elements"
        )
    first = ops.conj(x) if dtypes.is_complex(x.dtype) else x
    return sum(first * z, axis=axis)


def tensordot(x: Any, z: Any, /, *, axes: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """The sum of products over pairs of axes.

    Args:
        axes: how many axes are summed, the last ones of x with the first ones of z; or two lists
              of axes, of x and of z, that are summed in pairs.

    Returns:
        The remaining axes of x, then those of z.

    Raises:
        ShapeError: "tensordot: axis 1 of x (2, 3) has 3 elements, axis 0 of z (4, 5) has 4".

    Example:
        >>> tensordot([[1.0, 2.0]], [[3.0], [4.0]], axes=1).tolist()
        [[11.0]]
    """
    x, z = asarray(x), asarray(z)
    of_x, of_z = _paired_axes(axes, x.shape, z.shape)
    keep_x = tuple(i for i in range(x.ndim) if i not in of_x)
    keep_z = tuple(i for i in range(z.ndim) if i not in of_z)
    inner = shapes.size(tuple(x.shape[i] for i in of_x))
    rest_x, rest_z = (tuple(t.shape[i] for i in k) for t, k in ((x, keep_x), (z, keep_z)))
    rows = ops.permute_dims(x, (*keep_x, *of_x)).reshape((shapes.size(rest_x), inner))
    columns = ops.permute_dims(z, (*of_z, *keep_z)).reshape((inner, shapes.size(rest_z)))
    y: Tensor = ops.matmul(rows, columns).reshape((*rest_x, *rest_z))
    return y


def _paired_axes(axes: Any, x: Shape, z: Shape) -> tuple[Shape, Shape]:
    if isinstance(axes, int):
        if not 0 <= axes <= min(len(x), len(z)):
            raise ArgumentError(f"tensordot: {axes} axes cannot be summed of shapes {x} and {z}")
        of_x, of_z = tuple(range(len(x) - axes, len(x))), tuple(range(axes))
    else:
        given_x, given_z = axes
        of_x = shapes.normalise_axes(tuple(given_x), len(x), "tensordot")
        of_z = shapes.normalise_axes(tuple(given_z), len(z), "tensordot")
    if len(of_x) != len(of_z):
        raise ArgumentError(f"tensordot: {len(of_x)} axes of x for {len(of_z)} of z")
    for i, j in zip(of_x, of_z, strict=True):
        if x[i] != z[j]:
            raise ShapeError(
                f"tensordot: axis {i} of x {x} has {x[i]} elements, axis {j} of z {z} has {z[j]}"
            )
    return of_x, of_z


def matrix_transpose(x: Any, /) -> Tensor:
    """The last two axes swapped, as `x.mT`.

    Example:
        >>> matrix_transpose([[1.0, 2.0]]).shape
        (2, 1)
    """
    return asarray(x).mT


def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonal of each matrix: y[..., i] = x[..., i, i + offset].

    Args:
        x:      (..., rows, columns).
        offset: above the main diagonal when positive, below it when negative.

    Example:
        >>> diagonal([[1.0, 2.0], [3.0, 4.0]]).tolist()
        [1.0, 4.0]
    """
    x = asarray(x)
    rows, columns = _matrix("diagonal", x)
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    start = offset if offset >= 0 else -offset * columns
    stop = start + (length - 1) * (columns + 1) + 1 if length else start
    flat = x.reshape((*x.shape[:-2], rows * columns))
    key = (*(slice(None),) * (x.ndim - 2), slice(start, stop, columns + 1))
    y: Tensor = ops.take_slice(flat, key=key)
    return y


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of the diagonal of each matrix.

    Example:
        >>> trace([[1.0, 2.0], [3.0, 4.0]]).item()
        5.0
    """
    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def cross(x: Any, z: Any, /, *, axis: int = -1) -> Tensor:
    """The vector product of three-dimensional vectors along an axis; the other axes broadcast.

    Example:
        >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).tolist()
        [0.0, 0.0, 1.0]
    """
    x, z = asarray(x), asarray(z)
    if axis >= 0:
        axis -= max(x.ndim, z.ndim)
    for tensor in (x, z):
        if tensor.shape[shapes.normalise_axis(axis, tensor.ndim, "cross")] != 3:
            raise ShapeError(
                f"cross: shapes {x.shape} and {z.shape} must both have 3 elements along axis {axis}"
            )

    def turned(a: Tensor, by: int) -> Tensor:
        return roll(a, -by, axis=axis)

    return turned(x, 1) * turned(z, 2) - turned(x, 2) * turned(z, 1)


def kron(x: Any, z: Any, /) -> Tensor:
    """The Kronecker product: each element of x times the whole of z.

    Example:
        >>> kron([1.0, 2.0], [1.0, 10.0]).tolist()
        [1.0, 10.0, 2.0, 20.0]
    """
    x, z = asarray(x), asarray(z)
    ndim = max(x.ndim, z.ndim)
    of_x = (1,) * (ndim - x.ndim) + x.shape
    of_z = (1,) * (ndim - z.ndim) + z.shape
    x = x.reshape(tuple(n for size in of_x for n in (size, 1)))
    z = z.reshape(tuple(n for size in of_z for n in (1, size)))
    y: Tensor = (x * z).reshape(tuple(n * m for n, m in zip(of_x, of_z, strict=True)))
    return y


def matrix_power(x: Any, n: int, /) -> Tensor:
    """x multiplied n times with itself; the inverse is for negative n, the identity for 0.

    Example:
        >>> matrix_power([[1.0, 1.0], [0.0, 1.0]], 5).tolist()
        [[1.0, 5.0], [0.0, 1.0]]
    """
    x = asarray(x)
    rows, columns = _matrix("matrix_power", x)
    if rows != columns:
        raise ShapeError(f"matrix_power: x {x.shape} is not square")
    if n == 0:
        one: Tensor = ops.broadcast_to(eye(rows, dtype=x.dtype), x.shape)
        return one
    square: Tensor = ops.inv(x) if n < 0 else x
    power: Tensor | None = None
    left = abs(n)
    while left:
        if left & 1:
            power = square if power is None else power @ square
        left >>= 1
        square = square @ square if left else square
    assert power is not None
    return power


def _matrix(op: str, x: Tensor) -> tuple[int, int]:
    """Rows and columns."""
    if x.ndim < 2:
        raise ShapeError(f"{op}: x {x.shape} is not a matrix", fix="it needs two axes or more")
    return x.shape[-2], x.shape[-1]
