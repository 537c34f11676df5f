"""Boxes as rows (xmin, ymin, xmax, ymax) in pixels: overlap, clipping, suppression, resizing."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Fit", "area", "clip", "fit", "giou", "iou", "nms"]

Array = np.ndarray[Any, Any]


def area(boxes: Array) -> Array:
    """Width times height of boxes (n, 4), in square pixels; 0 for those turned inside out.

    Example:
        >>> area(np.array([[0.0, 0.0, 2.0, 3.0]])).tolist()
        [6.0]
    """
    sides: Array = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def _pairs(first: Array, second: Array) -> tuple[Array, Array]:
    """Areas of what each box of one set has in common with, and covers together with, another."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(high - low, 0)
    common = sides[..., 0] * sides[..., 1]
    return common, area(first)[:, None] + area(second)[None] - common


def iou(first: Array, second: Array) -> Array:
    """Intersection over union of every box (n, 4) with every box (m, 4): (n, m), 0 to 1.

    Example:
        >>> a = np.array([[0.0, 0.0, 2.0, 2.0]])
        >>> iou(a, np.array([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]])).round(3).tolist()
        [[0.333, 0.0]]
    """
    common, together = _pairs(first, second)
    return common / np.maximum(together, 1e-9)


def giou(first: Array, second: Array) -> Array:
    """Generalised IoU of every box (n, 4) with every box (m, 4): (n, m), -1 to 1.

        IoU - (enclosing area - union) / enclosing area

    Example:
        >>> a = np.array([[0.0, 0.0, 1.0, 1.0]])
        >>> giou(a, np.array([[2.0, 0.0, 3.0, 1.0]])).round(3).tolist()
        [[-0.333]]

    Source: Rezatofighi et al. 2019, arXiv:1902.09630.
    """
    common, together = _pairs(first, second)
    low = np.minimum(first[:, None, :2], second[None, :, :2])
    sides = np.maximum(first[:, None, 2:], second[None, :, 2:]) - low
    around = np.maximum(sides[..., 0] * sides[..., 1], 1e-9)
    return common / np.maximum(together, 1e-9) - (around - together) / around


def clip(boxes: Array, height: float, width: float) -> Array:
    """Boxes (n, 4) cut at the borders of an image.

    Example:
        >>> clip(np.array([[-5.0, 2.0, 50.0, 9.0]]), 8, 40).tolist()
        [[0.0, 2.0, 40.0, 8.0]]
    """
    limits: Array = np.array([width, height, width, height], boxes.dtype)
    return np.minimum(np.maximum(boxes, 0), limits)


def nms(boxes: Array, scores: Array, labels: Array, threshold: float) -> Array:
    """Numbers of the boxes that stay, best first, when of those that overlap only the best may.

    Boxes of different labels never suppress each other.

    Args:
        boxes:     (n, 4).
        scores:    (n,) the larger the better.
        labels:    (n,) integers.
        threshold: largest IoU of two boxes that may both stay.

    Example:
        >>> boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]])
        >>> nms(boxes, np.array([0.5, 0.9, 0.3]), np.zeros(3, int), 0.5).tolist()
        [1, 2]
    """
    order = np.argsort(-scores, kind="stable")
    overlaps = iou(boxes, boxes) * (labels[:, None] == labels[None])
    kept: list[int] = []
    alive = np.ones(len(boxes), bool)
    for index in order.tolist():
        if alive[index]:
            kept.append(index)
            alive &= overlaps[index] <= threshold
    return np.array(kept, np.int64)


class Fit(NamedTuple):
    """How an image lies on the canvas of the network: at its upper left, scaled by one factor.

    Attributes:
        scale:  pixels of the canvas per pixel of the image.
        height: of the image, in its own pixels; `width` too.
        width:  see above.
    """

    scale: float
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) on the canvas, in pixels."""
        return max(1, round(self.height * self.scale)), max(1, round(self.width * self.scale))

    def back(self, boxes: Array) -> Array:
        """Boxes (n, 4) of the canvas in pixels of the image, cut at its borders.

        Example:
            >>> fit((100, 200), (64, 64)).back(np.array([[0.0, 0.0, 32.0, 64.0]])).tolist()
            [[0.0, 0.0, 100.0, 100.0]]
        """
        return clip(boxes / self.scale, self.height, self.width)


def fit(image: tuple[int, int], canvas: tuple[int, int]) -> Fit:
    """The largest an image (height, width) can be on a canvas (height, width).

    Example:
        >>> fit((100, 200), (64, 64)).scale
        0.32
    """
    return Fit(min(canvas[0] / image[0], canvas[1] / image[1]), *image)
