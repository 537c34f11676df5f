"""How well faces are told apart: pairs of photos, thresholds, one-photo identification."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import DataError

__all__ = [
    "Pairs", "Roc", "as_points", "equal_error_rate", "one_photo", "pairs", "rates", "roc",
    "threshold",
]  # fmt: skip

Array = np.ndarray[Any, Any]


class Pairs(NamedTuple):
    """Similarities of all pairs of photos.

    Attributes:
        same:      of two photos of one person.
        different: of photos of two people.
        same_at, different_at: (pairs, 2) which photos they are.
    """

    same: Array
    different: Array
    same_at: Array
    different_at: Array


class Roc(NamedTuple):
    """What each threshold gives, from the strictest to the most lenient.

    Attributes:
        threshold: similarities from which on two photos count as one person.
        accepted_wrongly: share of pairs of two people that are accepted.
        refused_wrongly:  share of pairs of one person that are refused.
    """

    threshold: Array
    accepted_wrongly: Array
    refused_wrongly: Array


def as_points(photos: Any) -> Array:
    """Photos as unit-length vectors of their pixels, the mean taken off: cosine is correlation.

    Example:
        >>> as_points(np.array([[[0, 2]], [[10, 30]]])).round(3).tolist()
        [[-0.707, 0.707], [-0.707, 0.707]]
    """
    flat = np.asarray(photos, np.float64).reshape(len(photos), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    points: Array = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    return points


def pairs(points: Any, people: Any) -> Pairs:
    """The similarity (cosine) of every two photos.

    Args:
        points: (photos, features) of length 1.
        people: (photos,) who is on each.

    Example:
        >>> found = pairs(np.eye(3)[[0, 0, 1]], np.array([7, 7, 8]))
        >>> found.same.tolist(), found.different.tolist()
        ([1.0], [0.0, 0.0])
    """
    cosine = np.asarray(points, np.float64) @ np.asarray(points, np.float64).T
    first, second = np.triu_indices(len(cosine), 1)
    is_same = np.asarray(people)[first] == np.asarray(people)[second]
    at = np.stack([first, second], axis=1)
    values = cosine[first, second]
    return Pairs(values[is_same], values[~is_same], at[is_same], at[~is_same])


def roc(same: Any, different: Any) -> Roc:
    """Both kinds of errors at every threshold.

    Raises:
        DataError: no pair of one person, or none of two.

    Example:
        >>> curve = roc([0.9, 0.4], [0.5, 0.1])
        >>> curve.threshold.tolist(), curve.accepted_wrongly.tolist()
        ([0.9, 0.5, 0.4, 0.1], [0.0, 0.5, 0.5, 1.0])
        >>> curve.refused_wrongly.tolist()
        [0.5, 0.5, 0.0, 0.0]
    """
    same, different = np.sort(np.asarray(same)), np.sort(np.asarray(different))
    if not len(same) or not len(different):
        which = "two photos of one person" if not len(same) else "photos of two people"
        raise DataError(
            f"there are no {which} to compare", fix="give several photos each of several people"
        )
    threshold = np.unique(np.concatenate([same, different]))[::-1]
    accepted = 1 - np.searchsorted(different, threshold, side="left") / len(different)
    refused = np.searchsorted(same, threshold, side="left") / len(same)
    return Roc(threshold, accepted, refused)


def equal_error_rate(curve: Roc) -> float:
    """The share of errors of either kind where both are the same, between two thresholds linearly.

    Example:
        >>> equal_error_rate(roc([0.9, 0.4], [0.5, 0.1]))
        0.5
        >>> equal_error_rate(roc([0.9, 0.8], [0.5, 0.1]))
        0.0
    """
    accepted = np.concatenate([[0.0], curve.accepted_wrongly])
    refused = np.concatenate([[1.0], curve.refused_wrongly])
    at = int(np.argmax(accepted >= refused))
    gap_before, gap = refused[at - 1] - accepted[at - 1], accepted[at] - refused[at]
    part = gap_before / (gap_before + gap)
    return float(refused[at - 1] + part * (refused[at] - refused[at - 1]))


def rates(same: Any, different: Any, threshold: float) -> tuple[float, float]:
    """The shares wrongly accepted and wrongly refused at a threshold.

    Example:
        >>> rates([0.9, 0.4], [0.5, 0.1], 0.45)
        (0.5, 0.5)
    """
    accepted = float((np.asarray(different) >= threshold).mean())
    return accepted, float((np.asarray(same) < threshold).mean())


def threshold(different: Any, share: float) -> float:
    """The least similarity that no more than a share of the pairs of two people reach.

    Raises:
        DataError: there are no such pairs.

    Example:
        >>> round(threshold([0.1, 0.2, 0.3, 0.4], 0.25), 9)
        0.3
        >>> rates([0.9], [0.1, 0.2, 0.3, 0.4], threshold([0.1, 0.2, 0.3, 0.4], 0.25))[0]
        0.25
    """
    ranked = np.sort(np.asarray(different, np.float64))[::-1]
    if not len(ranked):
        raise DataError("there are no photos of two people to choose a threshold by")
    # Just above the first of those that must not pass.
    return float(np.nextafter(ranked[min(int(share * len(ranked)), len(ranked) - 1)], 2.0))


def one_photo(points: Any, people: Any) -> tuple[float, list[tuple[int, int, int]]]:
    """Of each person one photo is enrolled; how many of the others are nearest to their own.

    Photo number k of each person (of its last one, where there are fewer) is enrolled for every k;
    the share is that of all rounds together.

    Args:
        points: (photos, features) of length 1.
        people: (photos,) who is on each.

    Returns:
        The share, and of every mistake the photo, the enrolled photo that was nearest, and the
        enrolled photo of the person it is.

    Example:
        >>> one_photo(np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 1, 1]))
        (1.0, [])
    """
    points, people = np.asarray(points, np.float64), np.asarray(people)
    cosine = points @ points.T
    members = [np.flatnonzero(people == person) for person in np.unique(people)]
    right = asked = 0
    mistakes: list[tuple[int, int, int]] = []
    for k in range(max(len(photos) for photos in members)):
        enrolled = np.array([photos[min(k, len(photos) - 1)] for photos in members])
        others = np.setdiff1d(np.arange(len(people)), enrolled)
        nearest = enrolled[cosine[np.ix_(others, enrolled)].argmax(axis=1)]
        wrong = people[nearest] != people[others]
        right, asked = right + int((~wrong).sum()), asked + len(others)
        own = dict(zip(people[enrolled].tolist(), enrolled.tolist(), strict=True))
        mistakes += [
            (int(a), int(b), own[people[a].item()])
            for a, b in zip(others[wrong], nearest[wrong], strict=True)
        ]
    return (right / asked if asked else float("nan")), mistakes
