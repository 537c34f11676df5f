"""Borders around the last axes: constant, mirrored, repeated, wrapped around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray
from retroprop.array.manipulation import concat
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, unknown
from retroprop.ops import movement
from retroprop.ops.movement import flip, take_slice
from retroprop.ops.reduction import broadcast_to

__all__ = ["PAD_MODES", "constant_pad", "pad"]

PAD_MODES = ("circular", "constant", "reflect", "replicate")


def pad(
    input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """x with a border around its last axes.

    Args:
        input: any shape.
        pad:   elements added before and after, the last axis first: (left, right, top, bottom...).
               With mode "constant" negative numbers crop.
        mode:  "constant"; "reflect" mirrors at the border element, which is not repeated;
               "replicate" repeats the border element; "circular" goes on at the other end.
        value: of the border, for mode "constant"; None is 0.

    Example:
        >>> import retroprop as rp
        >>> x = rp.asarray([1.0, 2.0, 3.0])
        >>> pad(x, (1, 2)).tolist(), pad(x, (2, 0), mode="reflect").tolist()
        ([0.0, 1.0, 2.0, 3.0, 0.0, 0.0], [3.0, 2.0, 1.0, 2.0, 3.0])
    """
    x = asarray(input)
    widths = tuple(pad)
    if len(widths) % 2 or len(widths) > 2 * x.ndim:
        raise ArgumentError(
            f"pad: {len(widths)} widths for {x.ndim} axes",
            fix="give (before, after) for each padded axis, the last axis first",
        )
    if mode not in PAD_MODES:
        raise unknown("padding mode", mode, PAD_MODES)
    pairs = [(widths[i], widths[i + 1]) for i in range(len(widths) - 2, -1, -2)]
    if mode == "constant":
        return constant_pad(x, pairs, 0.0 if value is None else value)
    for axis, (before, after) in zip(range(x.ndim - len(pairs), x.ndim), pairs, strict=True):
        if before or after:
            x = _along(x, axis, before, after, mode)
    return x


def constant_pad(x: Tensor, pairs: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """x with (before, after) elements of a constant around its last axes; negative numbers crop."""
    lead = x.ndim - len(pairs)
    if any(n < 0 for pair in pairs for n in pair):
        sizes = x.shape[lead:]
        keys = [
            slice(max(0, -low), n - max(0, -high))
            for n, (low, high) in zip(sizes, pairs, strict=True)
        ]
        for n, key, pair in zip(sizes, keys, pairs, strict=True):
            if key.stop < key.start or n + sum(pair) < 0:
                raise ShapeError(f"pad: {pair} takes more than the {n} elements of an axis")
        x = take_slice(x, key=(*(slice(None),) * lead, *keys))
    grown = [(max(0, low), max(0, high)) for low, high in pairs]
    if any(n for pair in grown for n in pair):
        x = movement.pad(x, widths=((0, 0),) * lead + tuple(grown), value=value)
    return x


def _along(x: Tensor, axis: int, before: int, after: int, mode: str) -> Tensor:
    """x with the border of one axis, made of slices of itself."""
    n = x.shape[axis]
    most = {"reflect": n - 1, "circular": n, "replicate": max(before, after) if n else 0}[mode]
    if not 0 <= before <= most or not 0 <= after <= most:
        raise ShapeError(
            f"pad: ({before}, {after}) around axis {axis} of {n} elements, mode {mode!r} "
            f"takes 0 to {most}",
            fix="pad less, or in mode 'replicate' or 'constant'",
        )
    parts = [x]
    if before:
        parts.insert(0, _border(x, axis, before, mode, at_start=True))
    if after:
        parts.append(_border(x, axis, after, mode, at_start=False))
    return concat(parts, axis=axis)


def _border(x: Tensor, axis: int, width: int, mode: str, *, at_start: bool) -> Tensor:
    """What stands before or after x along an axis."""
    n = x.shape[axis]
    if mode == "replicate":
        span = slice(0, 1) if at_start else slice(n - 1, n)
    elif mode == "circular":
        span = slice(n - width, n) if at_start else slice(0, width)
    else:
        span = slice(1, width + 1) if at_start else slice(n - 1 - width, n - 1)
    part: Tensor = take_slice(x, key=(*(slice(None),) * axis, span))
    if mode == "replicate":
        part = broadcast_to(part, (*x.shape[:axis], width, *x.shape[axis + 1 :]))
    return flip(part, axis=axis) if mode == "reflect" else part
