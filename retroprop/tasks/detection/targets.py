"""What the network should say at each place of its grids, as FCOS wants it, and back to boxes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from retroprop.tasks.detection.boxes import area, nms

__all__ = ["BACKGROUND", "Grid", "decode", "grid", "marked", "packed", "targets"]

Array = np.ndarray[Any, Any]

BACKGROUND = -1
_RADIUS = 1.5  # of the middle part of a box that is trained on, in strides
_REACH = 5.0  # a grid is for boxes whose farthest side lies at most so many strides away


class Grid:
    """The places that the network judges, of all its feature maps one after the other.

    Args:
        canvas:  (height, width) of the network's input.
        strides: pixels between places, of each feature map, ascending.

    Attributes:
        points: (places, 2) x and y of each place, in pixels.
        stride: (places,) of the feature map it belongs to.
        low, high: (places,) bounds of the farthest side of the boxes it is for, in pixels.

    Example:
        >>> places = Grid((32, 32), [8, 16])
        >>> len(places.points), places.points[0].tolist(), places.points[-1].tolist()
        (20, [4.0, 4.0], [24.0, 24.0])
    """

    def __init__(self, canvas: Sequence[int], strides: Sequence[int]) -> None:
        points: list[Array] = []
        stride: list[Array] = []
        low: list[Array] = []
        high: list[Array] = []
        for number, step in enumerate(strides):
            rows, columns = -(-canvas[0] // step), -(-canvas[1] // step)
            y, x = np.mgrid[:rows, :columns].reshape(2, -1)
            points.append((np.stack([x, y], axis=1) + 0.5) * step)
            least = _REACH * strides[number - 1] if number else 0.0
            most = _REACH * step if number + 1 < len(strides) else np.inf
            for kept, value in ((stride, step), (low, least), (high, most)):
                kept.append(np.full(len(x), value, np.float32))
        self.points = np.concatenate(points).astype(np.float32)
        self.stride, self.low, self.high = (np.concatenate(one) for one in (stride, low, high))


@lru_cache(maxsize=16)
def grid(canvas: tuple[int, int], strides: tuple[int, ...]) -> Grid:
    """A `Grid`, made once for each canvas.

    Example:
        >>> grid((32, 32), (8,)) is grid((32, 32), (8,))
        True
    """
    return Grid(canvas, strides)


def targets(boxes: Array, labels: Array, places: Grid) -> Array:
    """What each place should say.

    A place is trained to find a box when it lies in the middle part of the box (1.5 strides around
    its centre, inside it) and the farthest side is within the reach of its feature map; of several
    boxes, the smallest.

    Args:
        boxes:  (n, 4) in pixels of the canvas.
        labels: (n,) class indices; boxes with a negative one are padding.
        places: of the network.

    Returns:
        (places, 6) float32: class index or -1; left, top, right, bottom distance to the sides, in
        strides; centre-ness sqrt(min(l, r) / max(l, r) min(t, b) / max(t, b)).

    Example:
        >>> made = targets(np.array([[0.0, 0.0, 24.0, 24.0]]), np.array([2]), Grid((24, 24), [8]))
        >>> made[4].tolist()
        [2.0, 1.5, 1.5, 1.5, 1.5, 1.0]

    Source: Tian, Shen, Chen, He 2019, arXiv:1904.01355; the middle part as in its section 3.3 (v5).
    """
    answer = np.zeros((len(places.points), 6), np.float32)
    answer[:, 0] = BACKGROUND
    boxes, labels = boxes[labels >= 0], labels[labels >= 0]
    if not len(boxes):
        return answer
    order = np.argsort(-area(boxes), kind="stable")  # the smallest last: it stays
    boxes, labels = boxes[order].astype(np.float32), labels[order]
    x, y = places.points.T
    across, down = (boxes[:, 0::2].mean(axis=1)[:, None], boxes[:, 1::2].mean(axis=1)[:, None])
    left, top = x - boxes[:, :1], y - boxes[:, 1:2]
    right, bottom = boxes[:, 2:3] - x, boxes[:, 3:] - y
    least = np.minimum(np.minimum(left, right), np.minimum(top, bottom))
    most = np.maximum(np.maximum(left, right), np.maximum(top, bottom))
    near = np.maximum(np.abs(x - across), np.abs(y - down)) < _RADIUS * places.stride
    ours = near & (least > 0) & (most > places.low) & (most <= places.high)
    _rescue(ours, least)
    taken = np.flatnonzero(ours.any(axis=0))
    which = len(boxes) - 1 - ours[::-1].argmax(axis=0)[taken]
    sides = np.stack([one[which, taken] for one in (left, top, right, bottom)], axis=1)
    answer[taken, 0] = labels[which]
    answer[taken, 1:5] = sides / places.stride[taken, None]
    shares = np.minimum(sides[:, :2], sides[:, 2:]) / np.maximum(sides[:, :2], sides[:, 2:])
    answer[taken, 5] = np.sqrt(shares[:, 0] * shares[:, 1])
    return answer


def _rescue(ours: Array, least: Array) -> None:
    """A box that is no place's (it may be smaller than the grid) gets that nearest its middle."""
    for number in np.flatnonzero(~ours.any(axis=1)).tolist():
        best = int(least[number].argmax())
        if least[number, best] > 0:
            ours[number, best] = True


def packed(boxes: Array, labels: Array, places: Grid, most: int) -> Array:
    """The targets of an image and, below them, its boxes: one array, which batches can be made of.

    Args:
        boxes:  (n, 4) in pixels of the canvas, at most `most`.
        labels: (n,) class indices; negative ones are padding.
        places: of the network.
        most:   rows for boxes.

    Returns:
        (places + most, 6) float32: `targets`, then class, corners and 0 of each box; class -1 fills
        up.

    Example:
        >>> made = packed(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([1]), Grid((8, 8), [8]), 2)
        >>> made.tolist()[1:]
        [[1.0, 0.0, 0.0, 8.0, 8.0, 0.0], [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    below = np.zeros((most, 6), np.float32)
    below[:, 0] = BACKGROUND
    below[: len(labels), 0], below[: len(labels), 1:5] = labels, boxes
    return np.concatenate([targets(boxes, labels, places), below])


def marked(rows: Array, places: Grid) -> tuple[Array, Array]:
    """The boxes (n, 4) and class indices (n,) in what `packed` made of them.

    Example:
        >>> places = Grid((8, 8), [8])
        >>> marked(packed(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([1]), places, 2), places)[1]
        array([1])
    """
    below = rows[len(places.points) :]
    below = below[below[:, 0] >= 0]
    return below[:, 1:5], below[:, 0].astype(np.int64)


def decode(
    outputs: Array, places: Grid, *, score: float, overlap: float, most: int = 100
) -> tuple[Array, Array, Array]:
    """The boxes that the network found in one image.

    The score is class probability x centre-ness; each place gives every class above `score`.

    Args:
        outputs: (places, classes + 5) as the network gives them.
        places:  of the network.
        score:   the least score that counts.
        overlap: largest IoU of two found boxes of one class.
        most:    at most so many boxes.

    Returns:
        boxes (n, 4) in pixels of the canvas, scores (n,), class indices (n,); the best first.

    Example:
        >>> outputs = np.full((1, 6), 5.0)
        >>> boxes, scores, labels = decode(outputs, Grid((8, 8), [8]), score=0.5, overlap=0.6)
        >>> boxes.round(1).tolist(), scores.round(2).tolist(), labels.tolist()
        ([[-36.1, -36.1, 44.1, 44.1]], [0.99], [0])
    """
    classes = outputs.shape[1] - 5
    scores = _sigmoid(outputs[:, :classes]) * _sigmoid(outputs[:, -1:])
    at, labels = np.nonzero(scores >= score)
    found = scores[at, labels]
    first = np.argsort(-found, kind="stable")[:1000]  # more are never the best hundred
    at, labels, found = at[first], labels[first], found[first]
    distance = np.logaddexp(outputs[at, classes:-1], 0) * places.stride[at, None]
    points = places.points[at]
    boxes = np.concatenate([points - distance[:, :2], points + distance[:, 2:]], axis=1)
    kept = nms(boxes, found, labels, overlap)[:most]
    return boxes[kept], found[kept], labels[kept]


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))
