"""Accuracy and top-k accuracy against hand values and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import metrics
from retroprop.errors import ArgumentError


def test_accuracy_by_hand() -> None:
    scores = [[3.0, 1.0, 0.0], [0.0, 5.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.1, 0.2]]
    assert metrics.accuracy(scores, [0, 1, 0, 1]) == 0.75  # the tie goes to class 0
    assert metrics.accuracy(scores, [0, 1, 0, 1], [1, 1, 1, 5]) == 3 / 8


def test_the_threshold_decides_binary_scores() -> None:
    chances = [0.9, 0.4, 0.6, 0.5]
    assert metrics.accuracy(chances, [1, 0, 1, 0], threshold=0.5) == 1.0
    assert metrics.accuracy(chances, [1, 0, 1, 0]) == 0.5  # as logits all say class 1
    assert metrics.accuracy([0.0], [0]) == 1.0  # not above


def test_infinite_scores_are_scores() -> None:
    assert metrics.accuracy([[-np.inf, 0.0], [np.inf, 0.0]], [1, 0]) == 1.0


def test_many_rows_stay_exact() -> None:
    metric = metrics.Accuracy()
    for _ in range(1000):
        metric.update(np.zeros((1000, 2)), np.zeros(1000, dtype=np.int64))
    metric.update(np.zeros((1, 2)), [1])
    assert metric.compute() == 1_000_000 / 1_000_001


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_top_k_is_scikit_learns(k: int) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(k)
    scores, target = rng.normal(size=(300, 10)), rng.integers(0, 10, 300)
    weight = rng.uniform(size=300)
    ours = metrics.top_k_accuracy(scores, target, weight, k=k)
    theirs = reference.top_k_accuracy_score(
        target, scores, k=k, sample_weight=weight, labels=range(10)
    )
    assert ours == pytest.approx(theirs, rel=1e-12)
    assert metrics.top_k_accuracy(scores, target, k=1) == metrics.accuracy(scores, target)


def test_ties_go_to_the_smaller_class() -> None:
    scores = np.zeros((4, 4))
    assert metrics.top_k_accuracy(scores, [0, 1, 2, 3], k=2) == 0.5
    metric = metrics.TopKAccuracy(2)
    metric.update(scores, [0, 1, 0, 1])
    assert metric.compute() == 1.0


def test_top_k_needs_more_classes_than_k() -> None:
    with pytest.raises(ArgumentError, match="3 classes are too few to choose 5 of"):
        metrics.top_k_accuracy(np.zeros((2, 3)), [0, 1])
    with pytest.raises(ArgumentError, match="2 classes are too few"):
        metrics.top_k_accuracy([0.1, 0.2], [0, 1])
    with pytest.raises(ArgumentError, match="at least 1"):
        metrics.TopKAccuracy(0)


def test_names() -> None:
    assert metrics.Accuracy().name == "accuracy"
    assert metrics.TopKAccuracy(3).name == "top_3_accuracy"
    assert repr(metrics.TopKAccuracy(3)) == "TopKAccuracy(k=3, ignore_index=-100)"
