"""Frequencies: grids told by dates, and dates made from grids."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.series.frequency import Frequency, calendar, frequency

DAY = 86400.0


def seconds(*dates):
    return np.array(dates, "datetime64[s]").astype(np.int64).astype(float)


def months(first, count, step=1):
    start = np.datetime64(first, "M")
    return (
        (start + step * np.arange(count)).astype("datetime64[D]").astype("datetime64[s]")
    ).astype(float)


@pytest.mark.parametrize(
    ("dates", "name", "seasons"),
    [
        (np.arange(50) * 3600.0, "hourly", [24, 168]),
        (np.arange(50) * 900.0, "every 15 minutes", [96, 672]),
        (np.arange(50) * DAY, "daily", [7]),
        (np.arange(60) * 7 * DAY, "weekly", [52]),
        (months("1950-01", 30), "monthly", [12]),
        (months("1950-01", 30, 3), "quarterly", [4]),
        (months("1950-01", 30, 12), "yearly", []),
        (np.arange(50) * 5.0, "every 5 seconds", [17280, 120960]),
    ],
)
def test_usual_grids_are_told(dates, name, seasons):
    grid = frequency(dates)
    assert grid.name == name
    assert grid.seasons() == seasons
    assert grid.positions(dates).tolist() == list(range(len(dates)))
    assert grid.after(dates[0], np.arange(len(dates))).tolist() == dates.tolist()


def test_days_of_trading_are_working_days_with_holidays_missing():
    days = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-06-01"))
    days = days[np.is_busday(days)]
    days = days[days != np.datetime64("2020-04-10")]
    grid = frequency(days.astype("datetime64[s]").astype(float))
    assert grid.name == "every working day"
    assert grid.seasons() == [5]
    after = grid.after(seconds("2020-06-05")[0], [1, 2])  # a Friday
    assert after.tolist() == seconds("2020-06-08", "2020-06-09").tolist()


def test_ends_of_months_stay_ends_of_months():
    ends = seconds("2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31")
    grid = frequency(ends)
    assert grid.unit == "months"
    assert grid.after(ends[-1], [1, 2]).tolist() == seconds("2024-02-29", "2024-03-31").tolist()


def test_gaps_leave_a_grid_a_grid():
    dates = np.delete(np.arange(100) * 3600.0, [5, 6, 50])
    grid = frequency(dates)
    assert grid.name == "hourly"
    assert grid.positions(dates)[5] == 7


def test_what_is_not_regular_is_none():
    rng = np.random.default_rng(0)
    assert frequency(np.sort(rng.uniform(0, 1e7, 100))) is None
    assert frequency(np.array([0.0, DAY])) is None


def test_the_calendar_has_the_day_only_where_it_passes():
    hourly, daily = Frequency("seconds", 3600.0), Frequency("seconds", DAY)
    dates = np.array([0.0, DAY])
    assert calendar(dates, hourly).shape == (2, 12)
    assert calendar(dates, daily).shape == (2, 8)
    assert calendar(dates, Frequency("months", 12, 1.0)).shape == (2, 0)
    week = calendar(np.array([0.0, 7 * DAY]), daily)
    np.testing.assert_allclose(week[0, :4], week[1, :4], atol=1e-5)
