"""Rearranging channels and pixels: flattening, sub-pixel shuffles, shuffled groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array import manipulation
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError
from retroprop.ops.movement import permute_dims, reshape
from retroprop.shapes import normalise_axis, size

__all__ = ["channel_shuffle", "flatten", "pixel_shuffle", "pixel_unshuffle", "unflatten"]


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from start_dim to end_dim made into one.

    Example:
        >>> import retroprop as rp
        >>> flatten(rp.zeros((2, 3, 4)), 1).shape
        (2, 12)
    """
    return manipulation.flatten(input, start_dim, end_dim)


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Tensor:
    """An axis split into several; one of the sizes may be -1.

    Example:
        >>> import retroprop as rp
        >>> unflatten(rp.zeros((2, 12)), 1, (3, -1)).shape
        (2, 3, 4)
    """
    x = asarray(input)
    axis = normalise_axis(dim, x.ndim, "unflatten")
    parts = list(sizes)
    known = size(tuple(n for n in parts if n != -1))
    if parts.count(-1) == 1 and known and x.shape[axis] % known == 0:
        parts[parts.index(-1)] = x.shape[axis] // known
    if -1 in parts or size(tuple(parts)) != x.shape[axis]:
        raise ShapeError(
            f"unflatten: axis {dim} of {x.shape} has {x.shape[axis]} elements, which do not fill "
            f"{tuple(sizes)}"
        )
    y: Tensor = reshape(x, (*x.shape[:axis], *parts, *x.shape[axis + 1 :]))
    return y


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Channels spread out into pixels: (..., c r², h, w) -> (..., c, h r, w r).

    Example:
        >>> import retroprop as rp
        >>> pixel_shuffle(rp.asarray([[[1]], [[2]], [[3]], [[4]]]), 2).tolist()
        [[[1, 2], [3, 4]]]

    Source: Shi et al. 2016, arXiv:1609.05158.
    """
    x, r = asarray(input), upscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        raise ShapeError(
            f"pixel_shuffle: the channels of {x.shape} are no multiple of {r}²",
            fix="it needs (..., channels, height, width)",
        )
    *lead, channels, height, width = x.shape
    split = reshape(x, (*lead, channels // (r * r), r, r, height, width))
    n = len(lead)
    mixed = permute_dims(split, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    y: Tensor = reshape(mixed, (*lead, channels // (r * r), height * r, width * r))
    return y


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """Pixels gathered into channels: (..., c, h r, w r) -> (..., c r², h, w).

    Example:
        >>> import retroprop as rp
        >>> pixel_unshuffle(rp.asarray([[[1, 2], [3, 4]]]), 2).tolist()
        [[[1]], [[2]], [[3]], [[4]]]
    """
    x, r = asarray(input), downscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-2] % r or x.shape[-1] % r:
        raise ShapeError(
            f"pixel_unshuffle: height and width of {x.shape} are no multiples of {r}",
            fix="it needs (..., channels, height, width)",
        )
    *lead, channels, height, width = x.shape
    split = reshape(x, (*lead, channels, height // r, r, width // r, r))
    n = len(lead)
    mixed = permute_dims(split, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    y: Tensor = reshape(mixed, (*lead, channels * r * r, height // r, width // r))
    return y


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """Channels of different groups interleaved: the axes (groups, channels / groups) swapped.

    Example:
        >>> import retroprop as rp
        >>> channel_shuffle(rp.asarray([[[1], [2], [3], [4]]]), 2).tolist()
        [[[1], [3], [2], [4]]]

    Source: Zhang et al. 2018, arXiv:1707.01083.
    """
    x = asarray(input)
    if x.ndim < 2 or groups < 1 or x.shape[1] % groups:
        raise ShapeError(
            f"channel_shuffle: the channels of {x.shape} do not split into {groups} groups"
        )
    split = reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    swapped = permute_dims(split, (0, 2, 1, *range(3, x.ndim + 1)))
    y: Tensor = reshape(swapped, x.shape)
    return y
