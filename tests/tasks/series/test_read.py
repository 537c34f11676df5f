"""Reading series, and telling them from other tables."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.registry import choose
from retroprop.tasks.series.read import looks_like_series, read_panel

DAYS = [str(np.datetime64("2024-01-01") + k) for k in range(60)]
VALUES = [float(10 + k % 7) for k in range(60)]


def read(source, **wanted):
    return read_panel(source, wanted)


def test_a_file_becomes_a_series(tmp_path):
    path = tmp_path / "load.csv.gz"
    lines = [f"{day},{value}" for day, value in zip(DAYS, VALUES, strict=True)]
    path.write_bytes(gzip.compress("\n".join(["day,load", *lines]).encode()))
    panel = read(str(path))
    assert panel.schema.date == "day"
    assert panel.schema.targets == ["load"]
    assert panel.tracks[0].values.tolist() == VALUES
    assert panel.grid.name == "daily"
    assert "daily" in looks_like_series(str(path), None)


def test_unsorted_rows_are_sorted_and_it_is_said():
    order = np.random.default_rng(0).permutation(60)
    source = {"day": [DAYS[k] for k in order], "load": [VALUES[k] for k in order]}
    panel = read(source)
    assert panel.tracks[0].values.tolist() == VALUES
    assert any("sorted" in note for note in panel.notes)


def test_gaps_and_missing_values_are_filled_marked_and_said():
    days, values = DAYS[:20] + DAYS[23:], [*VALUES[:20], *VALUES[23:]]
    values[30] = np.nan
    panel = read({"day": days, "load": values})
    track = panel.tracks[0]
    assert len(track) == 60
    assert np.flatnonzero(~track.known).tolist() == [20, 21, 22, 33]
    assert track.values[20] == VALUES[13]
    assert any(note.startswith("3 days are missing") for note in panel.notes)
    assert any(note.startswith("1 values are missing") for note in panel.notes)


def test_repeated_rows_are_left_out_and_contradictions_refused():
    panel = read({"day": [*DAYS, DAYS[5]], "load": [*VALUES, VALUES[5]]})
    assert len(panel.tracks[0]) == 60
    assert any("1 repeated rows" in note for note in panel.notes)
    with pytest.raises(DataError, match=r"(?s)2024-01-06 comes twice .*different values.*series="):
        read({"day": [*DAYS, DAYS[5]], "load": [*VALUES, 99.0]})


def test_a_series_that_never_changes_is_refused_or_left_out():
    with pytest.raises(DataError, match="never change"):
        read({"day": DAYS, "load": [1.0] * 60})
    panel = read({"day": DAYS, "a": VALUES, "b": [1.0] * 60})
    assert [track.name for track in panel.tracks] == ["a"]
    assert any("never change" in note for note in panel.notes)


def test_columns_are_named_wrongly():
    source = {"day": DAYS, "load": VALUES, "who": ["x", "y"] * 30}
    with pytest.raises(ArgumentError, match="'load' does not hold dates"):
        read(source, date="load")
    with pytest.raises(ArgumentError, match=r"(?s)unknown column \(date\) 'dya'.*day"):
        read(source, date="dya")
    with pytest.raises(ArgumentError, match="'who' does not hold numbers"):
        read(source, target="who")
    with pytest.raises(DataError, match="no column holds dates"):
        read({"load": VALUES})
    with pytest.raises(DataError, match="a row without a date"):
        read({"day": [*DAYS[:-1], ""], "load": VALUES})


def test_many_series_in_rows_or_columns():
    long = {"shop": ["a"] * 60 + ["b"] * 60, "day": DAYS * 2, "sold": VALUES + VALUES[::-1]}
    panel = read(long)
    assert panel.schema.by == "shop"
    assert [track.name for track in panel.tracks] == ["a", "b"]
    wide = read({"day": DAYS, "a": VALUES, "b": VALUES[::-1]})
    assert [track.name for track in wide.tracks] == ["a", "b"]
    assert wide.tracks[1].values.tolist() == VALUES[::-1]
    one = read({"day": DAYS, "a": VALUES, "b": VALUES[::-1]}, target="a")
    assert one.schema.covariates == ["b"]
    assert one.tracks[0].extra[:, 0].tolist() == VALUES[::-1]


def test_prices_are_recognised_by_their_columns():
    close = [100.0 + k % 5 for k in range(60)]
    table = {"Date": DAYS, "Open": close, "High": [c + 1 for c in close],
             "Low": [c - 1 for c in close], "Close": close}  # fmt: skip
    panel = read(table)
    assert panel.schema.finance
    assert panel.schema.targets == ["Close"]
    np.testing.assert_allclose(
        panel.tracks[0].extra[:, 0], np.log(np.add(close, 1) / np.subtract(close, 1))
    )
    assert not read(table, finance=False, target="Close").schema.finance
    table["Close"] = [0.0, *close[1:]]
    with pytest.raises(DataError, match="above zero"):
        read(table)


def test_frames_with_an_index_of_dates():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"load": VALUES}, index=pandas.to_datetime(DAYS))
    assert read(frame).tracks[0].values.tolist() == VALUES
    assert looks_like_series(frame, None)


def test_an_open_text_is_read():
    lines = [f"{day},{value}" for day, value in zip(DAYS, VALUES, strict=True)]
    panel = read(io.StringIO("\n".join(["day,load", *lines])))
    assert panel.tracks[0].values.tolist() == VALUES


def test_the_first_of_many_series_may_be_all_that_a_guess_sees():
    assert looks_like_series({"who": ["ann"] * 60, "day": DAYS, "load": VALUES}, None)


def test_a_damaged_file_is_no_series_and_no_crash(tmp_path):
    path = tmp_path / "load.csv.gz"
    path.write_bytes(gzip.compress(b"day,load\n2024-01-01,1\n" * 50)[:40])
    assert not looks_like_series(str(path), None)
    assert not looks_like_series(str(tmp_path / "none.csv"), None)


def test_ordinary_tables_with_dates_are_not_series():
    rng = np.random.default_rng(0)
    sold = [str(np.datetime64("2020-01-01") + k) for k in rng.integers(0, 1500, 60)]
    assert not looks_like_series({"sold": sold, "price": VALUES}, "price")
    assert not looks_like_series({"day": DAYS, "load": VALUES, "who": ["ann", "bob"] * 30}, None)
    assert not looks_like_series({"a": VALUES, "b": VALUES}, "b")
    assert not looks_like_series({"day": DAYS, "load": VALUES}, "day")
    assert not looks_like_series({"x": np.zeros((5, 2)), "y": np.zeros(5)}, None)
    assert choose({"sold": sold, "price": VALUES}, target="price")[0].__name__ == "Table"
    assert choose({"day": DAYS, "load": VALUES})[0].__name__ == "Series"
