"""Reading series: which column holds the dates, which the values, which tells series apart."""

from __future__ import annotations

import os
import zlib
from typing import Any

import numpy as np

from retroprop.data.csv import parse_csv, read_csv
from retroprop.data.dates import FORMATS, date_format
from retroprop.data.decode import head
from retroprop.data.infer import numeric_but_for_slips
from retroprop.data.numeric import is_missing
from retroprop.data.schema import Column, column_values
from retroprop.data.table import RawTable, raw_table
from retroprop.errors import ArgumentError, DataError, RetropropError, nearest
from retroprop.tasks.series.columns import choose_schema
from retroprop.tasks.series.frequency import Frequency, frequency
from retroprop.tasks.series.panel import Panel, Schema, on_grid, written

__all__ = ["kinds", "looks_like_series", "read_panel", "table_of"]

Array = np.ndarray[Any, Any]

_SLIPS = 0.05  # share of dates that may be unreadable before a column is no column of dates
_HEAD = 100_000  # characters that a guess looks at
_ROWS = 5000  # rows of a frame that it looks at
_LEAST = 10  # dates that it needs


def table_of(source: Any, known: tuple[str, ...] = ()) -> RawTable:
    """The raw columns of a file, an open text, a frame (also one indexed by dates) or a dict.

    Raises:
        DataError: what cannot be read as a table.
    """
    if isinstance(source, str | os.PathLike):
        return read_csv(source, known=known)
    if hasattr(source, "read"):
        return parse_csv(source.read(), "standard input", known=known)
    index = getattr(source, "index", None)
    if getattr(getattr(index, "dtype", None), "kind", "") == "M" and hasattr(source, "columns"):
        columns = {str(name): source[name].to_numpy() for name in source.columns}
        named = str(getattr(index, "name", None) or "date")
        return raw_table({named: np.asarray(index), **columns})
    if not isinstance(source, dict) and not hasattr(source, "columns"):
        raise ArgumentError(
            f"series cannot be read from {type(source).__name__}",
            fix="give a path, a frame or a dict of columns",
        )
    return raw_table(source)


def kinds(raw: RawTable) -> dict[str, Column]:
    r"""What each column holds: "date", "numeric", or "text".

    Example:
        >>> from retroprop.data.csv import parse_csv
        >>> found = kinds(parse_csv("day,load\n2024-01-01,1\n2024-01-02,2\n"))
        >>> [tuple(column)[:2] for column in found.values()]
        [('day', 'date'), ('load', 'numeric')]
    """
    return {name: _kind(name, raw) for name in raw.names}


def _kind(name: str, raw: RawTable) -> Column:
    column = raw.columns[name]
    if column.values is not None:
        if column.kind == "date":
            return Column(name, "date", next(iter(FORMATS)))
        return Column(name, "year" if _years(name, column.values) else "numeric")
    present = [text for text in column.used() if not is_missing(text)]
    if not present:
        return Column(name, "text")
    slips = int(len(present) * _SLIPS) if len(present) >= 20 else 0
    if numeric_but_for_slips(column, ".", ()):
        compact = date_format(present, 0)
        if compact:
            return Column(name, "date", compact)
        values = column_values(Column(name, "numeric"), raw) if len(present) > 2 else np.zeros(1)
        return Column(name, "year" if _years(name, values) else "numeric")
    found = date_format(present, slips)
    return Column(name, "date", found) if found else Column(name, "text")


def _years(name: str, values: Array) -> bool:
    """Whether a column called year holds years."""
    called = name.strip().lower() in {"year", "año", "jahr", "date", "fecha"}
    whole = np.isfinite(values).all() and (values == np.rint(values)).all()
    return bool(called and whole and len(values) and 1000 <= values.min() <= values.max() < 3000)


def _dates(column: Column, raw: RawTable) -> Array:
    """Seconds since 1970 of every row."""
    if column.kind == "year":
        years = column_values(Column(column.name, "numeric"), raw)
        days = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]")
        return days.astype(np.int64) * 86400.0
    values = column_values(column, raw)
    if np.isnan(values).any():
        row = int(raw.rows[np.isnan(values).argmax()])
        raise DataError("a row without a date", file=raw.source, row=row, column=column.name)
    return values


def read_panel(source: Any, wanted: dict[str, Any], schema: Schema | None = None) -> Panel:
    """The series of a source.

    Args:
        source: a path, open text, frame or dict of columns.
        wanted: what the user named: "target", "date", "series", "finance"; or None each.
        schema: the columns of the training data, for new data of a trained run.

    Raises:
        DataError: no dates, dates twice, no numbers to forecast; names row and column.
    """
    raw = table_of(source, tuple(name for name in (wanted.get("target"), "date") if name))
    found = kinds(raw)
    if schema is None:
        schema = choose_schema(raw, found, wanted, lambda name: _dates(found[name], raw))
    else:
        _check_names(raw, schema)
    dates = _dates(found[schema.date], raw)
    columns = _columns(raw, schema)
    groups = _groups(raw, schema)
    panel = Panel([], Frequency("seconds", 1.0), schema, raw.source, list(raw.notes))
    chunks, unsorted, repeated = [], 0, 0
    for name, rows, first in groups:
        part = columns[rows][:, first]
        order = np.argsort(dates[rows], kind="stable")
        unsorted += bool((np.diff(order) < 0).any())
        at, part = rows[order], part[order]
        kept = _distinct(name, dates[at], part, raw.rows[at], schema.date, raw.source)
        repeated += len(at) - len(kept)
        chunks.append((name, dates[at][kept], part[kept]))
    if unsorted:
        panel.notes.append("rows were not in the order of their dates: sorted")
    if repeated:
        panel.notes.append(f"{repeated} repeated rows were left out")
    panel.grid = _grid(chunks, schema.date, raw.source)
    _lay_out(panel, chunks)
    return panel


def _check_names(raw: RawTable, schema: Schema) -> None:
    needed = [schema.date, *schema.targets, *([schema.by] if schema.by else [])]
    needed += [] if schema.finance else schema.covariates
    for name in needed:
        if name not in raw.columns:
            near = nearest(name, raw.names)
            raise DataError(
                f"there is no column {name!r}, which the run was trained with",
                file=raw.source,
                fix=f"is it called {near!r} here?" if near else None,
            )


def _columns(raw: RawTable, schema: Schema) -> Array:
    """(rows, targets + covariates) numbers; of prices the day's range and volume as logarithms."""
    table = [column_values(Column(name, "numeric"), raw) for name in schema.targets]
    named = {name.lower(): name for name in raw.names}
    if schema.finance:
        low = min(float(np.nanmin(values)) for values in table)
        if low <= 0:
            raise DataError(
                "prices must be above zero", file=raw.source, column=schema.targets[0],
                fix="finance=no forecasts the numbers as they are",
            )  # fmt: skip
        extra = {}
        for name in ("high", "low", "volume"):
            if name in schema.covariates and name in named:
                cells = column_values(Column(named[name], "numeric"), raw)
                extra[name] = np.log(np.where(cells > 0, cells, np.nan))
        missing = np.full(len(raw), np.nan)
        table.append(extra.get("high", missing) - extra.get("low", missing))
        table.append(extra.get("volume", missing))
    else:
        table += [column_values(Column(name, "numeric"), raw) for name in schema.covariates]
    return np.stack(table, axis=1)


def _groups(raw: RawTable, schema: Schema) -> list[tuple[str, Array, list[int]]]:
    """The series: name, rows, and which columns of numbers are theirs."""
    everything = np.arange(len(raw))
    count = len(schema.targets)
    if schema.by:
        column = raw.columns[schema.by].as_text()
        rest = list(range(count + (2 if schema.finance else len(schema.covariates))))
        order = np.unique(column.codes)
        names = sorted((column.texts[code] or "(no name)", code) for code in order.tolist())
        return [(name, np.flatnonzero(column.codes == code), rest) for name, code in names]
    extra = list(range(count, count + (2 if schema.finance else len(schema.covariates))))
    called = schema.targets if schema.wide else [""]
    return [(name, everything, [k, *extra]) for k, name in enumerate(called)]


def _distinct(name: str, dates: Array, part: Array, rows: Array, column: str, source: str) -> Array:
    """The rows that repeat no other; a date with two different values is an error."""
    again = np.flatnonzero(np.diff(dates) == 0) + 1
    for at in again.tolist():
        same = np.array_equal(part[at], part[at - 1], equal_nan=True)
        if not same:
            of = f" of {name}" if name else ""
            raise DataError(
                f"{written(dates[at])} comes twice{of} with different values",
                file=source,
                row=int(rows[at]),
                column=column,
                fix="name the column that tells series apart with series=, or keep one of the rows",
            )
    return np.setdiff1d(np.arange(len(dates)), again)


def _grid(chunks: list[tuple[str, Array, Array]], column: str, source: str) -> Frequency:
    longest = max(chunks, key=lambda chunk: len(chunk[1]))
    grid = frequency(longest[1])
    if grid is None:
        many = len(longest[1])
        raise DataError(
            f"the {many} dates in {column!r} are not evenly spaced"
            if many >= 3
            else f"{many} dates are no series",
            file=source,
            column=column,
            fix="bring the values to a fixed step (hours, days, months), or name the right column "
            "with date=",
        )
    return grid


def _lay_out(panel: Panel, chunks: list[tuple[str, Array, Array]]) -> None:
    """Put the series on the grid; say what had to be filled, leave out what never changes."""
    gaps = missing = 0
    constant = []
    for name, dates, part in chunks:
        seen = np.isfinite(part[:, 0])
        if len(set(part[seen, 0].tolist())) < 2:
            constant.append(name)
            continue
        track, empty = on_grid(name, dates, part, panel.grid, panel.source)
        panel.tracks.append(track)
        gaps += empty
        missing += int((~seen).sum())
    if not panel.tracks:
        raise DataError(
            "the values never change: there is nothing to forecast",
            file=panel.source,
            column=panel.schema.targets[0],
        )
    if constant:
        listed = ", ".join(constant[:5]) + (", ..." if len(constant) > 5 else "")
        panel.notes.append(f"{len(constant)} series never change and were left out: {listed}")
    how = "filled with the value a season before, and not counted in errors"
    if gaps:
        panel.notes.append(f"{gaps} {panel.grid.noun}s are missing in the dates: {how}")
    if missing:
        panel.notes.append(f"{missing} values are missing: {how}")


def looks_like_series(source: Any, target: str | None) -> str:
    """Why the first rows of a source are series, in words; "" when they are not."""
    try:
        raw = _head(source)
        if raw is None or not len(raw):
            return ""
        raw = raw.take(np.arange(min(len(raw), _ROWS)))
        found = kinds(raw)
        if not any(column.kind in {"date", "year"} for column in found.values()):
            return ""
        if target is not None and (target not in found or found[target].kind != "numeric"):
            return ""
        wanted = {"target": target}
        schema = choose_schema(raw, found, wanted, lambda name: _dates(found[name], raw))
    except (RetropropError, EOFError, LookupError, OSError, TypeError, ValueError, zlib.error):
        return ""  # whoever reads it says what is wrong with it
    texts = [name for name, column in found.items() if column.kind == "text" and name != schema.by]
    if any(len(set(raw.columns[name].as_text().used())) > 1 for name in texts):
        return ""  # rows with descriptions are things that happened, not a measurement
    return _regular(raw, schema, _dates(found[schema.date], raw))


def _regular(raw: RawTable, schema: Schema, dates: Array) -> str:
    groups = [np.sort(dates[rows]) for _, rows, _ in _groups(raw, schema)]
    longest = max(groups, key=len)
    if len(longest) < _LEAST or (np.diff(longest) <= 0).any():
        return ""
    grid = frequency(longest)
    if grid is None:
        return ""
    of = f" for each {schema.by!r}" if schema.by else ""
    return f"the dates in {schema.date!r} are {grid.name}{of}"


def _head(source: Any) -> RawTable | None:
    """The first rows of a file, or a whole frame; None for what is no table."""
    if not isinstance(source, str | os.PathLike):
        if isinstance(source, dict) and any(np.ndim(value) != 1 for value in source.values()):
            return None
        return table_of(source) if isinstance(source, dict) or hasattr(source, "columns") else None
    name = os.fspath(source)
    suffix = os.path.splitext(name.removesuffix(".gz"))[1].lower()
    if not os.path.isfile(name) or suffix not in {".csv", ".tsv", ".txt"}:
        return None
    return parse_csv(head(name, _HEAD).decode("utf-8", "replace"), name)
