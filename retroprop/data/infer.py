"""Guessing what the columns of a table mean; every guess that matters is said in a note.

    numeric      every cell is a number
    boolean      true/false, yes/no, on/off (also y/n, t/f, si/no)
    date         every cell fits one date format
    categorical  other texts that repeat
    dropped      no values; one value only; texts that hardly repeat (free text, names, codes);
                 row numbers and unique integers called id

A column whose cells are numbers (or dates) but for a few is taken as numeric (or date), and
reading it then names the cells that are not: a typing slip must not turn 20,000 prices into
20,000 categories.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from retroprop.data.dates import FORMATS, date_format
from retroprop.data.numeric import decimal_mark, is_missing, number
from retroprop.data.schema import BOOLEANS, KINDS, Column, Schema
from retroprop.data.table import RawColumn, RawTable
from retroprop.errors import ArgumentError, DataError, unknown

__all__ = ["infer_schema", "numeric_but_for_slips"]

_SLIPS = 0.05  # share of cells that may be typing slips
_ID_NAME = re.compile(r"(?:^|[_\s.-])(?i:id|idx|index|uuid|guid|rowid|rownum)$|[a-z]I[dD]$")
_DATE_NAME = re.compile("date|fecha|day|dia|día|time", re.IGNORECASE)


def infer_schema(
    raw: RawTable,
    exclude: Iterable[str] = (),
    types: Mapping[str, str] | None = None,
    missing: Iterable[str] = (),
) -> tuple[Schema, list[str]]:
    r"""The schema of a table, and notes on what was assumed.

    Args:
        raw:     the table.
        exclude: columns that are no inputs (the target).
        types:   column -> "numeric", "boolean", "categorical", "date" or "drop", to overrule the
                 guess.
        missing: spellings of a missing value, besides the usual ones.

    Raises:
        ArgumentError: a type or a column in `types` that does not exist.
        DataError: no column is left to learn from.

    Example:
        >>> from retroprop.data.csv import parse_csv
        >>> schema, notes = infer_schema(parse_csv("size,city\n1,Rome\n2,Oslo\n3,Rome\n"))
        >>> [tuple(column)[:2] for column in schema.columns]
        [('size', 'numeric'), ('city', 'categorical')]
    """
    excluded, missing = set(exclude), tuple(missing)
    types = _checked_types(types, raw)
    used = {name: column for name, column in raw.columns.items() if name not in excluded}
    texts = [column.used() for column in used.values() if column.texts is not None]
    decimal = decimal_mark(texts, raw.delimiter) or "."
    schema = Schema([], {}, missing, decimal)
    for name, column in used.items():
        given = types.get(name)
        if given == "drop":
            schema.dropped[name] = "as asked"
            continue
        found = (
            _infer(name, column, decimal, missing)
            if given is None
            else _given(name, given, column, missing)
        )
        if isinstance(found, Column):
            schema.columns.append(found)
        else:
            schema.dropped[name] = found
    if not schema.columns:
        reasons = "; ".join(f'"{name}" {why}' for name, why in schema.dropped.items())
        raise DataError(
            f"no column to learn from{': ' + reasons if reasons else ''}", file=raw.source
        )
    return schema, _notes(schema, raw)


def _checked_types(types: Mapping[str, str] | None, raw: RawTable) -> dict[str, str]:
    checked = dict(types or {})
    for name, kind in checked.items():
        if name not in raw.columns:
            raise unknown("column in types", name, raw.names)
        if kind not in (*KINDS, "drop"):
            raise unknown(f'type for column "{name}"', kind, (*KINDS, "drop"))
    return checked


def _infer(name: str, column: RawColumn, decimal: str, missing: tuple[str, ...]) -> Column | str:
    """A column of the schema, or why the column is dropped."""
    if column.texts is None:
        distinct = np.unique(column.values)  # every NaN counts once
        if np.isnan(distinct).all():
            return "has no values"
        if len(distinct) == 1:
            return "has one value only"
        if column.kind == "numeric" and _counts_rows(name, column.values):
            return "numbers the rows"
        return Column(name, column.kind, next(iter(FORMATS)) if column.kind == "date" else "")
    used = column.used()
    present = [text for text in used if not is_missing(text, missing)]
    if not present:
        return "has no values"
    if len(present) == 1 and len(used) == 1:
        return f"is {present[0][:40]!r} in every row"
    return _infer_texts(name, column, present, decimal, missing)


def _infer_texts(
    name: str, column: RawColumn, present: list[str], decimal: str, missing: tuple[str, ...]
) -> Column | str:
    lowered = {text.lower() for text in present}
    if any(lowered == pair for pair in BOOLEANS):
        return Column(name, "boolean")
    if numeric_but_for_slips(column, decimal, missing):
        compact = _DATE_NAME.search(name) and date_format(present, 0)
        if compact:
            return Column(name, "date", compact)
        numbers = [number(text, decimal) for text in column.texts]
        values = np.array([np.nan if v is None else v for v in numbers])[column.codes]
        return "numbers the rows" if _counts_rows(name, values) else Column(name, "numeric")
    slips = int(len(present) * _SLIPS) if len(present) >= 20 else 0
    dates = date_format(present, slips)
    if dates:
        return Column(name, "date", dates)
    counts = dict(zip(column.texts, _row_counts(column), strict=True))
    rows = sum(int(counts[text]) for text in present)
    if len(present) > max(20, rows // 2):
        return f"is free text or an identifier: {len(present)} distinct texts in {rows} rows"
    return Column(name, "categorical")


def _row_counts(column: RawColumn) -> Any:
    return np.bincount(column.codes, minlength=len(column.texts))


def numeric_but_for_slips(column: RawColumn, decimal: str, missing: tuple[str, ...]) -> bool:
    """Whether a text column is numeric: all its cells, or all but a few of many different ones."""
    counts = _row_counts(column)
    good = bad = distinct = 0
    for text, count in zip(column.texts, counts, strict=True):
        if count == 0 or is_missing(text, missing):
            continue
        if number(text, decimal) is None and number(text) is None:
            bad += int(count)
        else:
            good += int(count)
            distinct += 1
    total = good + bad
    if bad == 0:
        return good > 0
    few = bad <= max(1, int(_SLIPS * total))
    return total >= 10 and few and distinct >= min(20, total // 2)


def _counts_rows(name: str, values: Any) -> bool:
    """0, 1, 2, ... or 1, 2, 3, ... down the rows; or unique integers in a column called id."""
    if len(values) < 10 or np.isnan(values).any() or not np.isfinite(values).all():
        return False
    if values[0] in (0, 1) and bool((np.diff(values) == 1).all()):
        return True
    whole = bool((values == np.floor(values)).all())
    return whole and bool(_ID_NAME.search(name.strip())) and len(np.unique(values)) == len(values)


def _given(name: str, kind: str, column: RawColumn, missing: tuple[str, ...]) -> Column:
    """The column under a type that the user chose."""
    if kind != "date":
        return Column(name, kind)
    if column.texts is None:
        return Column(name, kind, next(iter(FORMATS)))
    present = [text for text in column.used() if not is_missing(text, missing)]
    found = date_format(present, len(present) // 2)
    if found is None:
        raise ArgumentError(
            f'types asks for dates in column "{name}", its cells are none that can be read: '
            f"{', '.join(map(repr, present[:3]))}",
            fix="formats: " + ", ".join(FORMATS),
        )
    return Column(name, kind, found)


def _notes(schema: Schema, raw: RawTable) -> list[str]:
    notes = []
    by_kind = {kind: [c.name for c in schema.columns if c.kind == kind] for kind in KINDS}
    found = ", ".join(f"{len(names)} {kind}" for kind, names in by_kind.items() if names)
    count = len(schema.columns)
    notes.append(f"{count} input column{'s' if count > 1 else ''}: {found}")
    notes += [
        f"{kind}: {_listed(by_kind[kind])}" for kind in ("boolean", "categorical") if by_kind[kind]
    ]
    notes += [
        f'"{column.name}" holds dates, read as {column.format}'
        for column in schema.columns
        if column.kind == "date" and raw.columns[column.name].texts is not None
    ]
    if schema.decimal == ",":
        notes.append("numbers are written with a decimal comma")
    whys: dict[str, list[str]] = {}
    for name, why in schema.dropped.items():
        whys.setdefault(why, []).append(name)
    notes += [f"not used: {_listed(names)} ({why})" for why, names in whys.items()]
    return notes


def _listed(names: list[str], most: int = 10) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
