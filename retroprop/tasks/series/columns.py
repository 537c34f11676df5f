"""Choosing the columns of a table of series, as far as the user did not name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retroprop.data.schema import Column
from retroprop.data.table import RawTable
from retroprop.errors import ArgumentError, DataError, unknown
from retroprop.tasks.series.panel import Schema

__all__ = ["PRICES", "choose_schema"]

Array = np.ndarray[Any, Any]
PRICES = ("open", "high", "low", "close")
_ADJUSTED = ("adj close", "adj_close", "adjclose", "adjusted close", "adjusted_close")
_NEARLY = 0.95  # share of rows that must differ in date, or in date and series


def choose_schema(
    raw: RawTable,
    found: dict[str, Column],
    wanted: dict[str, Any],
    dates_of: Callable[[str], Array],
) -> Schema:
    """The columns of dates, values, names of series and covariates.

    Args:
        found:    what each column holds.
        wanted:   what the user named: "target", "date", "series", "finance".
        dates_of: the dates of a column, one per row.

    Raises:
        ArgumentError: a column that does not exist or does not hold what it is named for.
        DataError:     no dates, no numbers, or nothing that tells repeated dates apart.
    """
    for option in ("target", "date", "series"):
        if wanted.get(option) and wanted[option] not in found:
            raise unknown(f"column ({option})", wanted[option], raw.names)
    date = _date(raw, found, wanted.get("date"))
    finance = _is_finance(found, wanted.get("finance"))
    numbers = [name for name, column in found.items() if column.kind in {"numeric", "year"}]
    numbers = [name for name in numbers if name not in {date, wanted.get("series")}]
    target = wanted.get("target") or (_price(numbers) if finance else None)
    if target and target not in numbers:
        raise ArgumentError(
            f"the target {target!r} does not hold numbers",
            fix=f"columns with numbers are {', '.join(numbers) or 'none'}",
        )
    if not numbers:
        raise DataError("no column holds numbers to forecast", file=raw.source)
    by = wanted.get("series") or _by(raw, found, date, dates_of(date), target)
    numbers = [name for name in numbers if name != by]
    if target is None and by and len(numbers) > 1:
        raise ArgumentError(
            f"which column is to be forecast: {', '.join(numbers)}?", fix="name it with --target"
        )
    targets = [target] if target else numbers
    rest = [name for name in numbers if name not in targets]
    if finance:
        rest = [name.lower() for name in raw.names if name.lower() in {"high", "low", "volume"}]
    return Schema(date, targets, by, rest, finance)


def _date(raw: RawTable, found: dict[str, Column], named: str | None) -> str:
    dated = [name for name, column in found.items() if column.kind == "date"]
    dated += [name for name, column in found.items() if column.kind == "year"]
    if named is not None:
        if named not in dated:
            raise ArgumentError(
                f"the column {named!r} does not hold dates",
                fix=f"columns with dates are {', '.join(dated)}" if dated else "none does",
            )
        return named
    if not dated:
        raise DataError(
            f"no column holds dates; the columns are {', '.join(raw.names[:20])}",
            file=raw.source,
            fix="write dates as 2024-01-31 or 2024-01-31 18:00",
        )
    return dated[0]


def _is_finance(found: dict[str, Column], asked: bool | None) -> bool:
    if asked is not None:
        return asked
    numeric = {name.lower() for name, column in found.items() if column.kind == "numeric"}
    return set(PRICES) <= numeric


def _price(numbers: list[str]) -> str | None:
    """The column of prices: adjusted for dividends and splits where there is one."""
    lowered = {name.lower(): name for name in numbers}
    for name in (*_ADJUSTED, "close", "price"):
        if name in lowered:
            return lowered[name]
    return None


def _by(
    raw: RawTable, found: dict[str, Column], date: str, dates: Array, target: str | None
) -> str:
    """The column whose values, with the date, make every row one of a kind; "" if dates do."""
    codes = np.unique(dates, return_inverse=True)[1]
    if codes.max() + 1 >= _NEARLY * len(codes):  # what still repeats is a repeated row
        return ""
    texts = [name for name, column in found.items() if column.kind == "text"]
    numeric = [
        name
        for name, column in found.items()
        if column.kind == "numeric" and name != target and _few(raw.columns[name].keys())
    ]
    for name in (*texts, *numeric):
        keys = raw.columns[name].keys()
        pairs = keys.astype(np.int64) * (int(codes.max()) + 1) + codes
        if len(np.unique(pairs)) >= _NEARLY * len(pairs):
            return name
    return ""


def _few(keys: Array) -> bool:
    distinct = len(np.unique(keys))
    return 1 < distinct <= max(2, len(keys) // 8)
