"""Sections about a classifier."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from retroprop.train.report import ReportData
from retroprop.train.report.classes import class_sections


def sections(**fields: Any) -> str:
    return class_sections(ReportData(title="run", task="classification", **fields).checked())


def rows(markup: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a heading, without markup."""
    body = markup.partition(heading)[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body)
    ]


TRUE = [0, 0, 0, 0, 1, 1, 2, 2]
PREDICTED = [0, 0, 1, 1, 1, 2, 2, 2]
NAMES = ["cat", "dog", "cow"]


def test_the_most_frequent_confusions() -> None:
    markup = sections(y_true=TRUE, y_pred=PREDICTED, class_names=NAMES)
    assert rows(markup, "Taken for each other") == [
        ["cat", "dog", "2", "50.0%"],
        ["dog", "cow", "1", "50.0%"],
    ]
    assert "Confusion matrix" in markup


def test_scores_of_each_class() -> None:
    markup = sections(y_true=TRUE, y_pred=PREDICTED, class_names=[*NAMES, "owl"])
    assert rows(markup, "How well each class") == [
        ["cat", "4", "1.000", "0.500", "0.667"],
        ["dog", "2", "0.333", "0.500", "0.400"],
        ["cow", "2", "0.667", "1.000", "0.800"],
        ["owl", "0", "–", "–", "–"],
    ]
    assert "Recall in percent" in markup


def test_the_surest_mistakes_come_first() -> None:
    chances = np.array([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8]])
    markup = sections(
        y_true=[0, 0, 0, 1],
        probabilities=chances,
        class_names=["no", "yes"],
        rows=[{"age": age} for age in (1, 2, 3, 4)],
    )
    assert rows(markup, "Worst mistakes") == [
        ["no", "yes", "90.0%", "2"],
        ["no", "yes", "70.0%", "3"],
    ]


def test_mistakes_as_pictures() -> None:
    images = np.zeros((8, 28, 28), np.uint8)
    markup = sections(y_true=TRUE, y_pred=PREDICTED, class_names=NAMES, images=images)
    assert markup.count("<img") == 3
    assert "The first of the mistakes." in markup


def test_mistakes_without_rows_or_pictures() -> None:
    markup = sections(y_true=TRUE, y_pred=PREDICTED)
    assert rows(markup, "Worst mistakes")[0] == ["class 0", "class 1"]


def test_no_mistakes() -> None:
    markup = sections(y_true=[0, 1], y_pred=[0, 1], class_names=["a", "b"])
    assert "The model is right about all 2 examples." in markup
    assert "There are no mistakes." in markup


def test_very_many_classes() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 500, 3000)
    predicted = np.where(rng.uniform(size=3000) < 0.8, true, rng.integers(0, 500, 3000))
    markup = sections(y_true=true, y_pred=predicted)
    assert "Confusion matrix" not in markup
    assert "The 40 weakest of 500 classes are shown." in markup
    assert len(rows(markup, "How well each class")) == 40
    assert len(markup) < 60_000


def test_one_class_and_no_predictions() -> None:
    assert "Confusion matrix" in sections(y_true=[0, 0], y_pred=[0, 0])
    assert sections(y_true=[0, 0]) == ""
    assert sections() == ""


def test_probabilities_that_are_not_numbers_come_last() -> None:
    chances = [[np.nan, np.nan], [0.2, 0.8]]
    markup = sections(y_true=[1, 0], probabilities=chances, class_names=["a", "b"])
    assert rows(markup, "Worst mistakes")[0][2] == "80.0%"
