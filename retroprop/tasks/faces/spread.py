"""How photos of one person spread among embeddings, and what makes that even."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Evening", "evening"]

Array = np.ndarray[Any, Any]


class Evening(NamedTuple):
    """A change of coordinates, (point - middle) @ matrix.

    Attributes:
        middle: (features,) the mean of all photos.
        matrix: (features, features), symmetric.
    """

    middle: Array
    matrix: Array


def evening(points: Any, people: Any, shrinkage: float) -> Evening:
    """What makes photos of one person spread alike in all directions.

        matrix = ((1 - shrinkage) W + shrinkage trace(W) / features I)^(-1/2)

    W is the covariance of photos around the mean of their person. A direction in which photos of
    one person hardly differ counts for more then, one in which they differ much for less.

    Args:
        points:    (photos, features).
        people:    (photos,) who is on each.
        shrinkage: from 0 to 1, how much of an even spread is mixed into W; 1 stretches nothing.

    Numerics: no spread counts as less than a millionth of the mean one; where there is none at all,
        nothing is stretched.

    Example:
        >>> points = np.array([[2.0, 0.1], [-2.0, -0.1], [2.0, -0.1], [-2.0, 0.1]])
        >>> (points @ evening(points, np.zeros(4), 0.0).matrix).round(3).tolist()
        [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]

    Source: Hatch, Kajarekar, Stolcke 2006, "Within-class covariance normalization for SVM-based
        speaker recognition".
    """
    points = np.asarray(points, np.float64)
    _, person, counts = np.unique(people, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), points.shape[1]))
    np.add.at(means, person, points)
    around = points - (means / counts[:, None])[person]
    within = around.T @ around / len(points)
    mean = np.trace(within) / len(within)
    if mean <= 0:
        return Evening(points.mean(axis=0), np.eye(len(within)))
    mixed = (1 - shrinkage) * within + shrinkage * mean * np.eye(len(within))
    values, vectors = np.linalg.eigh(mixed)
    values = np.maximum(values, 1e-6 * mean)
    return Evening(points.mean(axis=0), vectors / np.sqrt(values) @ vectors.T)
