"""Windows that slide over spatial axes: what convolution and pooling have in common.

An element of a window is named by its offset inside the window. What all windows see at one offset
is a strided slice of the padded input, so every op is a short loop over offsets, none over pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from retroprop import shapes
from retroprop.errors import ArgumentError, ShapeError

__all__ = ["Pairs", "axis_names", "check_window", "offsets", "pad_spatial", "padded_sizes", "slide"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Pairs = Sequence[tuple[int, int]]

_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def axis_names(count: int) -> tuple[str, ...]:
    """What the spatial axes are called in messages.

    Example:
        >>> axis_names(2)
        ('height', 'width')
    """
    return _NAMES.get(count) or tuple(f"spatial axis {i}" for i in range(count))


def check_window(
    op: str, window: Sequence[int], stride: Sequence[int], padding: Pairs, dilation: Sequence[int]
) -> None:
    """Raise where a window's numbers do not describe one.

    Raises:
        ArgumentError: "conv: stride has 1 number for 2 spatial axes".
    """
    given = {"window": window, "stride": stride, "dilation": dilation}
    for name, numbers in [*given.items(), ("padding", padding)]:
        if len(numbers) != len(window):
            one = "pair" if name == "padding" else "number"
            raise ArgumentError(
                f"{op}: {name} has {len(numbers)} {one}{'s' * (len(numbers) != 1)} for "
                f"{len(window)} spatial ax{'e' if len(window) != 1 else 'i'}s",
                fix="give one for each spatial axis",
            )
    for name, numbers in given.items():
        for number in numbers:
            if number < 1:
                raise ArgumentError(f"{op}: {name} {number} is not positive")
    for before, after in padding:
        if before < 0 or after < 0:
            raise ArgumentError(f"{op}: padding {(before, after)} is negative", fix="slice to crop")


def slide(
    op: str,
    sizes: Shape,
    window: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> Shape:
    """How many positions the window takes along each spatial axis.

    Raises:
        ShapeError: "conv: height has 3 elements (padding included), the window reaches over 5".

    Example:
        >>> slide("conv", (28, 28), (3, 3), (2, 2), [(1, 1), (1, 1)], (1, 1))
        (14, 14)
    """
    check_window(op, window, stride, padding, dilation)
    result = []
    for axis, (n, w, s, (low, high), d) in enumerate(
        zip(sizes, window, stride, padding, dilation, strict=True)
    ):
        count = shapes.window_output(n, w, s, low + high, d)
        if count < 1:
            raise ShapeError(
                f"{op}: {axis_names(len(sizes))[axis]} has {n + low + high} elements "
                f"(padding included), the window reaches over {d * (w - 1) + 1}",
                fix="use a smaller window, less dilation or more padding",
            )
        result.append(count)
    return tuple(result)


def padded_sizes(sizes: Shape, padding: Pairs) -> Shape:
    """The spatial sizes with their padding."""
    return tuple(n + low + high for n, (low, high) in zip(sizes, padding, strict=True))


def pad_spatial(x: Array, padding: Pairs, value: Any = 0) -> Array:
    """x (batch, channels, *spatial) with a border of a constant; x itself when there is none."""
    if not any(low or high for low, high in padding):
        return x
    sizes = x.shape[2:]
    y = np.full((*x.shape[:2], *padded_sizes(sizes, padding)), value, x.dtype)
    inside = (slice(low, low + n) for n, (low, _) in zip(sizes, padding, strict=True))
    y[(slice(None), slice(None), *inside)] = x
    return y


def offsets(
    window: Sequence[int], stride: Sequence[int], dilation: Sequence[int], count: Shape
) -> Iterator[tuple[Shape, Any]]:
    """Each offset in the window, in row-major order, and the slices of the padded axes it sees.

    Example:
        >>> [key for _, key in offsets((2,), (2,), (1,), (3,))]
        [(slice(0, 5, 2),), (slice(1, 6, 2),)]
    """
    for offset in itertools.product(*map(range, window)):
        starts = (o * d for o, d in zip(offset, dilation, strict=True))
        yield (
            offset,
            tuple(
                slice(start, start + s * (n - 1) + 1, s)
                for start, s, n in zip(starts, stride, count, strict=True)
            ),
        )
