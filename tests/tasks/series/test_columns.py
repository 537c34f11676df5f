"""Columns: which one is what, when nobody says."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import ArgumentError
from retroprop.tasks.series.read import read_panel

DAYS = [str(np.datetime64("2024-01-01") + k) for k in range(30)]
VALUES = [float(k % 7) for k in range(30)]


def schema(source, **wanted):
    return read_panel(source, wanted).schema


def test_years_are_dates():
    found = schema({"year": list(range(1900, 1930)), "height": VALUES})
    assert (found.date, found.targets) == ("year", ["height"])


def test_a_number_may_tell_series_apart():
    table = {"day": DAYS * 3, "shop": [1] * 30 + [2] * 30 + [3] * 30, "sold": VALUES * 3}
    found = schema(table, target="sold")
    assert (found.by, found.covariates) == ("shop", [])


def test_which_of_several_numbers_is_asked_for():
    table = {"day": DAYS * 2, "shop": ["a"] * 30 + ["b"] * 30, "x": VALUES * 2, "y": VALUES * 2}
    with pytest.raises(ArgumentError, match=r"(?s)to be forecast: x, y\?.*--target"):
        schema(table)
    assert schema(table, target="y").covariates == ["x"]


def test_adjusted_prices_come_first():
    close = [100.0 + k % 5 for k in range(30)]
    table = {"Date": DAYS, "Adj Close": close, **dict.fromkeys(("Open", "High", "Low"), close)}
    assert schema({**table, "Close": close}).targets == ["Adj Close"]
    assert schema({**table, "Close": close}, target="Close").targets == ["Close"]
