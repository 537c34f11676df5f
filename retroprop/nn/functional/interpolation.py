"""Resampling of spatial axes: nearest, linear and cubic, one axis after the other.

Along an axis, linear and cubic resampling is a small matrix, fixed by the two sizes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.array.creation import asarray
from retroprop.array.manipulation import moveaxis
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, unknown
from retroprop.nn.functional.adaptive import adaptive_avg_pool_nd
from retroprop.ops.indexing import take
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import broadcast_to

__all__ = ["INTERPOLATION_MODES", "interpolate"]

Array = np.ndarray[Any, Any]

# The number of spatial axes each mode is for; None for any.
INTERPOLATION_MODES = {
    "area": None,
    "bicubic": 2,
    "bilinear": 2,
    "linear": 1,
    "nearest": None,
    "nearest-exact": None,
    "trilinear": 3,
}
_INTERPOLATING = ("linear", "bilinear", "bicubic", "trilinear")


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """The input resampled to another size of its spatial axes.

    Args:
        input:         (batch, channels, *spatial), one to three spatial axes.
        size:          the new spatial sizes; a number is for all axes.
        scale_factor:  or the factors, rounded down to whole sizes.
        mode:          "nearest", "nearest-exact", "area"; by the number of spatial axes "linear",
                       "bilinear" or "bicubic", "trilinear".
        align_corners: whether the corner elements stay at the corners (linear and cubic modes).
        recompute_scale_factor: True samples by the ratio of the sizes instead of scale_factor.

    Example:
        >>> interpolate(asarray([[[1.0, 2.0]]]), scale_factor=2).tolist()
        [[[1.0, 1.0, 2.0, 2.0]]]
        >>> interpolate(asarray([[[0.0, 4.0]]]), 4, mode="linear").tolist()
        [[[0.0, 1.0, 3.0, 4.0]]]
    """
    x = asarray(input)
    if mode not in INTERPOLATION_MODES:
        raise unknown("interpolation mode", mode, INTERPOLATION_MODES)
    count = x.ndim - 2
    if not 1 <= count <= 3 or INTERPOLATION_MODES[mode] not in {None, count}:
        raise ShapeError(
            f"interpolate: mode {mode!r} does not take an input of shape {x.shape}",
            fix="linear is for one spatial axis, bilinear and bicubic for two, trilinear for three",
        )
    if align_corners is not None and mode not in _INTERPOLATING:
        raise ArgumentError(f"interpolate: align_corners has no meaning in mode {mode!r}")
    output, factors = _target(x.shape[2:], size, scale_factor)
    if recompute_scale_factor:
        factors = (None,) * count
    if mode == "area":
        return adaptive_avg_pool_nd(count, x, output)
    for axis, (m, factor) in enumerate(zip(output, factors, strict=True), 2):
        ratio = x.shape[axis] / m if factor is None else 1 / factor
        if mode.startswith("nearest"):
            x = _nearest(x, axis, m, ratio, exact=mode == "nearest-exact")
        elif x.shape[axis] != m or ratio != 1:
            rule = "cubic" if mode == "bicubic" else "linear"
            weights = Tensor(_weights(x.shape[axis], m, ratio, bool(align_corners), rule, x.dtype))
            x = moveaxis(matmul(moveaxis(x, axis, -1), weights), -1, axis)
    return x


def _target(
    spatial: tuple[int, ...], size: Any, scale_factor: Any
) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """The new sizes, and the factors that led to them, if given."""
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate: give either size or scale_factor")
    given = scale_factor if size is None else size
    each = tuple(given) if isinstance(given, Sequence) else (given,) * len(spatial)
    if len(each) != len(spatial):
        raise ArgumentError(f"interpolate: {given!r} for {len(spatial)} spatial axes")
    if size is None:
        output = tuple(math.floor(n * f) for n, f in zip(spatial, each, strict=True))
    else:
        output = tuple(n.__index__() for n in each)
    if any(m < 1 for m in output) or 0 in spatial:
        raise ArgumentError(f"interpolate: {spatial} cannot become {output}")
    return output, each if size is None else (None,) * len(spatial)


def _nearest(x: Tensor, axis: int, output: int, ratio: float, *, exact: bool) -> Tensor:
    """Each output position reads one element; whole factors repeat elements without an index."""
    n = x.shape[axis]
    if n == output and ratio == 1:
        return x
    if output % n == 0 and ratio * output == n:
        times = output // n
        apart = reshape(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
        spread = broadcast_to(apart, (*x.shape[: axis + 1], times, *x.shape[axis + 1 :]))
        y: Tensor = reshape(spread, (*x.shape[:axis], output, *x.shape[axis + 1 :]))
        return y
    # PyTorch computes the positions in float32
    start = np.arange(output, dtype=np.float32) + np.float32(0.5 if exact else 0.0)
    index = np.minimum(np.floor(start * np.float32(ratio)).astype(np.int64), n - 1)
    return take(x, Tensor(index), axis=axis)


@functools.lru_cache(maxsize=256)
def _weights(n: int, output: int, ratio: float, align: bool, rule: str, dtype: Any) -> Array:
    """The matrix (n, output) of what each output position takes from each element."""
    position = np.arange(output, dtype=np.float64)
    if align:
        place = position * ((n - 1) / (output - 1) if output > 1 else 0.0)
    else:
        place = (position + 0.5) * ratio - 0.5
        place = np.maximum(place, 0.0) if rule == "linear" else place
    low = np.floor(place).astype(np.int64)
    t = place - low
    if rule == "linear":
        taps = {0: 1 - t, 1: t}
    else:
        taps = {-1: _far(t + 1), 0: _near(t), 1: _near(1 - t), 2: _far(2 - t)}
    matrix = np.zeros((n, output))
    for offset, weight in taps.items():
        np.add.at(matrix, (np.clip(low + offset, 0, n - 1), np.arange(output)), weight)
    return matrix.astype(dtype)


_CUBIC = -0.75  # the free parameter of Keys' kernel, as PyTorch chooses it


def _near(t: Array) -> Array:
    """Keys' cubic kernel within one element."""
    return ((_CUBIC + 2) * t - (_CUBIC + 3)) * t * t + 1


def _far(t: Array) -> Array:
    """Keys' cubic kernel from one to two elements away."""
    return ((_CUBIC * t - 5 * _CUBIC) * t + 8 * _CUBIC) * t - 4 * _CUBIC
