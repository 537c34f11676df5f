"""What metrics accept, and what they say about the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop import metrics
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from retroprop.metrics.inputs import labelled, paired

SCORES = np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]])


def test_labels_and_distributions_as_targets() -> None:
    for target in ([1, 0, 1], [1.0, 0.0, 1.0], np.array([[1], [0], [1]]), np.eye(2)[[1, 0, 1]]):
        assert metrics.accuracy(SCORES, target) == 1.0
    assert metrics.accuracy(SCORES, [[0.3, 0.7], [0.6, 0.4], [0.9, 0.1]]) == 2 / 3


def test_binary_scores_of_either_shape() -> None:
    for prediction in ([2.0, -1.0], [[2.0], [-1.0]]):
        for target in ([1, 0], [[1], [0]], [True, False], [1.0, 0.0]):
            assert metrics.accuracy(prediction, target) == 1.0
            assert metrics.accuracy(prediction, target, [1.0, 2.0]) == 1.0


def test_positions_count_like_rows() -> None:
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(3, 5, 7, 2)), rng.integers(0, 5, (3, 7, 2))
    by_hand = (scores.argmax(axis=1) == target).mean()
    assert metrics.accuracy(scores, target) == pytest.approx(by_hand)
    per_row = (scores.argmax(axis=1) == target).mean(axis=(1, 2))
    weighted = metrics.accuracy(scores, target, [1, 2, 3])
    assert weighted == pytest.approx((per_row * [1, 2, 3]).sum() / 6)
    each = rng.uniform(size=target.shape)
    weighted = metrics.accuracy(scores, target, each)
    assert weighted == pytest.approx(((scores.argmax(1) == target) * each).sum() / each.sum())


def test_binary_positions() -> None:
    scores = np.array([[[[1.0, -1.0], [2.0, -3.0]]]])  # (n, 1, height, width)
    assert metrics.accuracy(scores, np.array([[[1, 0], [1, 1]]])) == 0.75
    assert metrics.accuracy(scores, np.array([[[[1, 0], [1, 1]]]])) == 0.75


def test_decided_classes() -> None:
    assert metrics.accuracy(np.array([0, 2, 1]), np.array([0, 2, 2])) == 2 / 3
    assert metrics.accuracy(np.array([[0, 2], [1, 1]]), np.array([[0, 2], [2, 1]])) == 0.75
    assert metrics.accuracy(np.array([True, False]), [1, 1]) == 0.5


def test_ignored_rows_do_not_count() -> None:
    assert metrics.accuracy(SCORES, [1, -100, 0]) == 0.5
    assert metrics.accuracy(SCORES, [1, 1, 0], ignore_index=1) == 0.0
    assert metrics.accuracy(SCORES, [1, -100, 0], [1, 9, 3]) == 0.25
    assert metrics.perplexity(SCORES, [-1, 0, -1], ignore_index=-1) == metrics.perplexity(
        SCORES[1:2], [0]
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_floats_of_any_width(dtype: str) -> None:
    assert metrics.accuracy(SCORES.astype(dtype), [1, 0, 0]) == 2 / 3
    assert metrics.mae(np.array([1, 2], dtype), np.array([2, 4])) == 1.5


def test_bfloat16() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert metrics.accuracy(SCORES.astype(ml_dtypes.bfloat16), [1, 0, 0]) == 2 / 3
    assert metrics.mae(np.array([1, 2], ml_dtypes.bfloat16), [2, 4]) == 1.5


WRONG: list[tuple[Any, Any, Any, type[Exception], str]] = [
    (SCORES, [1, 0], None, ShapeError, r"prediction \(3, 2\) and target \(2,\) do not fit"),
    (SCORES, 1, None, ShapeError, r"target \(\)"),
    (1.0, 1, None, ShapeError, r"prediction \(\)"),
    (SCORES.T, [1, 0, 1], None, ShapeError, r"prediction \(2, 3\)"),
    (np.zeros((2, 3, 4)), np.zeros((2, 3, 4)), None, ShapeError, "do not fit"),
    ([[1, 2], [3]], [0, 1], None, ShapeError, "prediction is not a regular array"),
    (SCORES, [1, 0, 2], None, IndexRangeError, r"label 2 at row 2 is outside 0 ... 1"),
    ([0.5, 0.1], [1, 2], None, IndexRangeError, "2 classes"),
    (SCORES, [1, -1, 0], None, IndexRangeError, "label -1 at row 1 is negative"),
    (np.array([0, -2]), [0, 1], None, IndexRangeError, "predicted class -2"),
    (SCORES, [1, 0.5, 0], None, DTypeError, "label 0.5 at row 1 is not a class index"),
    (SCORES, [1, np.nan, 0], None, DTypeError, "label nan at row 1"),
    (SCORES, ["a", "b", "a"], None, DTypeError, "target must hold real numbers"),
    (SCORES + 1j, [0, 1, 0], None, DTypeError, "prediction must hold real numbers"),
    (np.zeros((2, 3)), [[1, 1, 0], [0, 0, 1]], None, ArgumentError, "does not sum to 1"),
    (SCORES, [1, 0, 1], [1, 2], ShapeError, r"weight \(2,\) does not fit target \(3,\)"),
    (SCORES, [1, 0, 1], [1, -2, 1], ArgumentError, "weight -2.0 at row 1"),
    (SCORES, [1, 0, 1], [1, 1, np.inf], ArgumentError, "weight inf at row 2"),
]


@pytest.mark.parametrize(("prediction", "target", "weight", "error", "match"), WRONG)
def test_what_does_not_fit_is_refused(
    prediction: Any, target: Any, weight: Any, error: Any, match: str
) -> None:
    with pytest.raises(error, match=match):
        metrics.accuracy(prediction, target, weight)


def test_a_refused_batch_leaves_no_trace() -> None:
    metric = metrics.Accuracy()
    metric.update(SCORES, [1, 0, 0])
    with pytest.raises(IndexRangeError):
        metric.update(SCORES, [1, 0, 7])
    assert metric.compute() == 2 / 3


def test_columns_go_with_vectors_but_nothing_is_broadcast() -> None:
    assert metrics.mae(np.ones((4, 1)), np.zeros(4)) == 1.0
    assert metrics.mae(np.ones(4), np.zeros((4, 1)), np.ones((4, 1))) == 1.0
    for left, right in (((4,), (1,)), ((4, 1), (1, 4)), ((4, 2), (4,)), ((4, 2), (2, 4)), ((), ())):
        with pytest.raises(ShapeError, match="mae: prediction"):
            metrics.mae(np.ones(left), np.ones(right))


def test_the_forms_are_the_documented_ones() -> None:
    batch = labelled("accuracy", SCORES, [1, 0, -100], [1, 2, 3])
    assert (batch.kind, batch.classes, batch.weight.tolist()) == ("classes", 2, [1.0, 2.0])
    assert labelled("accuracy", [1.5], [1], None).kind == "binary"
    assert labelled("accuracy", [1], [1], None).classes is None
    pair = paired("mae", np.zeros((2, 3, 4), np.float32), np.zeros((2, 3, 4)), [1, 2])
    assert pair.prediction.shape == pair.target.shape == pair.weight.shape == (2, 12)
    assert pair.prediction.dtype == np.float64
