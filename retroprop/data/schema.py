"""What the columns of a table mean, and reading new tables under that meaning."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retroprop.data.dates import seconds
from retroprop.data.numeric import decimal_mark, is_missing, number
from retroprop.data.table import RawColumn, RawTable, Table
from retroprop.errors import DataError, nearest

__all__ = ["BOOLEANS", "KINDS", "Column", "Schema", "column_values", "truth"]

LARGEST = 1e300  # of a number in a table; beyond it sums and differences may overflow
KINDS = ("numeric", "boolean", "categorical", "date")
_TRUE = frozenset(("true", "yes", "y", "t", "on", "si", "sí", "1"))
_FALSE = frozenset(("false", "no", "n", "f", "off", "0"))
# Pairs that make a column of texts boolean; 0 and 1 alone are numbers.
BOOLEANS = tuple(
    frozenset(pair.split())
    for pair in ("true false", "yes no", "y n", "t f", "on off", "si no", "sí no")
)


class Column(NamedTuple):
    """Name and kind of a column; `format` is that of its dates, "" for other kinds."""

    name: str
    kind: str
    format: str = ""


class Schema:
    """The columns a model reads, in order, and what was dropped when it was made.

    Attributes:
        columns: the columns that are used.
        dropped: name -> why the column is not used.
        missing: extra spellings of a missing value.
        decimal: decimal mark of the training file, "." or ",".

    Example:
        >>> schema = Schema([Column("size", "numeric")])
        >>> Schema.from_dict(schema.to_dict()).columns[0].kind
        'numeric'
    """

    def __init__(
        self,
        columns: list[Column],
        dropped: dict[str, str] | None = None,
        missing: tuple[str, ...] = (),
        decimal: str = ".",
    ) -> None:
        self.columns, self.dropped = columns, dropped or {}
        self.missing, self.decimal = tuple(missing), decimal

    @property
    def names(self) -> list[str]:
        """Names of the columns in use."""
        return [column.name for column in self.columns]

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain JSON values."""
        return {
            "columns": [list(column) for column in self.columns],
            "dropped": dict(self.dropped),
            "missing": list(self.missing),
            "decimal": self.decimal,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Schema:
        """The schema that `to_dict` wrote."""
        columns = [Column(*column) for column in record["columns"]]
        return cls(columns, record["dropped"], tuple(record["missing"]), record["decimal"])

    def decimal_of(self, raw: RawTable) -> str:
        """The decimal mark of a new table: what its cells say, else that of the training file."""
        texts = [column.used() for column in raw.columns.values() if column.texts is not None]
        found = decimal_mark(texts, raw.delimiter)
        return found or (self.decimal if raw.delimiter != "," else ".")

    def missing_columns(self, raw: RawTable) -> list[str]:
        """Columns that the schema needs and a table does not have."""
        return [name for name in self.names if name not in raw.columns]

    def extra_columns(self, raw: RawTable, known: tuple[str, ...] = ()) -> list[str]:
        """Columns of a table that were not there in training; `known` ones are not reported."""
        seen = {*self.names, *self.dropped, *known}
        return [name for name in raw.columns if name not in seen]

    def parse(self, raw: RawTable) -> Table:
        """Give meaning to the cells of a table.

        Raises:
            DataError: columns that are missing (all of them, with the nearest names there are),
                or a cell that does not fit its column, with its row.
        """
        absent = self.missing_columns(raw)
        if absent:
            raise _absent_error(absent, self.extra_columns(raw), raw)
        decimal = self.decimal_of(raw)
        parsed = {
            column.name: column_values(column, raw, decimal, self.missing)
            for column in self.columns
        }
        return Table(parsed, raw.rows, raw.source)


def _absent_error(absent: list[str], extra: list[str], raw: RawTable) -> DataError:
    names = ", ".join(f'"{name}"' for name in absent)
    near = {name: nearest(name, extra) for name in absent}
    hints = [f'"{there}" for "{name}"' for name, there in near.items() if there]
    listed = ", ".join(f'"{name}"' for name in raw.names[:30]) + (", ..." * (len(raw.names) > 30))
    return DataError(
        f"column{'s' * (len(absent) > 1)} missing: {names}; the table has {listed}",
        file=raw.source,
        fix=f"rename {' and '.join(hints)}" if hints else "give the columns used in training",
    )


def column_values(
    column: Column, raw: RawTable, decimal: str = ".", missing: tuple[str, ...] = ()
) -> Any:
    r"""Typed values of one column, (rows,): float64 with NaN for missing, or texts with None.

    Raises:
        DataError: the first cell that does not fit, by row and column.

    Example:
        >>> from retroprop.data.csv import parse_csv
        >>> column_values(Column("a", "numeric"), parse_csv("a,b\n1,x\n?,y\n")).tolist()
        [1.0, nan]
    """
    cells = raw.columns[column.name]
    if column.kind == "categorical":
        return _categories(cells, column, raw, missing)
    if cells.values is not None:
        return _typed(cells, column, raw)
    texts = cells.texts
    mark = _mark(texts, decimal) if column.kind == "numeric" else ""
    table = np.empty(len(texts) or 1, dtype=np.float64)
    wrong = np.zeros(len(texts) or 1, dtype=bool)
    for index, text in enumerate(texts):
        value = np.nan if is_missing(text, missing) else _value(text, column, mark)
        wrong[index] = value is None
        table[index] = np.nan if value is None else value
    large = np.abs(table) > LARGEST
    if wrong.any() or large.any():
        _refuse_first(wrong | large, wrong, cells, column, raw)
    return table[cells.codes]


def _value(text: str, column: Column, mark: str) -> float | None:
    if column.kind == "numeric":
        return number(text, mark)
    if column.kind == "boolean":
        return truth(text)
    return seconds(text, column.format)


def truth(text: str) -> float | None:
    """1.0 for yes and true, 0.0 for no and false, None for other texts.

    Example:
        >>> truth("Yes"), truth("off"), truth("maybe")
        (1.0, 0.0, None)
    """
    word = text.lower()
    return 1.0 if word in _TRUE else 0.0 if word in _FALSE else None


def _mark(texts: list[str], decimal: str) -> str:
    """A column of points in a file of decimal commas: they are decimals unless all group by 3."""
    if decimal == "," and not any("," in text for text in texts):
        short = [text for text in texts if "." in text and len(text.rpartition(".")[2]) != 3]
        return "." if short else ","
    return decimal


def _refuse_first(bad: Any, wrong: Any, cells: RawColumn, column: Column, raw: RawTable) -> None:
    """Raise for the first row whose cell is bad (distinct texts may be bad and not occur)."""
    hits = bad[cells.codes]
    if not hits.any():
        return
    index = int(hits.argmax())
    code = int(cells.codes[index])
    text = cells.texts[code]
    shown = repr(text if len(text) <= 40 else text[:37] + "...")
    place: dict[str, Any] = {"file": raw.source, "row": int(raw.rows[index]), "column": column.name}
    if not wrong[code]:
        raise DataError(f"{shown} is too large a number, or infinite", **place, fix="correct it")
    meaning = {"numeric": "a number", "boolean": "a yes/no value"}.get(column.kind)
    meaning = meaning or f"a date ({column.format})"
    rest = int(len(hits) - hits.sum())
    raise DataError(
        f"{shown} is not {meaning}; {rest} of {len(hits)} cells of this column are",
        **place,
        fix=f"correct the cell, or declare it missing (missing={text[:20]!r}), "
        f"or the column a category (types={{{column.name!r}: 'categorical'}})",
    )


def _typed(cells: RawColumn, column: Column, raw: RawTable) -> Any:
    """Values of a typed column, when its type is the one in the schema."""
    fits = {"numeric": ("numeric", "boolean"), "boolean": ("boolean", "numeric"), "date": ("date",)}
    if cells.kind not in fits[column.kind] and not np.isnan(cells.values).all():
        raise DataError(
            f"holds {cells.kind} values, {column.kind} ones are expected",
            file=raw.source,
            column=column.name,
        )
    large = np.abs(cells.values) > LARGEST
    if large.any():
        index = int(large.argmax())
        raise DataError(
            "the number is too large, or infinite",
            file=raw.source,
            row=int(raw.rows[index]),
            column=column.name,
        )
    return cells.values


def _categories(cells: RawColumn, column: Column, raw: RawTable, missing: tuple[str, ...]) -> Any:
    if cells.kind == "date":
        raise DataError("holds dates, categories are expected", file=raw.source, column=column.name)
    cells = cells.as_text()
    texts = [None if is_missing(text, missing) else text for text in cells.texts]
    return np.array([*texts, None], dtype=object)[cells.codes]
