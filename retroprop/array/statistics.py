"""Statistics over axes: sums in a chosen dtype, means, variances, running sums, differences."""

from __future__ import annotations

from typing import Any

from retroprop import dtypes, ops, shapes
from retroprop.array.creation import asarray
from retroprop.array.manipulation import concat
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import DTypeError

__all__ = [
    "clip",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "mean",
    "prod",
    "std",
    "sum",
    "var",
]

Axes = shapes.Axes


def sum(x: Any, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over axes (all by default); small integers are summed in int64.

    Args:
        x:        tensor.
        axis:     axis or axes to sum over.
        dtype:    type to sum in.
        keepdims: keep the reduced axes with size 1.

    Example:
        >>> sum(asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0)
        tensor([4., 6.])
    """
    x = asarray(x) if dtype is None else astype(x, dtype)
    return ops.sum(x, axis=axis, keepdims=keepdims)


def prod(x: Any, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Product over axes (all by default); its gradient is exact also where elements are zero.

    Example:
        >>> prod(asarray([1.0, 2.0, 3.0]))
        tensor(6.)
    """
    x = asarray(x) if dtype is None else astype(x, dtype)
    return ops.prod(x, axis=axis, keepdims=keepdims)


def _floating(x: Any, name: str) -> Tensor:
    x = asarray(x)
    if dtypes.is_integer(x.dtype) or x.dtype == dtypes.bool:
        raise DTypeError(
            f"{name}: needs floating numbers, got {x.dtype}", fix="convert: x.astype(rp.float32)"
        )
    return x


def _count(x: Tensor, axis: Axes) -> int:
    return shapes.size(tuple(x.shape[i] for i in shapes.normalise_axes(axis, x.ndim, "mean")))


def mean(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean over axes; NaN over no elements.

    Example:
        >>> mean(asarray([1.0, 2.0, 6.0]))
        tensor(3.)
    """
    x = _floating(x, "mean")
    total = ops.sum(x, axis=axis, keepdims=keepdims)
    count = _count(x, axis)
    return total / count if count else total * float("nan")


def var(x: Any, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Variance over axes: the mean squared distance from the mean.

        y = sum((x - mean(x))^2) / (n - correction)

    Args:
        x:          floating tensor.
        axis:       axis or axes.
        correction: 0 divides by n, 1 by n - 1 (Bessel).

    Example:
        >>> var(asarray([1.0, 3.0])), var(asarray([1.0, 3.0]), correction=1)
        (tensor(1.), tensor(2.))
    """
    x = _floating(x, "var")
    centred = x - mean(x, axis=axis, keepdims=True)
    total = ops.sum(ops.square(centred), axis=axis, keepdims=keepdims)
    count = _count(x, axis) - correction
    return total / count if count > 0 else total * float("nan")


def std(x: Any, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Standard deviation over axes: the square root of `var`.

    Example:
        >>> std(asarray([1.0, 3.0]))
        tensor(1.)
    """
    return ops.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _running(
    op: Any, start: float, x: Any, axis: int | None, dtype: Any, include_initial: bool
) -> Tensor:
    x = asarray(x) if dtype is None else astype(x, dtype)
    if axis is None:
        if x.ndim > 1:
            raise DTypeError(f"{op.name}: name the axis of a tensor with {x.ndim} axes")
        axis = 0
    y = op(x, axis=axis)
    if not include_initial:
        return y
    at = shapes.normalise_axis(axis, x.ndim, op.name)
    first = Tensor([start], y.dtype).reshape((1,) * x.ndim)
    first = ops.broadcast_to(first, (*x.shape[:at], 1, *x.shape[at + 1 :]))
    return concat([first, y], axis=at)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running sum along an axis; with `include_initial` a zero comes first.

    Example:
        >>> cumulative_sum(asarray([1, 2, 3]))
        tensor([1, 3, 6])
    """
    return _running(ops.cumulative_sum, 0, x, axis, dtype, include_initial)


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running product along an axis; with `include_initial` a one comes first.

    Example:
        >>> cumulative_prod(asarray([1, 2, 3]))
        tensor([1, 2, 6])
    """
    return _running(ops.cumulative_prod, 1, x, axis, dtype, include_initial)


def diff(
    x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
) -> Tensor:
    """Differences of neighbours along an axis, n times.

    Example:
        >>> diff(asarray([1, 4, 9]))
        tensor([3, 5])
    """
    parts = [asarray(part) for part in (prepend, x, append) if part is not None]
    y = concat(parts, axis=axis) if len(parts) > 1 else parts[0]
    at = shapes.normalise_axis(axis, y.ndim, "diff")
    every = (slice(None),) * at
    for _ in range(n):
        y = y[(*every, slice(1, None))] - y[(*every, slice(None, -1))]
    return y


def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """x moved into [min, max]; the gradient is 1 inside and at the bounds, 0 outside.

    Args:
        x:        tensor.
        min, max: scalars or tensors that broadcast with x; None is no bound.

    Example:
        >>> clip(asarray([-2.0, 0.5, 9.0]), 0, 1)
        tensor([0. , 0.5, 1. ])
    """
    y = asarray(x)
    if min is not None:
        y = ops.where(ops.less(y, min), min, y)
    if max is not None:
        y = ops.where(ops.greater(y, max), max, y)
    return y
