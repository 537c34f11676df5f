"""Maxima put back to where max pooling found them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import IndexRangeError
from retroprop.nn.functional._checks import is_known
from retroprop.nn.functional.conv import batched, per_axis
from retroprop.ops.maxpool import unpool
from retroprop.ops.movement import reshape
from retroprop.shapes import size

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d", "max_unpool_nd"]

Sizes = int | Sequence[int]


def max_unpool_nd(
    count: int,
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima put back to where they were, zeros elsewhere, over `count` spatial axes."""
    given, name = asarray(input), f"max_unpool{count}d"
    x, index = batched(name, given, count), batched(name, asarray(indices), count)
    window = per_axis(kernel_size, count, f"{name}: kernel_size")
    steps = window if stride is None else per_axis(stride, count, f"{name}: stride")
    border = per_axis(padding, count, f"{name}: padding")
    if output_size is None:
        how = zip(x.shape[2:], window, steps, border, strict=True)
        spatial = tuple((n - 1) * s - 2 * p + w for n, w, s, p in how)
    else:
        spatial = tuple(output_size)[-count:]
    if is_known(index) and index.size and index.numpy().max() >= size(spatial):
        raise IndexRangeError(
            f"{name}: index {index.numpy().max()} is outside an output of {spatial}",
            fix="give output_size, the shape of what was pooled",
        )
    y: Tensor = unpool(x, index, spatial=spatial, overlap=False)
    return y if given.ndim == x.ndim else reshape(y, y.shape[1:])


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima put back to where `max_pool1d` found them, zeros elsewhere; see `max_unpool2d`.

    Example:
        >>> from retroprop.nn import functional as F
        >>> y, index = F.max_pool1d(asarray([[[1.0, 3.0, 2.0, 0.0]]]), 2, return_indices=True)
        >>> max_unpool1d(y, index, 2).tolist()
        [[[0.0, 3.0, 2.0, 0.0]]]
    """
    return max_unpool_nd(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima put back to where `max_pool2d` found them, zeros elsewhere.

    Args:
        input:       what `max_pool2d` returned, or something of that shape.
        indices:     the positions it returned; where two windows share one, the last stays.
        kernel_size, stride, padding: as they were given to `max_pool2d`.
        output_size: shape of the result (spatial sizes or the whole), where these leave it open.

    Example:
        >>> import retroprop as rp
        >>> from retroprop.nn import functional as F
        >>> y, index = F.max_pool2d(rp.ones((1, 1, 4, 4)), 2, return_indices=True)
        >>> max_unpool2d(y, index, 2).shape
        (1, 1, 4, 4)
    """
    return max_unpool_nd(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima put back to where `max_pool3d` found them, zeros elsewhere; see `max_unpool2d`.

    Example:
        >>> import retroprop as rp
        >>> from retroprop.nn import functional as F
        >>> y, index = F.max_pool3d(rp.ones((1, 1, 2, 2, 2)), 2, return_indices=True)
        >>> max_unpool3d(y, index, 2).shape
        (1, 1, 2, 2, 2)
    """
    return max_unpool_nd(3, input, indices, kernel_size, stride, padding, output_size)
