"""Panels: gaps are filled from the past, and marked."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import DataError
from retroprop.tasks.series.frequency import Frequency
from retroprop.tasks.series.panel import Panel, Schema, filled, on_grid, written

HOURLY = Frequency("seconds", 3600.0)


def test_a_gap_takes_the_value_a_season_before_or_the_last_one():
    values = np.array([1.0, 2.0, np.nan, np.nan, np.nan])
    known = np.isfinite(values)
    assert filled(values, known, 2).tolist() == [1.0, 2.0, 1.0, 2.0, 1.0]
    assert filled(values, known, 0).tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]


def test_missing_dates_become_marked_rows():
    dates = np.array([0.0, 1.0, 3.0]) * 3600
    track, empty = on_grid("a", dates, np.array([[5.0], [6.0], [8.0]]), HOURLY, "f.csv")
    assert empty == 1
    assert track.known.tolist() == [True, True, False, True]
    assert track.values.tolist() == [5.0, 6.0, 6.0, 8.0]
    assert len(track) == 4


def test_what_is_missing_before_the_first_value_is_left_out():
    track, _ = on_grid("", np.arange(3) * 3600.0, np.array([[np.nan], [1.0], [2.0]]), HOURLY, "f")
    assert track.values.tolist() == [1.0, 2.0]
    assert track.dates[0] == 3600.0


def test_dates_off_the_grid_are_named():
    with pytest.raises(DataError, match=r"(?s)f\.csv.*1970-01-01 00:10.*hourly"):
        on_grid("a", np.array([0.0, 600.0]), np.ones((2, 1)), HOURLY, "f.csv")


def test_a_panel_knows_its_size_and_name():
    track, _ = on_grid("a", np.arange(3) * 3600.0, np.ones((3, 1)), HOURLY, "f")
    panel = Panel([track, track], HOURLY, Schema("date", ["x", "y"]))
    assert len(panel) == 6
    assert panel.name == "2 columns"
    assert panel.schema.wide


def test_dates_are_written_short():
    assert written(0.0) == "1970-01-01"
    assert written(90.0) == "1970-01-01 00:01:30"
    assert written(-86400.0 * 80000) == "1750-12-20"
