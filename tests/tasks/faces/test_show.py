"""The pictures of the report."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.faces import scores, show
from retroprop.tasks.faces.photos import Photos
from tests.tasks.faces.drawn import draw


def seen(threshold=0.5, spread=0.9):
    photos, who = draw(4, 3)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4, 5))[who] + rng.normal(0, spread, (12, 5))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    part = Photos(photos[..., None], who, names=["Ada", "Bo", "Cy", "<Di>"])
    return show.Seen(part, points, threshold), points, who


def test_scores_are_those_of_the_pairs():
    found, points, who = seen()
    numbers = found.scores()
    pairs = scores.pairs(points, who)
    assert numbers["rank1"] == scores.one_photo(points, who)[0]
    assert numbers["eer"] == scores.equal_error_rate(scores.roc(pairs.same, pairs.different))
    assert numbers["false_accepts"] == pytest.approx((pairs.different >= 0.5).mean())
    assert numbers["false_rejects"] == pytest.approx((pairs.same < 0.5).mean())
    assert numbers["pixels_rank1"] > 0.5


def test_without_a_threshold_nothing_is_said_of_it():
    found, _, _ = seen(None)
    assert "threshold" not in found.scores()
    assert len(found.said()[1]) == 2
    assert found.sections().count("<svg") == 4


def test_the_result_is_said_in_words():
    big, lines = seen()[0].said()
    assert big.endswith("%")
    assert "4 people" in lines[0]
    assert "pixels" in lines[1]


def test_the_worst_pairs_are_shown_with_names():
    found, _, _ = seen()
    page = found.sections()
    assert page.count("<img") >= 4
    assert "&lt;Di&gt;" in page
    assert "<Di>" not in page
    worst = found.pairs.different.max()
    assert f"{worst:.3f}" in page
    assert "Named wrongly" in page


def test_no_mistakes_no_table():
    assert "Named wrongly" not in seen(spread=0.01)[0].sections()


def test_charts_stand_alone():
    found, _, _ = seen()
    for chart in (
        show.similarity_chart(found.pairs, 0.5, standalone=True),
        show.error_chart(found.roc, 0.5, standalone=True),
        show.roc_chart(found.roc, found.pixels_roc, standalone=True),
    ):
        assert chart.count("<svg") == 1
        assert "style" in chart
