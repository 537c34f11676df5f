"""What a report is given, brought to one form or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.errors import ArgumentError, DataError, ShapeError
from retroprop.train.report import ReportData


def classified(**fields: Any) -> ReportData:
    return ReportData(title="run", task="classification", **fields).checked()


def test_probabilities_decide_the_classes() -> None:
    data = classified(y_true=[0, 2], probabilities=[[0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    assert data.y_pred.tolist() == [1, 2]
    assert data.class_names == ["class 0", "class 1", "class 2"]


def test_binary_probabilities_become_two_columns() -> None:
    for given in ([0.2, 0.9], [[0.2], [0.9]]):
        data = classified(y_true=[0, 1], probabilities=given)
        np.testing.assert_allclose(data.probabilities, [[0.8, 0.2], [0.1, 0.9]])
        assert data.y_pred.tolist() == [0, 1]


def test_columns_become_vectors_and_the_given_stays() -> None:
    true, predicted = np.ones((3, 1), np.float32), np.zeros(3)
    data = ReportData(title="run", task="regression", y_true=true, y_pred=predicted)
    checked = data.checked()
    assert checked.y_true.shape == checked.y_pred.shape == (3,)
    assert data.y_true is true


def test_what_an_example_is_called() -> None:
    images = np.zeros((1, 2, 2), np.uint8)
    assert ReportData(title="a", y_true=[1]).noun == "examples"
    assert ReportData(title="a", y_true=[1], rows=[[1]]).noun == "rows"
    assert ReportData(title="a", y_true=[1], images=images).noun == "images"


def test_without_examples_nothing_of_them_is_kept() -> None:
    data = ReportData(title="a", images=np.zeros((3, 2, 2), np.uint8), y_pred=[1]).checked()
    assert data.images is data.y_pred is None
    assert data.examples == 0


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"y_true": [0, 1], "y_pred": [0]}, ShapeError, r"y_pred must have shape \(2,\), got \(1,\)"),
    ({"y_true": [[0, 1]], "y_pred": [0]}, ShapeError, r"y_true must have shape \(examples,\)"),
    ({"y_true": ["a"], "y_pred": [0]}, DataError, "y_true must hold numbers"),
    ({"y_true": [0], "y_pred": [-1]}, ArgumentError, "must not be negative"),
    ({"y_true": [2], "y_pred": [0], "class_names": ["a", "b"]}, ShapeError, "2 names for 3"),
    ({"y_true": [0], "probabilities": [[3.0, -2.0]]}, ArgumentError, "no distribution"),
    ({"y_true": [0], "probabilities": [[0.5, 0.2]]}, ArgumentError, "apply softmax"),
    ({"y_true": [0], "probabilities": [[0.5, 0.5]] * 2}, ShapeError, r"\(1, classes\)"),
    (
        {"y_true": [0], "probabilities": [[0.5, 0.5]], "class_names": list("abc")},
        ShapeError,
        "3 names for 2 classes",
    ),
    ({"y_true": [0], "y_pred": [0], "rows": [1, 2]}, ShapeError, "rows has 2 entries"),
    ({"y_true": [0], "y_pred": [0], "sources": []}, ShapeError, "sources has 0 entries"),
    (
        {"y_true": [0], "y_pred": [0], "images": np.zeros((2, 4, 4), np.uint8)},
        ShapeError,
        "images has 2 entries, y_true has 1",
    ),
    (
        {"y_true": [0], "y_pred": [0], "images": np.zeros((1, 3, 4, 4), np.uint8)},
        DataError,
        r"images must be uint8 \(examples, height, width",
    ),
    ({"y_true": [0], "y_pred": [0], "images": np.zeros((1, 4, 4))}, DataError, "got float64"),
]


@pytest.mark.parametrize(("fields", "error", "match"), WRONG)
def test_what_does_not_fit_is_named(fields: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        classified(**fields)


def test_probabilities_of_a_diverged_model_are_let_through() -> None:
    data = classified(y_true=[0, 1], probabilities=[[np.nan, np.nan], [0.5, 0.5]])
    assert len(data.y_pred) == 2
