"""Sizes: seasons that show, horizons and windows that fit, series that are too short."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.series.read import read_panel
from retroprop.tasks.series.sizes import decide, season_of, training_end


def table(n, period=7, **more):
    days = [str(np.datetime64("2020-01-01") + k) for k in range(n)]
    wave = 10 + np.sin(np.arange(n) * 2 * np.pi / period)
    return {"day": days, "load": wave.tolist(), **more}


def sizes(source, **given):
    panel = read_panel(source, {})
    return decide(panel, given), panel.notes


def test_the_season_of_the_calendar_is_taken_where_it_shows():
    found, notes = sizes(table(200))
    assert found == {"horizon": 14, "window": 28, "season": [7], "fold": 7}
    assert not notes


def test_another_season_is_found_and_said():
    found, notes = sizes(table(400, period=30))
    assert found["season"] == [30]
    assert "repeat after about 30 days" in notes[0]


def test_noise_has_no_season():
    assert season_of(np.random.default_rng(1).normal(size=500), 7) == 0
    assert season_of(np.cumsum(np.random.default_rng(1).normal(size=300)), 0) in range(100)


def test_what_was_given_is_kept():
    found, _ = sizes(table(300), horizon=3, window=10, season=[0])
    assert found == {"horizon": 3, "window": 10, "season": [], "fold": 1}
    with pytest.raises(ArgumentError, match=r"(?s)window=10 is not.*fold=4.*window=12"):
        sizes(table(300), window=10, fold=4)


def test_a_series_too_short_is_refused_with_what_it_needs():
    with pytest.raises(DataError, match=r"(?s)30 values are too few for a window of 28.*needed"):
        sizes(table(30), horizon=7, window=28)


def test_one_of_many_that_is_too_short_is_left_out_and_said():
    long, short = table(200), table(20)
    source = {
        "shop": ["long"] * 200 + ["short"] * 20,
        "day": long["day"] + short["day"],
        "load": long["load"] + short["load"],
    }
    panel = read_panel(source, {})
    decide(panel, {})
    assert [track.name for track in panel.tracks] == ["long"]
    assert any("too short before 2020-0" in note for note in panel.notes)
    assert any("short (20 values)" in note for note in panel.notes)


def test_a_series_that_begins_late_is_left_out():
    long, late = table(200), table(60)
    late["day"] = long["day"][140:]
    source = {
        "shop": ["long"] * 200 + ["late"] * 60,
        "day": long["day"] + late["day"],
        "load": long["load"] + late["load"],
    }
    panel = read_panel(source, {})
    decide(panel, {"horizon": 3, "window": 14})
    assert [track.name for track in panel.tracks] == ["long"]
    assert any("late (60 values)" in note for note in panel.notes)


def test_the_training_part_is_the_first():
    assert training_end(1000, 0.2, 0.125) == 700
