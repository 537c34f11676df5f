"""Random changes to images with boxes: mirrored, moved and resized, in another light."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.tasks.detection.boxes import area, clip
from retroprop.tasks.detection.targets import BACKGROUND, Grid, packed

__all__ = ["Augment", "moved"]

Array = np.ndarray[Any, Any]

_LEFT = 0.4  # a box of which less is still to be seen is no target any more


class Augment:
    """A training batch, changed at random, with targets to fit.

    Call: images (batch, height, width, 3) uint8, (batch, places + most, 6) as `targets.packed`
    makes them, a NumPy generator; returns the same for the new images and boxes.

    Args:
        places:     of the network.
        scale:      images are resized by a factor from 1 / scale to scale.
        shift:      and moved by up to this share of the canvas.
        light:      contrast and colours change by up to this share.
        vertical:   whether images may stand on their head.
    """

    def __init__(
        self, places: Grid, *, scale: float, shift: float, light: float, vertical: bool
    ) -> None:
        self.places, self.scale, self.shift = places, scale, shift
        self.light, self.vertical = light, vertical

    def __call__(self, x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Change every image in its own way."""
        count = len(self.places.points)
        images, wanted = [], []
        for image, rows in zip(x, y, strict=True):
            new, boxes, labels = self._one(image, rows[count:, 1:5], rows[count:, 0], rng)
            images.append(new)
            wanted.append(packed(boxes, labels, self.places, len(rows) - count))
        return np.stack(images), np.stack(wanted)

    def _one(
        self, image: Array, boxes: Array, labels: Array, rng: np.random.Generator
    ) -> tuple[Array, Array, Array]:
        height, width = image.shape[:2]
        factor = float(self.scale ** rng.uniform(-1, 1))
        across, down = (rng.uniform(-self.shift, self.shift, 2) * (width, height)).tolist()
        middle = (1 - factor) / 2
        at = (across + middle * width, down + middle * height)
        image, boxes, seen = moved(image, boxes, factor, *at)
        if rng.random() < 0.5:
            image, boxes = image[:, ::-1], _mirrored(boxes, 0, width)
        if self.vertical and rng.random() < 0.5:
            image, boxes = image[::-1], _mirrored(boxes, 1, height)
        return self._lit(image, rng), boxes, np.where(seen, labels, BACKGROUND).astype(np.int64)

    def _lit(self, image: Array, rng: np.random.Generator) -> Array:
        """Another contrast and brightness, and a little of it for each colour: one look-up each."""
        gain = 1 + rng.uniform(-self.light, self.light) + rng.uniform(-0.3, 0.3, 3) * self.light
        lift = 255 * rng.uniform(-self.light, self.light) / 2
        steps = (np.arange(256)[:, None] - 127.5) * gain + 127.5 + lift
        table = np.clip(np.rint(steps), 0, 255).astype(np.uint8)
        return np.stack([table[:, k][image[..., k]] for k in range(3)], axis=-1)


def _mirrored(boxes: Array, axis: int, length: int) -> Array:
    """Boxes (n, 4) in an image mirrored along x (0) or y (1)."""
    turned = boxes.copy()
    turned[:, axis], turned[:, axis + 2] = length - boxes[:, axis + 2], length - boxes[:, axis]
    return turned


def moved(
    image: Array, boxes: Array, factor: float, across: float, down: float
) -> tuple[Array, Array, Array]:
    """An image resized and moved on its canvas, bilinear, with its boxes; outside it is grey.

        new x = factor x + across,   new y = factor y + down

    Args:
        image: (height, width, 3) uint8.
        boxes: (n, 4).

    Returns:
        The new image, the boxes cut at its borders, and (n,) whether enough of each is left: 0.4 of
        its area.

    Example:
        >>> image = np.full((4, 4, 3), 7, np.uint8)
        >>> image, boxes, seen = moved(image, np.array([[0.0, 0, 2, 2]]), 1.0, 2.0, 0.0)
        >>> image[0, :, 0].tolist(), boxes.tolist(), seen.tolist()
        ([127, 127, 7, 7], [[2.0, 0.0, 4.0, 2.0]], [True])
    """
    height, width = image.shape[:2]
    rows = _between(image.reshape(height, -1), (np.arange(height) + 0.5 - down) / factor - 0.5)
    turned = rows.reshape(height, width, 3).swapaxes(0, 1).reshape(width, -1)
    columns = _between(turned, (np.arange(width) + 0.5 - across) / factor - 0.5)
    picture = np.ascontiguousarray(columns.reshape(width, height, 3).swapaxes(0, 1))
    whole = boxes * factor + np.array([across, down, across, down], boxes.dtype)
    new = clip(whole, height, width)
    return picture, new, area(new) >= _LEFT * area(whole)


def _between(lines: Array, at: Array) -> Array:
    """Lines (n, ...) of uint8 at fractional places, in 128ths; grey where there are none."""
    last = len(lines) - 1
    low = np.floor(at).astype(np.int64)
    share = np.rint((at - low) * 128).astype(np.int16)[:, None]
    first = lines[np.clip(low, 0, last)].astype(np.int16)
    step = lines[np.clip(low + 1, 0, last)] - first
    step *= share
    step >>= 7
    first += step
    blended = first.astype(np.uint8)
    blended[(at < -0.5) | (at > last + 0.5)] = 127
    return blended
