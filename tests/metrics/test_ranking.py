"""The area under the ROC curve against counting pairs, hand values and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop import metrics
from retroprop.errors import ArgumentError, ShapeError


def counted(scores: Any, positive: Any, weight: Any) -> float:
    """The definition: every positive row against every negative one."""
    won = total = 0.0
    for i in np.flatnonzero(positive):
        for j in np.flatnonzero(~positive):
            pair = weight[i] * weight[j]
            won += pair * ((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]))
            total += pair
    return won / total


@given(
    rows=st.lists(
        st.tuples(st.integers(-3, 3), st.booleans(), st.integers(1, 5)), min_size=2, max_size=25
    ).filter(lambda rows: len({row[1] for row in rows}) == 2)
)
def test_it_counts_pairs(rows: list[tuple[int, bool, int]]) -> None:
    scores, positive, weight = (np.array(column) for column in zip(*rows, strict=True))
    ours = metrics.auc(scores.astype(float), positive, weight)
    assert ours == pytest.approx(counted(scores, positive, weight), rel=1e-12)


def test_by_hand() -> None:
    assert metrics.auc([0.1, 0.2, 0.3], [0, 0, 1]) == 1.0
    assert metrics.auc([0.1, 0.2, 0.3], [1, 0, 0]) == 0.0
    assert metrics.auc([0.5, 0.5, 0.5], [1, 0, 0]) == 0.5
    assert metrics.auc([-np.inf, 0.0, np.inf], [0, 1, 1]) == 1.0


def test_one_class_alone_has_no_area() -> None:
    assert np.isnan(metrics.auc([0.1, 0.2], [1, 1]))
    assert np.isnan(metrics.auc([0.1, 0.2], [0, 0]))


@pytest.mark.parametrize("ties", [False, True])
def test_binary_is_scikit_learns(ties: bool) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    scores, true, weight = rng.normal(size=500), rng.integers(0, 2, 500), rng.uniform(size=500)
    scores = scores.round(1) if ties else scores
    theirs = reference.roc_auc_score(true, scores, sample_weight=weight)
    assert metrics.auc(scores, true, weight) == pytest.approx(theirs, rel=1e-12)
    both = np.stack([-scores / 2, scores / 2], axis=1)
    assert metrics.auc(both, true, weight) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("given_as", ["logits", "probabilities"])
def test_one_against_the_rest_is_scikit_learns(average: str, given_as: str) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    logits, true = rng.normal(size=(400, 4)) * 3, rng.integers(0, 4, 400)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    theirs = reference.roc_auc_score(true, chances, multi_class="ovr", average=average)
    scores = logits + rng.normal(size=(400, 1)) if given_as == "logits" else chances
    assert metrics.auc(scores, true, average=average) == pytest.approx(theirs, rel=1e-10)


def test_certainty_does_not_tie() -> None:
    """Softmax probabilities that round to 1 still have an order."""
    logits = np.array([[50.0, 0.0, 0.0], [60.0, 0.0, 0.0], [-50.0, 0.0, 0.0]])
    each = metrics.auc(logits, [1, 0, 2], average=None)
    assert each[0] == 1.0


def test_a_class_that_is_missing_does_not_count() -> None:
    scores = np.eye(4)[[0, 1, 2, 0]]
    each = metrics.auc(scores, [0, 1, 2, 0], average=None)
    np.testing.assert_array_equal(each, [1, 1, 1, np.nan])
    assert metrics.auc(scores, [0, 1, 2, 0]) == 1.0


def test_scores_are_needed() -> None:
    with pytest.raises(ArgumentError, match="holds classes, not scores"):
        metrics.auc(np.array([0, 1]), [0, 1])
    with pytest.raises(ArgumentError, match="unknown average 'micro'"):
        metrics.AUC("micro")
    metric = metrics.AUC()
    metric.update(np.zeros((2, 3)), [0, 1])
    with pytest.raises(ShapeError, match="this batch has 4 classes, those before it 3"):
        metric.update(np.zeros((2, 4)), [0, 1])
