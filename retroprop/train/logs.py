"""What a run leaves behind while it goes: log.jsonl, one event a line, and metrics.csv.

Both can be read at any moment, also after the process was killed: every line is written at once
and whole, and a line that was cut off by a power failure is dropped when the run resumes.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from retroprop.errors import ArgumentError, DataError

__all__ = ["CsvLog", "JsonLinesLog", "read_csv_log", "read_json_lines"]


class JsonLinesLog:
    """Events, one JSON object a line: `{"event": "epoch", "time": 1754.2, "epoch": 3, ...}`.

    JSON has no NaN and no infinity. Such a number is written as null, and `not_finite` says which
    it was, by JSON pointer: `{"loss": null, "not_finite": {"/loss": "nan"}}` ("nan", "inf" or
    "-inf"). NumPy numbers and arrays are written as numbers and lists.

    Args:
        path:         the file.
        resume_epoch: None: a new file, which must not hold anything yet. An epoch: continue the
                      file; everything from the first event of a later epoch on is removed.
        clock:        seconds since 1970.

    Raises:
        ArgumentError: without `resume_epoch`, when the file has content.
        DataError: the file to continue holds something that is no event.

    Example:
        >>> with JsonLinesLog("log.jsonl", clock=lambda: 0.0) as log:
        ...     log.write({"event": "epoch", "epoch": 1, "loss": float("nan")})
        >>> from pathlib import Path
        >>> print(Path("log.jsonl").read_text().strip())
        {"event": "epoch", "time": 0.0, "epoch": 1, "loss": null, "not_finite": {"/loss": "nan"}}
        >>> read_json_lines("log.jsonl")[0]["loss"]
        nan

    Source: RFC 6901 (JSON pointer).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        resume_epoch: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = os.fspath(path)
        self._clock = clock
        if resume_epoch is None:
            _must_be_new(self.path)
        elif os.path.exists(self.path):
            _cut_events(self.path, resume_epoch)
        # Unbuffered: a line is handed to the system in one piece, or not at all.
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115  closed by close()

    def write(self, event: Mapping[str, Any]) -> None:
        """Add an event: its kind as "event", and what else there is to say; "time" is added."""
        if not isinstance(event.get("event"), str):
            raise ArgumentError('a line of the log needs its kind: {"event": "epoch", ...}')
        found: dict[str, str] = {}
        stamped = {"event": event["event"], "time": round(self._clock(), 3), **event}
        record = _plain(stamped, "", found)
        if found:
            record["not_finite"] = found
        # ASCII: some readers end a line at U+2028 and the like.
        text = json.dumps(record, allow_nan=False, ensure_ascii=True)
        self._file.write(text.encode("ascii") + b"\n")

    def close(self) -> None:
        """Close the file; nothing can be added any more."""
        self._file.close()

    def __enter__(self) -> JsonLinesLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class CsvLog:
    """A table with one row per epoch, for spreadsheets and plots.

    The first row decides the columns. A column that comes later is added on the right, by writing
    the whole table anew and putting it in place in one step; earlier rows are empty there.
    Numbers are written with all their digits, NaN and infinities as nan, inf, -inf; what is
    missing is empty.

    Args:
        path:         the file.
        resume_epoch: None: a new file, which must not hold anything yet. An epoch: continue the
                      file; rows of later epochs are removed.

    Raises:
        ArgumentError: without `resume_epoch`, when the file has content; a row without "epoch".
        DataError: the file to continue is no such table.

    Example:
        >>> log = CsvLog("metrics.csv")
        >>> log.write({"epoch": 1, "loss": 0.5})
        >>> log.write({"epoch": 2, "loss": 0.25, "lr": 0.01})
        >>> from pathlib import Path
        >>> print(Path("metrics.csv").read_text().strip())
        epoch,loss,lr
        1,0.5,
        2,0.25,0.01
    """

    def __init__(self, path: str | os.PathLike[str], *, resume_epoch: int | None = None) -> None:
        self.path = os.fspath(path)
        self.columns: list[str] = []
        if resume_epoch is None:
            _must_be_new(self.path)
        elif os.path.exists(self.path):
            self.columns, rows = _read_table(self.path)
            kept = [row for row in rows if _epoch_of(row, self.path) <= resume_epoch]
            self._replace(kept)

    def write(self, row: Mapping[str, Any]) -> None:
        """Add the row of an epoch; its "epoch" is a whole number."""
        if not isinstance(row.get("epoch"), int | np.integer):
            raise ArgumentError(f"a row of {self.path} needs a whole number as its epoch")
        cells = {name: _cell(value) for name, value in row.items()}
        later = [name for name in cells if name not in self.columns]
        if later:
            rows = _read_table(self.path)[1] if self.columns else []
            self.columns += later
            self._replace([*rows, cells])
            return
        with open(self.path, "ab", buffering=0) as file:
            file.write(_lines([[cells.get(name, "") for name in self.columns]]))

    def _replace(self, rows: list[dict[str, str]]) -> None:
        """The whole table, put in place in one step."""
        table = [self.columns, *([row.get(name, "") for name in self.columns] for row in rows)]
        _put(self.path, _lines(table) if self.columns else b"")


def read_json_lines(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The events of a log, with NaN and infinities back in their places.

    A last line that was cut off is left out.

    Raises:
        DataError: a line that is no event, naming file and row.

    Example:
        >>> with JsonLinesLog("notes.jsonl", clock=lambda: 0.0) as log:
        ...     log.write({"event": "note", "text": "hello"})
        >>> read_json_lines("notes.jsonl")
        [{'event': 'note', 'time': 0.0, 'text': 'hello'}]
    """
    events = []
    for event, _ in _events(os.fspath(path)):
        for pointer, number in event.pop("not_finite", {}).items():
            _put_back(event, pointer, float(number))
        events.append(event)
    return events


def read_csv_log(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The rows of a table, numbers as numbers; empty cells are left out.

    Example:
        >>> CsvLog("notes.csv").write({"epoch": 1, "loss": 0.5, "note": "first"})
        >>> read_csv_log("notes.csv")
        [{'epoch': 1, 'loss': 0.5, 'note': 'first'}]
    """
    _, rows = _read_table(os.fspath(path))
    return [{name: _value(cell) for name, cell in row.items() if cell != ""} for row in rows]


def _must_be_new(path: str) -> None:
    if os.path.exists(path) and os.path.getsize(path):
        raise ArgumentError(
            f"{path} holds the log of another run",
            fix="resume that run, write to another folder, or remove the file",
        )


def _put(path: str, data: bytes) -> None:
    """Replace a file in one step: whoever reads it sees the old content or the new."""
    beside = f"{path}.new"
    with open(beside, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _whole_lines(path: str) -> list[bytes]:
    """The lines of a file that end; what follows the last newline was cut off."""
    with open(path, "rb") as file:
        return file.read().split(b"\n")[:-1]


def _events(path: str) -> list[tuple[dict[str, Any], int]]:
    """Each event, and where its line ends in the file."""
    events, end = [], 0
    for row, line in enumerate(_whole_lines(path), start=1):
        end += len(line) + 1
        try:
            event = json.loads(line)
        except ValueError as cause:
            raise DataError(f"is not JSON ({cause})", file=path, row=row) from cause
        if not isinstance(event, dict) or not isinstance(event.get("not_finite", {}), dict):
            raise DataError("is not a JSON object", file=path, row=row)
        events.append((event, end))
    return events


def _cut_events(path: str, resume_epoch: int) -> None:
    keep = 0
    for event, end in _events(path):
        epoch = event.get("epoch")
        if isinstance(epoch, int) and epoch > resume_epoch:
            break
        keep = end
    with open(path, "r+b") as file:
        file.truncate(keep)


def _plain(value: Any, pointer: str, found: dict[str, str]) -> Any:
    """`value` as JSON has it; numbers that JSON has not are null, and noted in `found`."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        found[pointer] = str(value)
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {
            str(key): _plain(item, f"{pointer}/{_escaped(str(key))}", found)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(item, f"{pointer}/{index}", found) for index, item in enumerate(value)]
    raise ArgumentError(
        f"{pointer.lstrip('/')} of an event is a {type(value).__name__}, which JSON has not",
        fix="log numbers, texts, lists and dictionaries of them",
    )


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _put_back(event: Any, pointer: str, number: float) -> None:
    *path, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for part in path:
        event = event[int(part) if isinstance(event, list) else part]
    event[int(last) if isinstance(event, list) else last] = number


def _lines(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _read_table(path: str) -> tuple[list[str], list[dict[str, str]]]:
    text = b"".join(line + b"\n" for line in _whole_lines(path)).decode("utf-8", "replace")
    try:
        records = [record for record in csv.reader(io.StringIO(text), strict=True) if record]
    except csv.Error as cause:
        raise DataError(f"cannot be read as a table ({cause})", file=path) from cause
    if not records:
        return [], []
    columns, *rows = records
    for number, row in enumerate(rows, start=2):
        if len(row) != len(columns):
            found = f"{len(row)} cells, the table has {len(columns)} columns"
            raise DataError(found, file=path, row=number)
    return columns, [dict(zip(columns, row, strict=True)) for row in rows]


def _epoch_of(row: dict[str, str], path: str) -> int:
    try:
        return int(row["epoch"])
    except (KeyError, ValueError) as cause:
        raise DataError("has no epoch in a row", file=path, column="epoch") from cause


def _cell(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return ""
    # One row is one line, so that a row cut off can be told from a whole one.
    return repr(value) if isinstance(value, float) else " ".join(str(value).splitlines())


def _value(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell
