"""Logs: valid at any moment, cut back on resume, never overwritten in silence."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ArgumentError, DataError
from retroprop.train.logs import CsvLog, JsonLinesLog, read_csv_log, read_json_lines


def no_constants(text: str) -> Any:
    raise AssertionError(f"{text} is not JSON")


def lines(path: Path) -> list[dict[str, Any]]:
    """The file as a strict reader of JSON sees it."""
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line, parse_constant=no_constants) for line in text.splitlines()]


def log_epochs(path: Path, epochs: range, resume_epoch: int | None = None) -> None:
    with JsonLinesLog(path, resume_epoch=resume_epoch, clock=lambda: 5.0) as log:
        log.write({"event": "begin"})
        for epoch in epochs:
            log.write({"event": "epoch", "epoch": epoch, "loss": 1 / epoch})


def test_one_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log_epochs(path, range(1, 3))
    assert lines(path) == [
        {"event": "begin", "time": 5.0},
        {"event": "epoch", "time": 5.0, "epoch": 1, "loss": 1.0},
        {"event": "epoch", "time": 5.0, "epoch": 2, "loss": 0.5},
    ]
    assert path.read_text().startswith('{"event": "begin", "time": 5.0}\n')


def test_each_line_is_there_at_once(tmp_path: Path) -> None:
    with JsonLinesLog(tmp_path / "log.jsonl") as log:
        for count in range(1, 4):
            log.write({"event": "note", "text": "zwei\nZeilen"})
            assert len(lines(tmp_path / "log.jsonl")) == count


def test_numbers_that_json_has_not(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    values = {
        "loss": math.nan,
        "layers": {"fc1.weight": -math.inf, "a/b~c": [0.5, math.inf]},
        "numpy": np.float32("nan"),
        "array": np.array([[1.0, np.nan]]),
    }
    with JsonLinesLog(path) as log:
        log.write({"event": "epoch", **values})
    (line,) = lines(path)
    assert line["loss"] is None
    assert line["not_finite"] == {
        "/loss": "nan",
        "/layers/fc1.weight": "-inf",
        "/layers/a~1b~0c/1": "inf",
        "/numpy": "nan",
        "/array/0/1": "nan",
    }
    (event,) = read_json_lines(path)
    assert "not_finite" not in event
    assert math.isnan(event["loss"])
    assert event["layers"] == {"fc1.weight": -math.inf, "a/b~c": [0.5, math.inf]}
    assert math.isnan(event["array"][0][1])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=json_values)
def test_whatever_is_written_is_read(value: Any, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("run") / "log.jsonl"
    with JsonLinesLog(path) as log:
        log.write({"event": "note", "value": value})
    assert len(lines(path)) == 1
    np.testing.assert_equal(read_json_lines(path)[0]["value"], value)


def test_numpy_and_paths(tmp_path: Path) -> None:
    with JsonLinesLog(tmp_path / "log.jsonl") as log:
        log.write({"event": "a", "n": np.int64(3), "x": np.float32(0.5), "b": np.bool_(True)})
        log.write({"event": "b", "path": tmp_path, "pair": (1, 2), "cells": np.eye(2)})
    first, second = read_json_lines(tmp_path / "log.jsonl")
    assert (first["n"], first["x"], first["b"]) == (3, 0.5, True)
    assert (second["path"], second["pair"]) == (str(tmp_path), [1, 2])
    assert second["cells"] == [[1, 0], [0, 1]]


def test_other_things_are_refused_and_leave_no_trace(tmp_path: Path) -> None:
    with JsonLinesLog(tmp_path / "log.jsonl") as log:
        with pytest.raises(ArgumentError, match="model of an event is a object"):
            log.write({"event": "a", "model": object()})
        with pytest.raises(ArgumentError, match="needs its kind"):
            log.write({"epoch": 1})
    assert lines(tmp_path / "log.jsonl") == []


def test_resuming_cuts_what_came_later(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log_epochs(path, range(1, 6))
    log_epochs(path, range(4, 7), resume_epoch=3)
    epochs = [line.get("epoch") for line in lines(path)]
    assert epochs == [None, 1, 2, 3, None, 4, 5, 6]


def test_notes_after_a_later_epoch_go_too(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with JsonLinesLog(path) as log:
        for event in ({"epoch": 1}, {"text": "kept"}, {"epoch": 2}, {"text": "cut"}):
            log.write({"event": "x", **event})
    JsonLinesLog(path, resume_epoch=1).close()
    assert [line.get("text") for line in lines(path)] == [None, "kept"]


def test_resuming_without_a_file_starts_one(tmp_path: Path) -> None:
    log_epochs(tmp_path / "log.jsonl", range(1, 2), resume_epoch=0)
    CsvLog(tmp_path / "metrics.csv", resume_epoch=0).write({"epoch": 1})
    assert len(lines(tmp_path / "log.jsonl")) == 2
    assert read_csv_log(tmp_path / "metrics.csv") == [{"epoch": 1}]


@pytest.mark.parametrize("make", [JsonLinesLog, CsvLog])
def test_another_runs_log_is_not_touched(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("precious\n")
    with pytest.raises(ArgumentError, match="holds the log of another run"):
        make(path)
    assert path.read_text() == "precious\n"


def test_a_kill_at_any_byte_leaves_a_log_to_resume(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    log_epochs(whole, range(1, 4))
    data = whole.read_bytes()
    for size in range(len(data) + 1):
        path = tmp_path / "log.jsonl"
        path.write_bytes(data[:size])
        count = data[:size].count(b"\n")
        assert len(read_json_lines(path)) == count
        JsonLinesLog(path, resume_epoch=3).close()
        assert len(lines(path)) == count


@pytest.mark.parametrize("broken", [b"{]\n", b"[1]\n", b"\x00\x00\n", b"\xff\n", b'{"a": NaN'])
def test_a_damaged_log_says_where(broken: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"event": "begin"}\n' + broken + b'{"event": "end"}\n')
    for read in (read_json_lines, lambda path: JsonLinesLog(path, resume_epoch=1)):
        with pytest.raises(DataError, match=r"log\.jsonl, row 2: is not"):
            read(path)
    assert path.read_bytes().count(b"\n") == 2 + broken.count(b"\n")


def test_a_row_per_epoch(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    log = CsvLog(path)
    log.write({"epoch": 1, "loss": 0.1 + 0.2, "lr": np.float32(0.5)})
    log.write({"lr": 1e-4, "loss": math.nan, "epoch": 2})
    log.write({"epoch": 3, "loss": math.inf})
    assert path.read_bytes() == (
        b"epoch,loss,lr\n1,0.30000000000000004,0.5\n2,nan,0.0001\n3,inf,\n"
    )
    first, second, third = read_csv_log(path)
    assert first == {"epoch": 1, "loss": 0.1 + 0.2, "lr": 0.5}
    assert math.isnan(second["loss"])
    assert third == {"epoch": 3, "loss": math.inf}


def test_a_new_column_is_added_on_the_right(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    log = CsvLog(path)
    log.write({"epoch": 1, "a": 1})
    log.write({"epoch": 2, "b": 2.5, "a": None})
    log.write({"epoch": 3, "a": 3})
    assert path.read_text() == "epoch,a,b\n1,1,\n2,,2.5\n3,3,\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.csv"]


def test_hostile_names_and_texts_stay_in_their_cells(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    row = {"epoch": 1, 'a,"b': "x,y", "note": 'say "hi"\r\nthere'}
    CsvLog(path).write(row)
    with path.open(newline="", encoding="utf-8") as file:
        (read,) = csv.DictReader(file)
    assert read == {"epoch": "1", 'a,"b': "x,y", "note": 'say "hi" there'}
    assert path.read_text().count("\n") == 2


def test_resuming_cuts_later_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    log = CsvLog(path)
    for epoch in range(1, 6):
        log.write({"epoch": epoch, "loss": 1 / epoch})
    resumed = CsvLog(path, resume_epoch=2)
    assert [row["epoch"] for row in read_csv_log(path)] == [1, 2]
    resumed.write({"epoch": 3, "loss": 0.0, "extra": 7})
    assert read_csv_log(path)[-1] == {"epoch": 3, "loss": 0.0, "extra": 7}
    assert read_csv_log(path)[0] == {"epoch": 1, "loss": 1.0}


def test_a_row_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    whole = b"epoch,loss\n1,0.5\n2,0.25\n"
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        CsvLog(path, resume_epoch=2).write({"epoch": 3, "loss": 0.125})
        epochs = [row["epoch"] for row in read_csv_log(path)]
        assert epochs == [*range(1, max(whole[:size].count(b"\n"), 1)), 3]


def test_a_table_that_is_none_says_where(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1\n")
    with pytest.raises(DataError, match="row 2: 1 cells, the table has 2 columns"):
        CsvLog(path, resume_epoch=1)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="has no epoch"):
        CsvLog(path, resume_epoch=1)
    path.write_text('epoch,loss\n1,"2\n')
    with pytest.raises(DataError, match="cannot be read as a table"):
        CsvLog(path, resume_epoch=1)


def test_a_row_needs_its_epoch(tmp_path: Path) -> None:
    for row in ({"loss": 1.0}, {"epoch": 1.5}, {"epoch": None}):
        with pytest.raises(ArgumentError, match="needs a whole number as its epoch"):
            CsvLog(tmp_path / "metrics.csv").write(row)
