"""Tables: named columns of cells as they come, and of typed values once they have a meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retroprop.data.numeric import spelled
from retroprop.errors import DataError, ShapeError

__all__ = ["RawColumn", "RawTable", "Table", "raw_table"]

_EMPTY_TYPES = frozenset(("NAType", "NaTType", "NoneType"))  # of pandas, without importing it


class RawColumn:
    """One column: distinct texts and a code per row, or typed values from a frame or array.

    Work on a column is done once per distinct text, which makes a million cells cheap.

    Attributes:
        texts: distinct cells without spaces around them ("" = missing), or None when typed.
        codes: (rows,) index into `texts`, or None when typed.
        values: (rows,) float64 with NaN for missing, or None when text.
        kind: "text", or "numeric", "boolean", "date" (seconds since 1970) when typed.
    """

    __slots__ = ("codes", "kind", "texts", "values")

    def __init__(self, kind: str, texts: Any = None, codes: Any = None, values: Any = None) -> None:
        self.kind, self.texts, self.codes, self.values = kind, texts, codes, values

    @classmethod
    def from_cells(cls, cells: Sequence[str]) -> RawColumn:
        """A column of the cells of a file.

        Example:
            >>> RawColumn.from_cells(["a", " b", "a "]).codes.tolist()
            [0, 1, 0]
        """
        index: dict[str, int] = {}
        codes = [index.setdefault(cell.strip(), len(index)) for cell in cells]
        return cls("text", list(index), np.array(codes, dtype=np.int64))

    @classmethod
    def from_array(cls, values: Any, name: str, source: str = "table") -> RawColumn:
        """A column of an array: numbers, booleans, dates, or objects (read as text).

        Raises:
            DataError: more than one dimension, or complex numbers.

        Example:
            >>> RawColumn.from_array(np.array([1, 2]), "n").values.tolist()
            [1.0, 2.0]
        """
        array = np.asarray(values)
        if array.ndim != 1:
            shape = "x".join(map(str, array.shape)) or "one value"
            raise DataError(
                f"a column must be one-dimensional, got {shape}", file=source, column=name
            )
        if array.dtype.kind == "b":
            return cls("boolean", values=array.astype(np.float64))
        if array.dtype.kind in "iuf":
            return cls("numeric", values=array.astype(np.float64))
        if array.dtype.kind == "M":
            seconds = array.astype("datetime64[us]").astype(np.int64) / 1e6
            return cls("date", values=np.where(np.isnat(array), np.nan, seconds))
        if array.dtype.kind == "m":
            seconds = array / np.timedelta64(1, "s")
            return cls("numeric", values=seconds.astype(np.float64))
        if array.dtype.kind in "USOT":
            return _from_objects(array.tolist())
        raise DataError(f"cannot use values of type {array.dtype}", file=source, column=name)

    def __len__(self) -> int:
        return len(self.codes if self.values is None else self.values)

    def take(self, indices: Any) -> RawColumn:
        """The column of some rows."""
        if self.values is not None:
            return RawColumn(self.kind, values=self.values[indices])
        return RawColumn("text", self.texts, self.codes[indices])

    def used(self) -> list[str]:
        """The distinct texts that do occur (after `take` some may not)."""
        return [self.texts[code] for code in np.unique(self.codes)]

    def as_text(self) -> RawColumn:
        """The column with typed values spelled out: categories and classes are texts."""
        if self.values is None:
            return self
        spell = _boolean if self.kind == "boolean" else spelled
        distinct, codes = np.unique(self.values, return_inverse=True)
        if not np.isfinite(distinct[~np.isnan(distinct)]).all():
            raise DataError("infinite values cannot be categories")
        texts = ["" if np.isnan(value) else spell(float(value)) for value in distinct]
        return RawColumn("text", texts, codes.reshape(-1).astype(np.int64))

    def keys(self) -> Any:
        """(rows,) integers, equal where cells are equal: for finding repeated rows."""
        if self.values is None:
            return self.codes
        return np.unique(self.values, return_inverse=True)[1].reshape(-1)


def _boolean(value: float) -> str:
    return "true" if value else "false"


def _from_objects(items: list[Any]) -> RawColumn:
    """Objects as text, or as numbers when every one is a number or missing (nullable integers)."""
    cleaned = [None if type(item).__name__ in _EMPTY_TYPES else item for item in items]
    present = [item for item in cleaned if item is not None]
    if present and all(isinstance(item, bool | np.bool_) for item in present):
        return RawColumn("boolean", values=_floats(cleaned))
    if present and all(isinstance(item, int | float | np.number) for item in present):
        return RawColumn("numeric", values=_floats(cleaned))
    return RawColumn.from_cells(["" if _is_gap(item) else _as_text(item) for item in cleaned])


def _is_gap(item: Any) -> bool:
    return item is None or (isinstance(item, float | np.floating) and bool(np.isnan(item)))


def _floats(items: list[Any]) -> Any:
    return np.array([np.nan if item is None else float(item) for item in items], dtype=np.float64)


def _as_text(item: Any) -> str:
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


class RawTable:
    """Named columns of equal length, with the place each row came from.

    Attributes:
        columns: name -> RawColumn, in the order of the file.
        rows:    (rows,) line of each row in its file (the header is line 1), or its position in a
                 frame; errors show it.
        source:  file name, or "table" for frames and arrays.
        delimiter: what separated the cells of the file; "," for frames.
        notes:   what had to be assumed to read it.
    """

    def __init__(
        self,
        columns: dict[str, RawColumn],
        rows: Any,
        source: str = "table",
        *,
        delimiter: str = ",",
        notes: Iterable[str] = (),
    ) -> None:
        self.columns, self.rows, self.source = columns, rows, source
        self.delimiter, self.notes = delimiter, list(notes)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        """Column names, in order."""
        return list(self.columns)

    def take(self, indices: Any) -> RawTable:
        """The table of some rows."""
        columns = {name: column.take(indices) for name, column in self.columns.items()}
        rows = self.rows[indices]
        return RawTable(columns, rows, self.source, delimiter=self.delimiter, notes=self.notes)


class Table:
    """Typed columns of equal length: what preprocessors learn from and transform.

    Attributes:
        columns: name -> (rows,) array: float64 with NaN for missing (numbers, booleans as 0 and 1,
                 dates as seconds since 1970), or objects: texts with None for missing.
        rows:    (rows,) place of each row in its source; errors show it.
        source:  file name, or "table".
    """

    def __init__(self, columns: dict[str, Any], rows: Any, source: str = "table") -> None:
        self.columns, self.rows, self.source = columns, rows, source

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows: {', '.join(self.columns)})"

    def take(self, indices: Any) -> Table:
        """The table of some rows (a slice or integers)."""
        columns = {name: values[indices] for name, values in self.columns.items()}
        return Table(columns, self.rows[indices], self.source)


def raw_table(frame: Any, source: str = "table") -> RawTable:
    """A raw table from a pandas or polars frame (anything with `.columns`) or a dict of arrays.

    Raises:
        DataError: no columns, no rows, repeated names, or columns that are no arrays.
        ShapeError: "columns differ in length: a has 2 rows, b has 3".

    Example:
        >>> raw_table({"a": [1, 2], "b": ["x", "y"]}).names
        ['a', 'b']
    """
    names = [str(name) for name in (frame if isinstance(frame, dict) else frame.columns)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"column names occur twice: {', '.join(repeated)}", file=source)
    keys = list(frame) if isinstance(frame, dict) else list(frame.columns)
    columns = {}
    for name, key in zip(names, keys, strict=True):
        values = frame[key]
        values = values.to_numpy() if hasattr(values, "to_numpy") else _listed(values)
        columns[name] = RawColumn.from_array(values, name, source)
    if not columns:
        raise DataError("the table has no columns", file=source)
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        text = ", ".join(f"{name} has {size} rows" for name, size in sizes.items())
        raise ShapeError(f"columns differ in length: {text}")
    count = next(iter(sizes.values()))
    if count == 0:
        raise DataError("the table has no rows", file=source)
    return RawTable(columns, np.arange(count), source)


def _listed(values: Any) -> Any:
    """An array of a list; of objects when its items differ in type (NumPy would make all text)."""
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        return np.asarray(values)  # one value: refused as a column
    items = list(values)
    kinds = {type(item) for item in items}
    if len(kinds) <= 1 or kinds <= {int, float}:
        return np.asarray(items)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array
