"""The confusion matrix and the scores made of it, against hand values and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop import metrics
from retroprop.errors import ArgumentError, IndexRangeError

PREDICTED = np.array([0, 1, 1, 2, 0, 1])
TRUE = np.array([0, 1, 0, 2, 2, 1])


def test_rows_are_true_and_columns_predicted() -> None:
    matrix = metrics.confusion_matrix(PREDICTED, TRUE)
    assert matrix.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert matrix.dtype == np.int64
    weighted = metrics.confusion_matrix(PREDICTED, TRUE, [0.5, 1, 1, 1, 1, 1])
    assert weighted.tolist() == [[0.5, 1, 0], [0, 2, 0], [1, 0, 1]]


def test_it_grows_with_the_classes_that_occur() -> None:
    metric = metrics.ConfusionMatrix()
    metric.update(np.array([0]), [0])
    metric.update(np.array([3]), [1])
    assert metric.compute().shape == (4, 4)
    assert metric.compute()[1, 3] == metric.compute()[0, 0] == 1
    fixed = metrics.ConfusionMatrix(5)
    assert fixed.compute().shape == (5, 5)
    with pytest.raises(IndexRangeError, match="class 5 of only 5 classes"):
        fixed.update(np.array([5]), [0])


def test_the_matrix_given_is_a_copy() -> None:
    metric = metrics.ConfusionMatrix()
    metric.update(PREDICTED, TRUE, np.ones(6))
    metric.compute()[:] = 0
    assert metric.compute().sum() == 6


def test_scores_by_hand() -> None:
    scores = metrics.class_scores(metrics.confusion_matrix(PREDICTED, TRUE))
    np.testing.assert_allclose(scores.precision, [1 / 2, 2 / 3, 1])
    np.testing.assert_allclose(scores.recall, [1 / 2, 1, 1 / 2])
    np.testing.assert_allclose(scores.f1, [1 / 2, 4 / 5, 2 / 3])
    assert scores.support.tolist() == [2, 2, 2]


def test_classes_that_do_not_occur() -> None:
    """Never predicted: precision 0 (or what is asked). Not there at all: NaN, and not averaged."""
    matrix = [[2, 0, 0], [1, 0, 0], [0, 0, 0]]
    scores = metrics.class_scores(matrix)
    np.testing.assert_array_equal(scores.precision, [2 / 3, 0, np.nan])
    np.testing.assert_array_equal(scores.recall, [1, 0, np.nan])
    assert metrics.class_scores(matrix, zero_division=1).precision[1] == 1
    scored = np.eye(3)[[0, 0, 0]]
    assert metrics.precision(scored, [0, 0, 1]) == pytest.approx(1 / 3)
    np.testing.assert_array_equal(metrics.recall(scored, [0, 0, 1], average=None), [1, 0, np.nan])


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("which", ["precision", "recall", "f1"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_agrees(which: str, average: str, weighted: bool) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    true, predicted = rng.integers(0, 6, 200), rng.integers(0, 5, 200)
    weight = rng.uniform(size=200) if weighted else None
    theirs: Any = getattr(reference, f"{which}_score")(
        true, predicted, average=average, sample_weight=weight, zero_division=0.0
    )
    ours = getattr(metrics, which)(predicted, true, weight, average=average)
    assert ours == pytest.approx(theirs, rel=1e-12)
    metric = metrics.get(f"{which}_{average}")
    metric.update(predicted, true, weight)
    assert metric.compute() == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("which", ["precision", "recall", "f1"])
def test_binary_is_scikit_learns(which: str) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(4)
    logits, true = rng.normal(size=100), rng.integers(0, 2, 100)
    theirs = getattr(reference, f"{which}_score")(true, logits > 0)
    assert getattr(metrics, which)(logits, true, average="binary") == pytest.approx(theirs)


def test_each_class_is_scikit_learns() -> None:
    reference = pytest.importorskip("sklearn.metrics")
    theirs = reference.precision_recall_fscore_support(TRUE, PREDICTED)
    ours = metrics.class_scores(metrics.confusion_matrix(PREDICTED, TRUE))
    for left, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12)
    np.testing.assert_array_equal(
        metrics.confusion_matrix(PREDICTED, TRUE), reference.confusion_matrix(TRUE, PREDICTED)
    )


def test_binary_with_one_class_seen() -> None:
    assert metrics.f1(np.array([0, 0]), [0, 0], average="binary") == 0.0
    assert metrics.f1(np.array([1, 1]), [1, 1], average="binary") == 1.0


def test_what_cannot_be_averaged() -> None:
    with pytest.raises(ArgumentError, match="for two classes, there are 3"):
        metrics.f1(PREDICTED, TRUE, average="binary")
    with pytest.raises(ArgumentError, match="did you mean 'macro'"):
        metrics.F1("marco")
    with pytest.raises(ArgumentError, match="at least 1"):
        metrics.ConfusionMatrix(0)


def test_names() -> None:
    assert [metrics.F1().name, metrics.F1("micro").name] == ["f1", "f1_micro"]
    assert metrics.Precision(None).name == "precision"
