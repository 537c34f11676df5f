"""Pictures: lines, bands and gaps in place."""

from __future__ import annotations

import numpy as np

from retroprop.tasks.series.backtest import Backtest
from retroprop.tasks.series.features import Recipe
from retroprop.tasks.series.frequency import Frequency
from retroprop.tasks.series.panel import Track
from retroprop.tasks.series.pictures import (
    band_chart,
    errors_by_step,
    last_forecasts,
    volatility,
)

RECIPE = Recipe(3, 6, [], Frequency("seconds", 3600.0), False)


def test_gaps_break_the_line_and_every_forecast_has_a_band():
    pieces = [([2, 3], np.array([[0.0, 1, 2], [0, 1, 2]]))] * 2
    chart = band_chart([0, 1, 2, 3], [1.0, np.nan, 2.0, 3.0], pieces, title="A <b>")
    assert chart.count("<polygon") == 2
    assert chart.count("<polyline") == 4
    assert "A &lt;b&gt;" in chart
    assert "nothing to show" in band_chart([], [], [], title="B")


def backtest():
    n = 60
    track = Track(
        "a", np.arange(n) * 3600.0, np.arange(n) + 1.0, np.ones(n, bool), np.zeros((n, 0))
    )
    at = np.arange(30, 58)
    values = np.repeat((at[:, None] + np.arange(3))[..., None], 3, axis=2) + np.array([-1.0, 0, 1])
    variance = np.full((len(at), 3), 1e-4)
    return Backtest(
        track, at, values, values[..., 1], {}, values, {"network": variance, "GARCH(1,1)": variance}
    )


def test_the_last_forecasts_do_not_overlap():
    chart = last_forecasts(backtest(), RECIPE)
    assert chart.count("<polygon") == 7
    assert "days since 1970-01-0" in chart


def test_errors_and_volatility_are_drawn():
    rows = [
        {"step": 1.0, "mae": 1.0, "naive_mae": 2.0},
        {"step": 2.0, "mae": 1.5, "naive_mae": 2.0},
    ]
    assert "hours ahead" in errors_by_step(rows, RECIPE, "24 hours before")
    assert "a: volatility of the next day" in volatility(backtest())
