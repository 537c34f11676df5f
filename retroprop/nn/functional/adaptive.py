"""Pooling to a given size, over windows that cover the input evenly.

Window i of m over n elements runs from floor(i n / m) to ceil((i + 1) n / m).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.array.creation import asarray
from retroprop.array.manipulation import moveaxis
from retroprop.array.statistics import mean
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.nn.functional.conv import batched
from retroprop.ops.linalg import matmul
from retroprop.ops.maxpool import adaptive_max_pool
from retroprop.ops.movement import reshape
from retroprop.ops.pooling import sum_pool
from retroprop.shapes import size

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_avg_pool_nd",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "adaptive_max_pool_nd",
]

Shape = tuple[int, ...]
Output = int | Sequence[int | None]


def _output(name: str, given: Any, spatial: Shape) -> Shape:
    """The spatial sizes of the result; None keeps a size."""
    count = len(spatial)
    wanted = (given,) * count if hasattr(given, "__index__") or given is None else tuple(given)
    if len(wanted) == 1:
        wanted *= count
    if len(wanted) != count:
        raise ArgumentError(f"{name}: output_size {given!r} for {count} spatial axes")
    sizes = tuple(n if m is None else m.__index__() for m, n in zip(wanted, spatial, strict=True))
    if any(m < 1 for m in sizes):
        raise ArgumentError(f"{name}: output_size {given!r} must be positive")
    return sizes


def adaptive_max_pool_nd(
    count: int, input: Any, output_size: Any, return_indices: bool = False
) -> Any:
    """The largest element of each window over `count` spatial axes; see `adaptive_max_pool2d`."""
    given, name = asarray(input), f"adaptive_max_pool{count}d"
    x = batched(name, given, count)
    made = adaptive_max_pool(x, output=_output(name, output_size, x.shape[2:]))
    y, index = made if given.ndim == x.ndim else (reshape(one, one.shape[1:]) for one in made)
    return (y, index) if return_indices else y


def adaptive_max_pool1d(input: Any, output_size: Output, return_indices: bool = False) -> Any:
    """The largest element of each of `output_size` windows; see `adaptive_max_pool2d`.

    Example:
        >>> adaptive_max_pool1d(asarray([[[1.0, 3.0, 2.0]]]), 2).tolist()
        [[[3.0, 3.0]]]
    """
    return adaptive_max_pool_nd(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: Output, return_indices: bool = False) -> Any:
    """The largest element of each window, whatever the height and width of the input.

    Args:
        input:          (batch, channels, height, width), or one sample without batch axis.
        output_size:    height and width of the result; None keeps one, a number is for both.
        return_indices: True also returns the flat spatial positions of the maxima.

    Example:
        >>> import retroprop as rp
        >>> adaptive_max_pool2d(rp.ones((1, 8, 10, 9)), (5, None)).shape
        (1, 8, 5, 9)
    """
    return adaptive_max_pool_nd(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: Output, return_indices: bool = False) -> Any:
    """The largest element of each window over three spatial axes; see `adaptive_max_pool2d`.

    Example:
        >>> import retroprop as rp
        >>> adaptive_max_pool3d(rp.ones((1, 2, 5, 4, 3)), 2).shape
        (1, 2, 2, 2, 2)
    """
    return adaptive_max_pool_nd(3, input, output_size, return_indices)


def adaptive_avg_pool_nd(count: int, input: Any, output_size: Any) -> Tensor:
    """The mean of each window over `count` spatial axes; see `adaptive_avg_pool2d`."""
    given, name = asarray(input), f"adaptive_avg_pool{count}d"
    x = batched(name, given, count)
    spatial = x.shape[2:]
    output = _output(name, output_size, spatial)
    if all(m == 1 for m in output):
        y = mean(x, axis=tuple(range(2, x.ndim)), keepdims=True)
    elif all(n and n % m == 0 for n, m in zip(spatial, output, strict=True)):
        window = tuple(n // m for n, m in zip(spatial, output, strict=True))
        how = {"padding": ((0, 0),) * count, "dilation": (1,) * count}
        y = sum_pool(x, window=window, stride=window, **how) / size(window)
    else:
        y = x
        for axis, (n, m) in enumerate(zip(spatial, output, strict=True), 2):
            if n != m:
                averages = Tensor(_averages(n, m, x.dtype))
                y = moveaxis(matmul(moveaxis(y, axis, -1), averages), -1, axis)
    return y if given.ndim == x.ndim else reshape(y, y.shape[1:])


@functools.lru_cache(maxsize=256)
def _averages(length: int, output: int, dtype: Any) -> np.ndarray[Any, Any]:
    """The matrix (length, output) that averages each window along an axis."""
    steps = np.arange(output)
    start, stop = steps * length // output, -(-(steps + 1) * length // output)
    place = np.arange(length)[:, None]
    return (((start <= place) & (place < stop)) / (stop - start)).astype(dtype)


def adaptive_avg_pool1d(input: Any, output_size: Output) -> Tensor:
    """The mean of each of `output_size` windows; see `adaptive_avg_pool2d`.

    Example:
        >>> adaptive_avg_pool1d(asarray([[[1.0, 3.0, 2.0]]]), 2).tolist()
        [[[2.0, 2.5]]]
    """
    return adaptive_avg_pool_nd(1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Output) -> Tensor:
    """The mean of each window, whatever the height and width of the input.

    Args:
        input:       (batch, channels, height, width), or one sample without batch axis.
        output_size: height and width of the result; None keeps one, a number is for both.

    Example:
        >>> import retroprop as rp
        >>> adaptive_avg_pool2d(rp.ones((1, 8, 10, 9)), 1).shape
        (1, 8, 1, 1)
    """
    return adaptive_avg_pool_nd(2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Output) -> Tensor:
    """The mean of each window over three spatial axes; see `adaptive_avg_pool2d`.

    Example:
        >>> import retroprop as rp
        >>> adaptive_avg_pool3d(rp.ones((1, 2, 5, 4, 3)), 2).shape
        (1, 2, 2, 2, 2)
    """
    return adaptive_avg_pool_nd(3, input, output_size)
