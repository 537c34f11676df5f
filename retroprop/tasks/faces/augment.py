"""Other photos of the same face: turned, moved, mirrored, covered, lighter or darker."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import ShapeError

__all__ = ["Retake"]

Array = np.ndarray[Any, Any]


class Retake:
    """Photos as if they were taken again: each mirrored, turned, moved, scaled and lit at random.

    Args:
        strength: 1 is up to 10 degrees, 8 % of a side, 10 % of the size, 10 % narrower or wider, a
                  quarter of the contrast, 25 of 255 in brightness, and a box of up to a fifth of
                  each side blank in half of the photos; 0 leaves photos as they are.
        mirror:   half of them are mirrored.

    Photos are uint8 (..., height, width, channels). What comes in from beside the photo repeats its
    edge. To be used as `augment` of a Trainer.

    Example:
        >>> photos = np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1)
        >>> x, _ = Retake(0.0, mirror=False)(photos, None, np.random.default_rng(0))
        >>> bool((x == photos).all())
        True
    """

    def __init__(self, strength: float = 1.0, *, mirror: bool = True) -> None:
        self.strength, self.mirror = strength, mirror

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Every photo of a batch taken again."""
        if x.ndim < 4 or x.dtype != np.uint8:
            raise ShapeError(
                f"photos are uint8 (..., height, width, channels), got {x.dtype} {x.shape}"
            )
        photos = x.reshape(-1, *x.shape[-3:])
        seen = _warped(photos, *self._views(len(photos), rng))
        size, s = (len(photos), 1, 1, 1), self.strength
        contrast = rng.uniform(1 - 0.25 * s, 1 + 0.25 * s, size).astype(np.float32)
        light = rng.uniform(-25 * s, 25 * s, size).astype(np.float32)
        middle = seen.mean(axis=(1, 2, 3), keepdims=True)
        lit = _covered((seen - middle) * contrast, 0.2 * s, rng) + middle + light
        return np.clip(np.rint(lit), 0, 255).astype(np.uint8).reshape(x.shape), y

    def _views(self, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Where the middle of each photo is taken from, and the matrix from new to old places."""
        s = self.strength
        angle = np.deg2rad(rng.uniform(-10 * s, 10 * s, count))
        size = np.exp(rng.uniform(-0.1 * s, 0.1 * s, count))
        shift = rng.uniform(-0.08 * s, 0.08 * s, (count, 2))
        flip = np.where(rng.random(count) < 0.5 * self.mirror, -1.0, 1.0)
        flip *= np.exp(rng.uniform(-0.1 * s, 0.1 * s, count))  # a turned head looks narrower
        cosine, sine = np.cos(angle) * size, np.sin(angle) * size
        rows = np.stack([cosine, -sine * flip], axis=1)
        columns = np.stack([sine, cosine * flip], axis=1)
        return shift, np.stack([rows, columns], axis=1)


def _covered(photos: Array, side: float, rng: np.random.Generator) -> Array:
    """Half of the photos with a box that is blank, 0."""
    count, height, width, _ = photos.shape
    tall, wide = (rng.uniform(0, side, (2, count)) * (rng.random(count) < 0.5)) / 2
    y, x = rng.random((2, count))
    inside_rows = abs((np.arange(height) + 0.5) / height - y[:, None]) < tall[:, None]
    inside_columns = abs((np.arange(width) + 0.5) / width - x[:, None]) < wide[:, None]
    boxes = inside_rows[:, :, None] & inside_columns[:, None]
    return np.where(boxes[..., None], np.float32(0), photos)


def _warped(photos: Array, shift: Array, matrix: Array) -> Array:
    """Each output pixel from the four input pixels around the place it comes from."""
    count, height, width, _ = photos.shape
    down = np.arange(height) - (height - 1) / 2
    right = np.arange(width) - (width - 1) / 2
    places = np.stack(np.broadcast_arrays(down[:, None], right), axis=-1)
    at = np.einsum("nij,hwj->nhwi", matrix, places)
    at += shift[:, None, None] * (height, width) + ((height - 1) / 2, (width - 1) / 2)
    row, column = np.clip(at[..., 0], 0, height - 1), np.clip(at[..., 1], 0, width - 1)
    top = np.minimum(row.astype(np.int64), max(height - 2, 0))
    left = np.minimum(column.astype(np.int64), max(width - 2, 0))
    low, late = (row - top)[..., None], (column - left)[..., None]
    image = np.arange(count)[:, None, None]
    under, after = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    upper = photos[image, top, left] * (1 - late) + photos[image, top, after] * late
    lower = photos[image, under, left] * (1 - late) + photos[image, under, after] * late
    result: Array = (upper * (1 - low) + lower * low).astype(np.float32)
    return result
