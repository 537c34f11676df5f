"""Backtests: a band that uses nothing of the future and holds what it says; scores by hand."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.series.backtest import (
    Backtest,
    best_naive,
    by_step,
    calibrated,
    factors,
    scores,
    strains,
)
from retroprop.tasks.series.frequency import Frequency
from retroprop.tasks.series.panel import Track

RNG = np.random.default_rng(0)


def test_a_strain_is_a_distance_in_half_widths_of_its_side():
    values = np.array([[[-2.0, 0.0, 1.0]]] * 2)
    assert strains(values, np.array([[1.0], [-1.0]])).ravel().tolist() == [1.0, 0.5]


def test_the_band_holds_its_share_though_the_spread_changes():
    n, horizon = 3000, 12
    spread = np.where(np.arange(n) < 1500, 1.0, 3.0)
    truth = RNG.normal(size=(n, horizon)) * spread[:, None]
    values = np.tile([-0.5, 0.0, 0.5], (n, horizon, 1))
    made = calibrated(values, factors(strains(values, truth)))
    inside = (truth >= made[..., 0]) & (truth <= made[..., 2])
    assert inside[200:1500].mean() == pytest.approx(0.8, abs=0.03)
    assert inside[1700:].mean() == pytest.approx(0.8, abs=0.03)


def test_the_band_of_an_origin_knows_nothing_of_what_came_after_it():
    strain = RNG.uniform(0.5, 2, (200, 3))
    before = factors(strain)
    for step in range(3):
        changed = strain.copy()
        changed[120 - step :, step] = 50  # the outcome of the forecast at 120 - step comes at 120
        np.testing.assert_array_equal(factors(changed)[:121], before[:121])
        assert (factors(changed)[121:, step] != before[121:, step]).any()


def test_unknown_outcomes_change_nothing():
    assert (factors(np.full((100, 2), np.nan)) == 1).all()


def one(error, naive_error, *, name="a"):
    truth = np.zeros((50, 2))
    truth[0, 0] = np.nan
    median = np.full((50, 2), error)
    values = np.stack([median - 1, median, median + 1], axis=2)
    track = Track(name, np.arange(60.0), np.zeros(60), np.ones(60, bool), np.zeros((60, 0)))
    guesses = {
        "the last value": np.full((50, 2), naive_error),
        "7 days before": np.full((50, 2), 9.0),
    }
    return Backtest(track, np.arange(50), values, truth, guesses, values)


def test_scores_by_hand():
    found = scores([one(0.5, 2.0)], "7 days before")
    assert found["mae"] == 0.5
    assert found["mase"] == pytest.approx(0.5 / 9)
    assert found["skill"] == pytest.approx(0.75)
    assert found["coverage"] == 1.0
    assert found["width"] == 2.0
    assert found["pinball"] == pytest.approx((0.1 * 0.5 + 0.5 * 0.5 + 0.1 * 1.5) / 3)
    assert best_naive([one(0.5, 2.0)]) == "the last value"


def test_series_count_the_same():
    found = scores([one(0.5, 2.0), one(2.5, 2.0, name="b")], "the last value")
    assert found["mase"] == pytest.approx((0.25 + 1.25) / 2)
    assert found["coverage"] == 0.5


def test_each_step_is_scored():
    rows = by_step([one(0.5, 2.0)], "the last value")
    assert [row["step"] for row in rows] == [1.0, 2.0]
    assert rows[1]["mase"] == 0.25
    assert Frequency("seconds", 1.0).noun == "second"
