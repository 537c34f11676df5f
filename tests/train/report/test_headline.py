"""The result in words, true to the numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from retroprop.train.report import ReportData
from retroprop.train.report.headline import (
    headline,
    label,
    percent,
    score_tiles,
    span,
    summary_line,
)


def words(**fields: Any) -> str:
    """The headline without markup."""
    markup = headline(ReportData(title="run", **fields).checked())
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def test_classification() -> None:
    true = np.repeat([0, 1], [70, 30])
    predicted = true.copy()
    predicted[:10] = 1
    said = words(task="classification", y_true=true, y_pred=predicted, class_names=["no", "yes"])
    assert said == (
        "90.0% The model gets 90 of 100 test examples right. Always answering “no”, the most "
        "common class, would get 70.0%. With 100 examples examined, expect 82.6% to 94.5% on new "
        "ones of the same kind."
    )


def test_a_useless_classifier_is_called_so() -> None:
    said = words(task="classification", y_true=[0, 0, 0, 1], y_pred=[0, 0, 0, 0])
    assert "would get 75.0%: the model is no better than that." in said


def test_regression() -> None:
    said = words(
        task="regression",
        y_true=[1000.0, 2000.0, 3000.0],
        y_pred=[1000.0, 2100.0, 3500.0],
        target="price",
        unit="€",
        rows=[[1], [2], [3]],
        split="validation",
    )
    assert said == (
        "±200 On 3 validation rows, predictions of price are off by 200 € on average; half of "
        "them by less than 100 €. Always predicting the average would be off by 667 €: the "
        "model&#x27;s error is 70.0% smaller."
    )


def test_a_useless_regression_is_called_so() -> None:
    said = words(task="regression", y_true=[1.0, 2.0], y_pred=[9.0, 9.0])
    assert "the model is no better than that." in said


def test_predictions_that_are_not_finite_are_counted() -> None:
    said = words(task="regression", y_true=[1.0, 2.0], y_pred=[np.nan, 2.5])
    assert "On 1 test examples" in said
    assert "1 predictions are not finite numbers" in said
    assert "not finite" not in words(task="regression", y_true=[1.0], y_pred=[np.inf], history=[])


def test_without_examples_the_scores_speak() -> None:
    said = words(task="language", scores={"loss": 1.25, "perplexity": 3.49}, split="validation")
    assert said == "3.49 Validation perplexity of the trained model."
    assert words() == ""
    assert words(history=[{"epoch": 1}], status="running") == "The run is running."


def test_how_it_ended() -> None:
    assert "Training diverged" in words(task="regression", status="diverged", history=[{}])
    assert "Training was interrupted" in words(
        task="classification", status="interrupted", y_true=[0], y_pred=[0]
    )


def test_tiles() -> None:
    data = ReportData(
        title="run",
        scores={"loss": 0.25, "accuracy": 0.9, "r2": 0.5, "matrix": np.eye(2)},
        history=[{}] * 12,
        seconds=90,
        parameters=12345,
    )
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", score_tiles(data))
    assert found == [
        ("test loss", "0.25"),
        ("test accuracy", "90.0%"),
        ("test R²", "0.5"),
        ("epochs", "12"),
        ("training time", "1 min 30 s"),
        ("parameters", "12,345"),
    ]


def test_the_line_under_the_title() -> None:
    data = ReportData(
        title="run",
        task="classification",
        target="species",
        class_names=["a", "b", "c"],
        created="today",
    )
    assert summary_line(data) == "classification of species · 3 classes · finished · today"
    assert summary_line(ReportData(title="run")) == "training · finished"


def test_small_texts() -> None:
    shares = [0.0, 1.0, 0.99996, 0.9991, 0.5, 0.00123, 0.000012, float("nan")]
    assert [percent(share) for share in shares] == [
        "0%", "100%", "99.99%", "99.91%", "50.0%", "0.1%", "0.001%", "–",
    ]  # fmt: skip
    assert [span(s) for s in (0, 9.94, 10, 59.4, 60, 3599, 3600)] == [
        "0.0 s", "9.9 s", "10 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min",
    ]  # fmt: skip
    assert label("val_r2") == "validation R²"
