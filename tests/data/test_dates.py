from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data.dates import FORMATS, date_features, date_format, looks_like_date, seconds

EPOCH = dt.datetime(1970, 1, 1)


@given(st.datetimes(min_value=dt.datetime(1, 1, 1), max_value=dt.datetime(9999, 12, 31)))
def test_iso_dates_are_read_exactly(when: dt.datetime) -> None:
    when = when.replace(microsecond=0)
    expected = (when - EPOCH).total_seconds()
    assert seconds(when.isoformat(), "year-month-day") == expected
    assert seconds(when.isoformat(" "), "year-month-day") == expected
    assert (
        seconds(f"{when:%d}/{when:%m}/{when.year:04}", "day/month/year")
        == expected // 86400 * 86400
    )


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("2020-01-02", "year-month-day", (2020, 1, 2)),
        ("2020/1/2", "year-month-day", (2020, 1, 2)),
        ("2020.01.02", "year-month-day", (2020, 1, 2)),
        ("2020-01-02T03:04:05Z", "year-month-day", (2020, 1, 2, 3, 4, 5)),
        ("2020-01-02 03:04:05.500", "year-month-day", (2020, 1, 2, 3, 4, 5, 500000)),
        ("2020-01-02 03:04+02:00", "year-month-day", (2020, 1, 2, 1, 4)),
        ("2020-01-02 03:04-0530", "year-month-day", (2020, 1, 2, 8, 34)),
        ("2020-07", "year-month", (2020, 7, 1)),
        ("12/31/2020", "month/day/year", (2020, 12, 31)),
        ("12/31/20 11:05 PM", "month/day/year", (2020, 12, 31, 23, 5)),
        ("12/31/2020 12:00 am", "month/day/year", (2020, 12, 31)),
        ("31.12.1999", "day/month/year", (1999, 12, 31)),
        ("31-12-99", "day/month/year", (1999, 12, 31)),
        ("3 de enero de 2021", "day month-name year", (2021, 1, 3)),
        ("03-Jan-2021", "day month-name year", (2021, 1, 3)),
        ("Jan 3, 2021", "month-name day, year", (2021, 1, 3)),
        ("August 3 2021", "month-name day, year", (2021, 8, 3)),
        ("20210103", "yearmonthday", (2021, 1, 3)),
    ],
)
def test_formats(text: str, name: str, expected: tuple[int, ...]) -> None:
    assert seconds(text, name) == (dt.datetime(*expected) - EPOCH).total_seconds()
    assert looks_like_date(text)


@pytest.mark.parametrize(
    "text",
    ["2020-02-30", "2020-13-01", "0000-01-01", "2020-01-02 25:00", "2020-01-02 13:00 pm", "12.5",
     "1/2", "hello", "", "3 foo 2021", "2020-01-02 03:61", "99999-01-01", "5 5 5"],
)  # fmt: skip
def test_no_dates(text: str) -> None:
    assert not looks_like_date(text)


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_none(text: str) -> None:
    for name in FORMATS:
        value = seconds(text, name)
        assert value is None or np.isfinite(value)


def test_the_format_is_that_of_the_whole_column() -> None:
    assert date_format(["01/02/2021", "31/01/2021"]) == "day/month/year"
    assert date_format(["01/02/2021", "01/31/2021"]) == "month/day/year"
    assert date_format(["01/02/2021", "02/03/2021"]) == "month/day/year"
    assert date_format(["2021-01-01", "hello"]) is None
    assert date_format(["2021-01-01"] * 20 + ["hello"], tolerated=1) == "year-month-day"
    assert date_format([]) is None


def test_cycles_are_continuous_over_their_ends() -> None:
    stamps = [dt.datetime(2019, 12, 31, 23, 59, 59), dt.datetime(2020, 1, 1)]
    values = np.array([(stamp - EPOCH).total_seconds() for stamp in stamps])
    turns = date_features(values)
    for name, tolerance in (("year", 0.02), ("month", 0.25), ("week", 1.0), ("day", 1e-3)):
        step = np.hypot(*(np.diff(f(turns[name]))[0] for f in (np.sin, np.cos)))
        assert step < tolerance, name


def test_features_of_known_days() -> None:
    monday = (dt.datetime(2024, 1, 1, 6) - EPOCH).total_seconds()
    turns = date_features(np.array([monday, np.nan, -86400.0]))
    assert [turns[name][0] for name in ("year", "month", "week")] == [0, 0, 0]
    assert turns["day"][0] == pytest.approx(np.pi / 2)
    assert all(np.isnan(turn[1]) for turn in turns.values())
    assert turns["week"][2] == pytest.approx(2 * np.pi * 2 / 7)  # 1969-12-31 was a Wednesday
