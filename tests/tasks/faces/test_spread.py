"""What makes the spread of a person's photos even, against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.faces import scores
from retroprop.tasks.faces.spread import evening


def scattered(people=12, shots=30, seed=0):
    """Points of people around places of their own, spread unequally and at a slant."""
    rng = np.random.default_rng(seed)
    turned, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    who = rng.permutation(np.arange(people).repeat(shots))
    spread = (rng.normal(size=(len(who), 5)) * (3.0, 1.0, 0.5, 0.2, 0.1)) @ turned
    return rng.normal(size=(people, 5))[who] + spread, who


def within(points, who):
    means = np.array([points[who == person].mean(axis=0) for person in np.unique(who)])
    around = points - means[who]
    return around.T @ around / len(points)


def test_photos_of_one_person_spread_alike_in_all_directions():
    points, who = scattered()
    change = evening(points, who, 0.0)
    assert change.middle == pytest.approx(points.mean(axis=0))
    evened = (points - change.middle) @ change.matrix
    assert within(evened, who) == pytest.approx(np.eye(5), abs=1e-8)
    assert change.matrix == pytest.approx(change.matrix.T)


def test_names_of_people_do_not_matter():
    points, who = scattered()
    assert evening(points, 7 - 3 * who, 0.1).matrix == pytest.approx(
        evening(points, who, 0.1).matrix
    )


def test_shrunk_wholly_nothing_is_stretched():
    points, who = scattered()
    matrix = evening(points, who, 1.0).matrix
    assert matrix == pytest.approx(matrix[0, 0] * np.eye(5), abs=1e-9)


def test_partly_shrunk_is_in_between():
    points, who = scattered()
    inner = within(points, who)
    mixed = 0.7 * inner + 0.3 * np.trace(inner) / 5 * np.eye(5)
    matrix = evening(points, who, 0.3).matrix
    assert matrix @ mixed @ matrix == pytest.approx(np.eye(5), abs=1e-8)


def test_strangers_are_told_apart_better():
    points, who = scattered(40, 10)
    known, strangers = who < 30, who >= 30

    def errors(change):
        moved = (points[strangers] - change.middle) @ change.matrix
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        found = scores.pairs(moved, who[strangers])
        return scores.equal_error_rate(scores.roc(found.same, found.different))

    evened, left = (errors(evening(points[known], who[known], s)) for s in (0.0, 1.0))
    assert evened < left - 0.1


def test_without_any_spread_nothing_happens():
    points = np.arange(12.0).reshape(4, 3)
    assert (evening(points, np.arange(4), 0.0).matrix == np.eye(3)).all()


def test_too_few_photos_stay_finite():
    points, who = scattered(2, 2)
    assert np.isfinite(evening(points, who, 0.0).matrix).all()
