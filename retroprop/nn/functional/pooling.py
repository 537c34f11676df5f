"""Pooling over sliding windows: maxima and means."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.array.creation import asarray
from retroprop.array.statistics import mean
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.nn.functional.conv import batched, per_axis
from retroprop.ops.maxpool import max_pool
from retroprop.ops.movement import reshape
from retroprop.ops.pooling import need_spatial, sum_pool
from retroprop.ops.reduction import max

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "avg_pool_nd",
    "global_avg_pool",
    "global_max_pool",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_pool_nd",
]

Sizes = int | Sequence[int]
Shape = tuple[int, ...]


def _windows(
    name: str,
    spatial: Shape,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> dict[str, Any]:
    """The attributes of a pooling op; `ceil_mode` pads the end so that the last window fits."""
    count = len(spatial)
    window = per_axis(kernel_size, count, f"{name}: kernel_size")
    steps = window if stride is None or stride == () else per_axis(stride, count, f"{name}: stride")
    border = per_axis(padding, count, f"{name}: padding")
    gaps = per_axis(dilation, count, f"{name}: dilation")
    pairs = []
    for n, w, s, p, d in zip(spatial, window, steps, border, gaps, strict=True):
        reach = d * (w - 1) + 1
        if s < 1 or not 0 <= 2 * p <= w:
            raise ArgumentError(
                f"{name}: stride {s} or padding {p} does not suit a window of {w}",
                fix="the stride is positive, the padding at most half of the window",
            )
        after = p
        if ceil_mode:
            positions = -(-(n + 2 * p - reach) // s) + 1
            positions -= (positions - 1) * s >= n + p  # the last one would start beyond the input
            after = builtins.max(p, (positions - 1) * s + reach - n - p)
        pairs.append((p, after))
    return {"window": window, "stride": steps, "padding": tuple(pairs), "dilation": gaps}


def _single(y: Tensor, given: Tensor, x: Tensor) -> Tensor:
    """y without the batch axis that a single sample did not have."""
    return y if given.ndim == x.ndim else reshape(y, y.shape[1:])


def max_pool_nd(
    count: int,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window over `count` spatial axes; see `max_pool2d`."""
    given = asarray(input)
    name = f"max_pool{count}d"
    x = batched(name, given, count)
    how = _windows(name, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    y, index = max_pool(x, **how)
    y = _single(y, given, x)
    return (y, _single(index, given, x)) if return_indices else y


def max_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window over one spatial axis; see `max_pool2d`.

    Example:
        >>> max_pool1d(asarray([[[1.0, 3.0, 2.0, 0.0]]]), 2).tolist()
        [[[3.0, 2.0]]]
    """
    how = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pool_nd(1, input, *how)


def max_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window over height and width.

    Args:
        input:          (batch, channels, height, width), or one sample without batch axis.
        kernel_size:    size of the window.
        stride:         step of the window; its size if None.
        padding:        elements on each side that never win; at most half of the window.
        dilation:       distance between the elements of the window.
        ceil_mode:      True also takes windows that reach beyond the end.
        return_indices: True also returns the flat spatial positions of the maxima.

    Example:
        >>> import retroprop as rp
        >>> max_pool2d(rp.ones((1, 3, 28, 28)), 2).shape
        (1, 3, 14, 14)
    """
    how = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pool_nd(2, input, *how)


def max_pool3d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window over depth, height and width; see `max_pool2d`.

    Example:
        >>> import retroprop as rp
        >>> max_pool3d(rp.ones((1, 2, 4, 4, 4)), 2).shape
        (1, 2, 2, 2, 2)
    """
    how = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pool_nd(3, input, *how)


def avg_pool_nd(
    count: int,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window over `count` spatial axes; see `avg_pool2d`."""
    given = asarray(input)
    name = f"avg_pool{count}d"
    x = batched(name, given, count)
    how = _windows(name, x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    total = sum_pool(x, **how)
    if divisor_override is not None:
        if divisor_override == 0:
            raise ArgumentError(f"{name}: divisor_override must not be 0")
        divisor: Any = divisor_override
    else:
        border = tuple(before for before, _ in how["padding"])
        sizes = (x.shape[2:], total.shape[2:], how["window"], how["stride"], border)
        divisor = _divisor(*sizes, count_include_pad, x.dtype)
    return _single(total / divisor, given, x)


@functools.lru_cache(maxsize=256)
def _divisor(
    spatial: Shape,
    positions: Shape,
    window: Shape,
    stride: Shape,
    border: Shape,
    with_padding: bool,
    dtype: Any,
) -> Any:
    """How many elements each window counts: one number if it is the same for all."""
    counts = np.ones((), dtype)
    for n, m, w, s, p in zip(spatial, positions, window, stride, border, strict=True):
        start = np.arange(m) * s - p
        stop = np.minimum(start + w, n + p)
        if not with_padding:
            start, stop = np.maximum(start, 0), np.minimum(stop, n)
        counts = np.multiply.outer(counts, stop - start)
    same = counts.size and (counts == counts.flat[0]).all()
    return int(counts.flat[0]) if same else Tensor(counts.astype(dtype))


def avg_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window over one spatial axis; see `avg_pool2d`.

    Example:
        >>> avg_pool1d(asarray([[[1.0, 3.0, 2.0, 0.0]]]), 2).tolist()
        [[[2.0, 1.0]]]
    """
    return avg_pool_nd(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window over height and width.

    Args:
        input:             (batch, channels, height, width), or one sample without batch axis.
        kernel_size:       size of the window.
        stride:            step of the window; its size if None.
        padding:           zeros on each side; at most half of the window.
        ceil_mode:         True also takes windows that reach beyond the end.
        count_include_pad: whether the zeros of the padding count as elements.
        divisor_override:  divides the sums instead of the number of elements.

    Example:
        >>> import retroprop as rp
        >>> avg_pool2d(rp.ones((1, 1, 2, 2)), 2).tolist()
        [[[[1.0]]]]
    """
    how = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return avg_pool_nd(2, input, *how)


def avg_pool3d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window over depth, height and width; see `avg_pool2d`.

    Example:
        >>> import retroprop as rp
        >>> avg_pool3d(rp.ones((1, 2, 4, 4, 4)), 2).shape
        (1, 2, 2, 2, 2)
    """
    how = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return avg_pool_nd(3, input, *how)


def global_avg_pool(input: Any) -> Tensor:
    """The mean over all spatial axes: (batch, channels, *spatial) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> global_avg_pool(rp.ones((2, 3, 4, 4))).shape
        (2, 3)
    """
    x = asarray(input)
    need_spatial("global_avg_pool", x.shape)
    return mean(x, axis=tuple(range(2, x.ndim)))


def global_max_pool(input: Any) -> Tensor:
    """The maximum over all spatial axes: (batch, channels, *spatial) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> global_max_pool(rp.ones((2, 3, 4, 4))).shape
        (2, 3)
    """
    x = asarray(input)
    need_spatial("global_max_pool", x.shape)
    y: Tensor = max(x, axis=tuple(range(2, x.ndim)))
    return y
