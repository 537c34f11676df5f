"""Sections about a regression."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from retroprop.train.report import ReportData
from retroprop.train.report.values import value_sections


def sections(**fields: Any) -> str:
    return value_sections(ReportData(title="run", task="regression", **fields).checked())


def worst(markup: str) -> list[list[str]]:
    body = markup.partition("Worst predictions")[2].partition("<tbody>")[2]
    return [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body)
    ]


def test_the_worst_come_first() -> None:
    markup = sections(
        y_true=[10.0, 20.0, 30.0],
        y_pred=[11.0, 12.0, 90.0],
        rows=[("a",), ("b",), ("c",)],
        sources=["row 2", "row 3", "row 4"],
    )
    assert worst(markup) == [
        ["30", "90", "+60", "row 4", "c"],
        ["20", "12", "−8", "row 3", "b"],
        ["10", "11", "+1", "row 2", "a"],
    ]


def test_charts_are_named_by_target_and_unit() -> None:
    markup = sections(y_true=[1.0, 2.0], y_pred=[1.0, 3.0], target="price", unit="€")
    for wanted in ("true price (€)", "predicted price (€)", "Errors", "exact"):
        assert wanted in markup


def test_a_lean_is_said_when_it_is_more_than_chance() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=1000)
    noise = rng.normal(size=1000)
    level = noise - noise.mean()
    assert "too high by 1" in sections(y_true=true, y_pred=true + level + 1.0)
    assert "too low by 1" in sections(y_true=true, y_pred=true + level - 1.0)
    assert "lean neither high nor low" in sections(y_true=true, y_pred=true + level)


def test_predictions_that_are_not_finite_are_the_worst() -> None:
    markup = sections(y_true=[1.0, 2.0, 3.0], y_pred=[1.0, np.nan, np.inf])
    assert [row[1] for row in worst(markup)] == ["nan", "inf", "1"]


def test_pictures() -> None:
    images = np.zeros((30, 8, 8, 3), np.uint8)
    markup = sections(y_true=np.arange(30.0), y_pred=np.zeros(30), images=images)
    assert markup.count("<img") == 18


def test_without_examples() -> None:
    assert sections() == ""
    assert sections(y_true=[1.0]) == ""
    assert sections(y_true=[], y_pred=[]) == ""
