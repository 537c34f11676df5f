"""How good found boxes are: average precision and recall as COCO counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop.tasks.detection.boxes import iou

__all__ = ["Found", "Scores", "Truth", "balanced", "match", "score"]

Array = np.ndarray[Any, Any]

LEVELS: Array = np.linspace(0.5, 0.95, 10)  # of IoU, from which on a box counts as found
_STEPS: Array = np.linspace(0, 1, 101)  # of recall, at which precision is read off
MOST = 100  # boxes of a class in an image that are looked at


class Truth(NamedTuple):
    """The boxes (n, 4) that are in an image, and their classes (n,)."""

    boxes: Array
    labels: Array


class Found(NamedTuple):
    """The boxes (n, 4) that were found in an image, their scores (n,) and classes (n,)."""

    boxes: Array
    scores: Array
    labels: Array


class Scores(NamedTuple):
    """How well boxes were found.

    Attributes:
        ap:     (10, classes) average precision at each level of IoU 0.5, 0.55, ... 0.95; NaN for a
                class that nowhere is.
        recall: (10, classes) share of the true boxes that were found.
        curves: for each class, recall and precision at IoU 0.5 as scores fall, with the scores.
        counts: (classes,) true boxes.
    """

    ap: Array
    recall: Array
    curves: list[tuple[Array, Array, Array]]
    counts: Array

    @property
    def map50(self) -> float:
        """The mean over classes of the average precision at IoU 0.5."""
        return _mean(self.ap[0])

    @property
    def map(self) -> float:
        """The mean over classes and all levels."""
        return _mean(self.ap)


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def match(found: Array, boxes: Array, levels: Array = LEVELS) -> Array:
    """For each found box, best first, whether a true one is its own at each level: (levels, found).

    Each takes, of the true boxes that no better one took, the one it overlaps most.

    Example:
        >>> match(np.array([[0.0, 0, 9, 9], [0, 0, 10, 10]]), np.array([[0.0, 0, 10, 10]]))[0]
        array([ True, False])
    """
    right = np.zeros((len(levels), len(found)), bool)
    if not len(boxes):
        return right
    overlaps = iou(found, boxes)
    for row, level in enumerate(levels):
        free = np.ones(len(boxes), bool)
        for k, overlap in enumerate(overlaps):
            best = int(np.where(free, overlap, -1).argmax())
            if free[best] and overlap[best] >= min(level, 1 - 1e-10):
                free[best] = False
                right[row, k] = True
    return right


def score(found: Sequence[Found], truth: Sequence[Truth], classes: int) -> Scores:
    """Average precision of what was found in some images.

    At most 100 boxes of a class in an image count; precision is the best at this recall or a
    larger one, read at 101 steps of recall.

    Args:
        found:   one for each image.
        truth:   of the same images.
        classes: how many there are.

    Example:
        >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
        >>> one = Found(box, np.array([0.9]), np.array([0]))
        >>> score([one], [Truth(box, np.array([0]))], 1).map
        1.0

    Source: Lin et al. 2014, arXiv:1405.0312, and pycocotools, which the tests compare with.
    """
    made = [_of_class(found, truth, label) for label in range(classes)]
    return Scores(
        np.stack([one[0] for one in made], axis=1),
        np.stack([one[1] for one in made], axis=1),
        [one[2] for one in made],
        np.array([one[3] for one in made]),
    )


def balanced(made: Scores) -> float:
    """The score from which on right boxes and found ones are balanced best: of the largest F1.

    F1 is that at IoU 0.5, its mean over the classes; scores are tried by hundredths.

    Example:
        >>> recall, precision = np.array([0.5, 1.0, 1.0]), np.array([1.0, 1.0, 0.67])
        >>> curve = (recall, precision, np.array([0.9, 0.8, 0.4]))
        >>> round(balanced(Scores(np.ones((10, 1)), np.ones((10, 1)), [curve], np.array([2]))), 2)
        0.41
    """
    tried = np.arange(1, 100) / 100
    total = np.zeros(len(tried))
    for recall, precision, scores in made.curves:
        f1 = 2 * recall * precision / np.maximum(recall + precision, 1e-9)
        kept = np.searchsorted(-scores, -tried, side="right")  # boxes of at least this score
        total += np.concatenate([[0.0], f1])[kept]
    return float(tried[total.argmax()])


def _of_class(
    found: Sequence[Found], truth: Sequence[Truth], label: int
) -> tuple[Array, Array, tuple[Array, Array, Array], int]:
    scores, right, count = [], [], 0
    for one, real in zip(found, truth, strict=True):
        ours = np.flatnonzero(one.labels == label)
        ours = ours[np.argsort(-one.scores[ours], kind="stable")][:MOST]
        boxes = real.boxes[real.labels == label]
        scores.append(one.scores[ours])
        right.append(match(one.boxes[ours], boxes))
        count += len(boxes)
    if not count:
        nothing = np.full(len(LEVELS), np.nan)
        return nothing, nothing, (np.zeros(0), np.zeros(0), np.zeros(0)), 0
    every, hits = np.concatenate(scores), np.concatenate(right, axis=1)
    order = np.argsort(-every, kind="mergesort")
    true = hits[:, order].cumsum(axis=1)
    recall = true / count
    precision = true / np.arange(1, len(order) + 1)
    ap = np.array([_area(r, p) for r, p in zip(recall, precision, strict=True)])
    last = recall[:, -1] if len(order) else np.zeros(len(LEVELS))
    return ap, last, (recall[0], precision[0], every[order]), count


def _area(recall: Array, precision: Array) -> float:
    """The mean over steps of recall of the best precision from there on."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _STEPS, side="left")
    reached = at < len(recall)
    return float(best[at[reached]].sum() / len(_STEPS))
