"""Pairs, thresholds and one-photo identification, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import DataError
from retroprop.tasks.faces import scores


def sphere(people, shots, spread, seed=0):
    rng = np.random.default_rng(seed)
    who = np.arange(people).repeat(shots)
    points = rng.normal(size=(people, 6))[who] + rng.normal(0, spread, (len(who), 6))
    return points / np.linalg.norm(points, axis=1, keepdims=True), who


def test_pairs_are_all_pairs_once():
    points, who = sphere(3, 4, 0.3)
    found = scores.pairs(points, who)
    assert (len(found.same), len(found.different)) == (3 * 6, 66 - 18)
    for value, (a, b) in zip(found.different, found.different_at, strict=True):
        assert who[a] != who[b]
        assert value == pytest.approx(points[a] @ points[b])


def test_the_curve_counts_both_mistakes():
    points, who = sphere(5, 4, 0.8)
    found = scores.pairs(points, who)
    curve = scores.roc(found.same, found.different)
    for k in range(0, len(curve.threshold), 17):
        counted = scores.rates(found.same, found.different, curve.threshold[k])
        assert (curve.accepted_wrongly[k], curve.refused_wrongly[k]) == pytest.approx(counted)
    eer = scores.equal_error_rate(curve)
    gap = np.abs(curve.accepted_wrongly - curve.refused_wrongly)
    nearest = int(gap.argmin())
    between = sorted((curve.accepted_wrongly[nearest], curve.refused_wrongly[nearest]))
    assert between[0] - 0.05 <= eer <= between[1] + 0.05


def test_equal_errors_of_the_extremes():
    assert scores.equal_error_rate(scores.roc([0.1, 0.2], [0.8, 0.9])) == 1.0
    assert scores.equal_error_rate(scores.roc([0.8, 0.9], [0.1, 0.2])) == 0.0
    rng = np.random.default_rng(0)
    chance = scores.roc(rng.normal(size=4000), rng.normal(size=4000))
    assert scores.equal_error_rate(chance) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_threshold_lets_no_more_pass_than_asked(share):
    different = np.random.default_rng(1).uniform(-1, 1, 300)
    passed, _ = scores.rates([1.0], different, scores.threshold(different, share))
    assert passed == pytest.approx(share)


def test_ties_at_the_threshold_do_not_pass():
    assert scores.rates([1.0], [0.5] * 9 + [0.1], scores.threshold([0.5] * 9 + [0.1], 0.3))[0] == 0


def test_one_photo_is_the_mean_over_which_one_is_enrolled():
    points, who = sphere(4, 3, 0.9, seed=3)
    right = asked = 0
    for k in range(3):
        enrolled = {person: person * 3 + k for person in range(4)}
        for photo in range(12):
            if photo in enrolled.values():
                continue
            best = max(enrolled, key=lambda person: points[photo] @ points[enrolled[person]])
            right, asked = right + (best == who[photo]), asked + 1
    share, mistakes = scores.one_photo(points, who)
    assert share == pytest.approx(right / asked)
    assert len(mistakes) == asked - right > 0
    for photo, nearest, own in mistakes:
        assert who[photo] == who[own] != who[nearest]


def test_people_with_few_photos_are_enrolled_with_their_last_one():
    share, _ = scores.one_photo(np.eye(2)[[0, 0, 0, 1]], np.array([0, 0, 0, 1]))
    assert share == 1.0


def test_pixels_are_compared_without_their_brightness():
    photo = np.random.default_rng(0).integers(0, 100, (1, 5, 5))
    points = scores.as_points(np.concatenate([photo, photo * 2 + 30]))
    assert points[0] @ points[1] == pytest.approx(1.0)


def test_nothing_to_compare_is_said():
    with pytest.raises(DataError, match="no two photos of one person"):
        scores.roc([], [0.1])
    with pytest.raises(DataError, match="no photos of two people"):
        scores.roc([0.1], [])
    with pytest.raises(DataError, match="choose a threshold"):
        scores.threshold([], 0.01)
