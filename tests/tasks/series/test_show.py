"""Words for people: skill is claimed only where there is some."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.series import show
from retroprop.tasks.series.backtest import Backtest, scores
from retroprop.tasks.series.features import Recipe
from retroprop.tasks.series.frequency import Frequency
from retroprop.tasks.series.panel import Track

RECIPE = Recipe(2, 6, [7], Frequency("seconds", 86400.0), False)
SEASON = "7 days before"


def made(error):
    track = Track(
        "a", np.arange(60) * 86400.0, np.arange(60.0), np.ones(60, bool), np.zeros((60, 0))
    )
    median = np.full((50, 2), error)
    values = np.stack([median - 1, median, median + 1], axis=2)
    naive = {"the last value": np.ones((50, 2)), SEASON: np.full((50, 2), 2.0)}
    return [Backtest(track, np.arange(5, 55), values, np.zeros((50, 2)), naive, values)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.5, "off by 50 % less than the best free guess"),
        (1.0, "No skill: forecasts 1 to 2 days ahead are no better than the best free guess."),
        (1.5, "they are 50 % worse"),
    ],
)
def test_skill_is_said_plainly(error, words):
    tests = made(error)
    big, lines = show.said(scores(tests, SEASON), RECIPE, "the last value", SEASON, tests)
    assert words in lines[0]
    assert big == ("+50 %" if error < 1 else "no skill")
    assert '"the last value"' in lines[1]


def test_a_report_has_its_sections():
    fields = show.report(made(0.5), RECIPE, SEASON, "load")
    for title in ("Forecasts", "How far ahead", "Against free guesses", "Errors, and what was odd"):
        assert f"<h2>{title}</h2>" in fields["sections"]
    assert fields["said"][0] == "+50 %"


def test_the_future_is_dated():
    rows = show.future(made(0.5)[0], RECIPE, 2)
    assert rows["date"] == ["1970-03-02", "1970-03-03"]
    assert rows["median"] == [0.5, 0.5]


def test_one_line_tells_of_volatility_too():
    line = show.in_one_line(
        {"mase": 1.0, "mae": 2.0, "coverage": 0.8, "skill": 0.0, "volatility_skill": -0.02}, SEASON
    )
    assert line.endswith("QLIKE 0.020 above the better of EWMA and GARCH(1,1)")
