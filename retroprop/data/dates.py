"""Dates: telling their format, reading them as seconds, and what a network can learn from them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["FORMATS", "date_features", "date_format", "looks_like_date", "seconds"]

_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_TIME = (
    r"(?:[T,]?\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:[.,]\d+)?))?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
)
_MONTHS = (
    "jan ene", "feb", "mar", "apr abr", "may", "jun", "jul", "aug ago", "sep set", "oct", "nov",
    "dec dic",
)  # fmt: skip
_MONTH_OF = {name: i + 1 for i, names in enumerate(_MONTHS) for name in names.split()}


def _compiled(date: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(date + _TIME, re.ASCII | re.IGNORECASE).fullmatch


# In the order tried: a column gets the first format that fits all its cells. Where day/month and
# month/day both fit, month/day wins, as elsewhere (pandas, dateutil), and it is said.
FORMATS: dict[str, Callable[[str], re.Match[str] | None]] = {
    "year-month-day": _compiled(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"),
    "year-month": _compiled(r"(?P<year>\d{4})[-/](?P<month>\d{1,2})"),
    "month/day/year": _compiled(r"(?P<month>\d{1,2})[-/](?P<day>\d{1,2})[-/](?P<year>\d{4}|\d{2})"),
    "day/month/year": _compiled(
        r"(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4}|\d{2})"
    ),
    "day month-name year": _compiled(
        r"(?P<day>\d{1,2})[ -](?:de )?(?P<month>[a-z]{3,10})\.?(?: de)?,?[ -](?P<year>\d{4}|\d{2})"
    ),
    "month-name day, year": _compiled(
        r"(?P<month>[a-z]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})"
    ),
    "yearmonthday": _compiled(r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"),
}


def looks_like_date(text: str) -> bool:
    """Whether a cell fits any of the known formats.

    Example:
        >>> looks_like_date("2024-02-29"), looks_like_date("2023-02-29"), looks_like_date("May")
        (True, False, False)
    """
    return any(seconds(text, name) is not None for name in FORMATS)


def seconds(text: str, format_name: str) -> float | None:
    """Seconds from 1970-01-01 (UTC where the cell names a zone), or None when it is no such date.

    Example:
        >>> seconds("1970-01-02 00:00:30", "year-month-day")
        86430.0
    """
    match = FORMATS[format_name](text)
    if match is None:
        return None
    part = match.groupdict()
    month = part["month"]
    number = int(month) if month.isdigit() else _MONTH_OF.get(month[:3].lower(), 0)
    try:
        date = dt.date(_full_year(part["year"]), number, int(part.get("day") or 1))
    except ValueError:
        return None
    clock = _clock(part)
    if clock is None:
        return None
    return (date.toordinal() - _EPOCH_DAY) * 86400.0 + clock - _offset(part["zone"])


def _full_year(text: str) -> int:
    """Two digits mean 1970 to 2069, as POSIX reads them (nearly: it says 1969 to 2068)."""
    year = int(text)
    if len(text) == 2:
        year += 1900 if year >= 70 else 2000
    return year


def _clock(part: dict[str, Any]) -> float | None:
    """Seconds since midnight, or None when there is no such time."""
    if part["hour"] is None:
        return 0.0
    hour, minute = int(part["hour"]), int(part["minute"])
    second = float((part["second"] or "0").replace(",", "."))
    if part["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (part["half"][0] in "pP")
    if hour > 23 or minute > 59 or second >= 61:
        return None
    return hour * 3600 + minute * 60 + second


def _offset(zone: str | None) -> int:
    if not zone or zone.upper() in ("Z", "UTC"):
        return 0
    size = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -size if zone[0] == "-" else size


def date_format(texts: list[str], tolerated: int = 0) -> str | None:
    """The first format that reads all texts but `tolerated` of them, or None.

    Example:
        >>> date_format(["31/12/2020", "01/02/2021"])
        'day/month/year'
    """
    if not texts:
        return None
    for allowed in sorted({0, tolerated}):
        for name in FORMATS:
            misses = 0
            for text in texts:
                misses += seconds(text, name) is None
                if misses > allowed:
                    break
            else:
                if misses < len(texts):
                    return name
    return None


def date_features(values: Any) -> dict[str, Any]:
    """Positions in the year, month, week and day of each date, as angles 0 .. 2 pi.

    A network sees sine and cosine of them, so that December lies next to January. Missing dates
    give NaN.

    Args:
        values: (rows,) float64 seconds since 1970-01-01, NaN for missing.

    Returns:
        Name -> (rows,) float64: "year", "month", "week", "day".

    Example:
        >>> float(date_features(np.array([0.0, 43200.0]))["day"][1].round(4))
        3.1416
    """
    known = np.nan_to_num(values)
    days = np.floor(known / 86400)
    date = days.astype(np.int64).astype("datetime64[D]")
    year, month = date.astype("datetime64[Y]"), date.astype("datetime64[M]")
    turns = {
        "year": _turn(date, year, (year + np.timedelta64(1, "Y")).astype("datetime64[D]")),
        "month": _turn(date, month, (month + np.timedelta64(1, "M")).astype("datetime64[D]")),
        "week": ((days + 3) % 7) / 7,  # 1970-01-01 was a Thursday
        "day": known / 86400 - days,
    }
    gap = np.isnan(values)
    return {name: np.where(gap, np.nan, 2 * np.pi * turn) for name, turn in turns.items()}


def _turn(date: Any, start: Any, stop: Any) -> Any:
    """How far `date` is between two dates, in [0, 1)."""
    begin = start.astype("datetime64[D]")
    return (date - begin).astype(np.float64) / (stop - begin).astype(np.float64)
