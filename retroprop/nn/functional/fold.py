"""Sliding blocks as columns, and columns added back: convolution with windows that copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError
from retroprop.nn.functional.conv import batched, conv_nd, per_axis
from retroprop.ops.convolution import conv_transpose
from retroprop.ops.movement import reshape
from retroprop.shapes import size, window_output

__all__ = ["fold", "unfold"]

Sizes = int | Sequence[int]
Shape = tuple[int, ...]


def _one_hot_window(channels: int, window: Shape, dtype: Any) -> Tensor:
    """Weights of a grouped convolution that copy each element of the window to a channel."""
    count = size(window)
    return Tensor(np.tile(np.eye(count, dtype=dtype), (channels, 1)).reshape(-1, 1, *window))


def unfold(
    input: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:
    """What each position of a sliding window sees, as columns.

    Args:
        input: (batch, channels, height, width), or one sample without batch axis.

    Returns:
        (batch, channels x window elements, positions).

    Example:
        >>> import retroprop as rp
        >>> unfold(rp.ones((1, 3, 4, 4)), 2).shape
        (1, 12, 9)
    """
    given = asarray(input)
    x = batched("unfold", given, 2)
    window = per_axis(kernel_size, 2, "unfold: kernel_size")
    w = _one_hot_window(x.shape[1], window, x.dtype)
    y = conv_nd("unfold", x, w, None, stride, padding, dilation, x.shape[1])
    columns: Tensor = reshape(y, (*y.shape[:2], size(y.shape[2:])))
    return reshape(columns, columns.shape[1:]) if given.ndim == 3 else columns


def fold(
    input: Any,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Columns added back to where `unfold` read them: its adjoint.

    Args:
        input:       (batch, channels x window elements, positions), or without batch axis.
        output_size: height and width of the result.

    Returns:
        (batch, channels, height, width).

    Example:
        >>> import retroprop as rp
        >>> fold(rp.ones((1, 12, 9)), 4, 2).shape
        (1, 3, 4, 4)
    """
    given = asarray(input)
    x = given if given.ndim == 3 else reshape(given, (1, *given.shape))
    output = per_axis(output_size, 2, "fold: output_size")
    window, stride, padding, dilation = (
        per_axis(value, 2, f"fold: {what}")
        for value, what in (
            (kernel_size, "kernel_size"),
            (stride, "stride"),
            (padding, "padding"),
            (dilation, "dilation"),
        )
    )
    how = zip(output, window, stride, padding, dilation, strict=True)
    positions = tuple(window_output(n, w, s, 2 * p, d) for n, w, s, p, d in how)
    if x.ndim != 3 or x.shape[1] % size(window) or x.shape[2] != size(positions):
        raise ShapeError(
            f"fold: {given.shape} is no (batch, channels x {size(window)}, {size(positions)})",
            fix=f"a window of {window} takes {positions} positions in {output}",
        )
    channels = x.shape[1] // size(window)
    y: Tensor = conv_transpose(
        reshape(x, (*x.shape[:2], *positions)),
        _one_hot_window(channels, window, x.dtype),
        stride=stride,
        padding=tuple((p, p) for p in padding),
        dilation=dilation,
        groups=channels,
        output=output,
    )
    return reshape(y, y.shape[1:]) if given.ndim == 2 else y
