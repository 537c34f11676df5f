"""How often a series is measured: told by its dates, with the seasons that go with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Frequency", "calendar", "frequency"]

Array = np.ndarray[Any, Any]

_DAY = 86400.0
_NAMES = {1.0: "second", 60.0: "minute", 3600.0: "hour", _DAY: "day", 7 * _DAY: "week"}
_MONTHS = {1: "month", 3: "quarter", 6: "half-year", 12: "year"}
_REGULAR = 0.9  # share of steps that must be whole multiples of the usual one


class Frequency(NamedTuple):
    """The grid that dates lie on.

    Attributes:
        unit:  "seconds", "weekdays" (Monday to Friday) or "months".
        step:  how many of them from one date to the next.
        phase: of months the day (31 for the last one) + seconds of the day / 86400.

    Example:
        >>> hourly = Frequency("seconds", 3600.0)
        >>> hourly.name, hourly.seasons()
        ('hourly', [24, 168])
        >>> Frequency("months", 1, 1.0).seasons()
        [12]
    """

    unit: str
    step: float
    phase: float = 0.0

    @property
    def name(self) -> str:
        """As people say it."""
        if self.unit == "weekdays":
            return "every working day"
        if self.unit == "months":
            word = _MONTHS.get(int(self.step))
            return f"{word}ly" if word else f"every {int(self.step)} months"
        if self.step == _DAY:
            return "daily"
        if self.step in _NAMES:
            return f"{_NAMES[self.step]}ly"
        size = max(length for length in (*_NAMES, 0.001) if self.step >= length)
        return f"every {self.step / size:g} {_NAMES.get(size, 'millisecond')}s"

    @property
    def noun(self) -> str:
        """What one step is called."""
        if self.unit == "weekdays":
            return "day"
        if self.unit == "months":
            return _MONTHS.get(int(self.step), "step")
        return _NAMES.get(self.step, "step")

    def seasons(self) -> list[int]:
        """Steps after which things tend to repeat by the calendar, the shortest first."""
        if self.unit == "weekdays":
            return [5]
        if self.unit == "months":
            return [12 // int(self.step)] if self.step in {1, 3, 6} else []
        if self.step == 7 * _DAY:
            return [52]
        if self.step == _DAY:
            return [7]
        lengths = (_DAY / self.step, 7 * _DAY / self.step)
        if self.step < _DAY and all(length == int(length) for length in lengths):
            return [int(length) for length in lengths if length > 1]
        return []

    def positions(self, dates: Array) -> Array:
        """How many steps each date (seconds since 1970) is after the first one, in whole steps."""
        if self.unit == "weekdays":
            days = np.floor(dates / _DAY).astype(np.int64)
            first = days[0].astype("datetime64[D]")
            return np.busday_count(first, days.astype("datetime64[D]"))
        if self.unit == "months":
            months = _months(dates)
            return np.rint((months - months[0]) / self.step).astype(np.int64)
        return np.rint((dates - dates[0]) / self.step).astype(np.int64)

    def after(self, first: float, steps: Any) -> Array:
        """The dates some whole numbers of steps after one, as seconds since 1970.

        Example:
            >>> end = Frequency("months", 1, 31.0).after(31 * 86400.0 - 86400, [0, 1])
            >>> end.astype("datetime64[s]").astype(str).tolist()
            ['1970-01-31T00:00:00', '1970-02-28T00:00:00']
        """
        steps = np.asarray(steps)
        if self.unit == "weekdays":
            day, clock = np.floor(first / _DAY), first % _DAY
            start = np.int64(day).astype("datetime64[D]")
            found = np.busday_offset(start, steps, roll="backward").astype(np.int64)
            return found * _DAY + clock
        if self.unit == "months":
            month = int(_months(np.array([first]))[0]) + steps * int(self.step)
            start = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
            length = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
            day = np.minimum(int(self.phase), length - start) - 1
            return (start + day + self.phase % 1) * _DAY
        return first + steps * self.step


def _months(dates: Array) -> Array:
    """Whole months since 1970-01."""
    return dates.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def frequency(dates: Array) -> Frequency | None:
    """The grid of dates (seconds since 1970, increasing and distinct); None if there is none.

    Dates may be missing: nine in ten steps must be the usual one, or whole multiples of it.

    Example:
        >>> day = 86400.0
        >>> frequency(day * np.array([0, 1, 2, 3, 5])).name
        'daily'
        >>> frequency(np.array([0.0, 1.5, 9.0, 9.1, 20.0])) is None
        True
    """
    if len(dates) < 3:
        return None
    found = _monthly(dates) or _weekdays(dates)
    if found is not None:
        return found
    gaps = np.diff(dates)
    values, counts = np.unique(np.round(gaps, 3), return_counts=True)
    step = float(values[counts.argmax()])
    multiples = gaps / step
    whole = np.abs(multiples - np.rint(multiples)) < 0.01
    usual = np.rint(multiples) == 1
    if (whole & (multiples > 0.5)).mean() < _REGULAR or usual.mean() < 0.5:
        return None
    return Frequency("seconds", step)


def _monthly(dates: Array) -> Frequency | None:
    """Months, quarters or years: always the same day of the month, or always the last one."""
    if np.diff(dates).min() < 27 * _DAY:
        return None
    days = dates.astype("datetime64[s]").astype("datetime64[D]")
    day = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
    ends = ((days + 1).astype("datetime64[M]") - days.astype("datetime64[M]")).astype(np.int64) == 1
    clock = dates % _DAY
    if len(set(clock.tolist())) > 1 or not (ends.all() or len(set(day.tolist())) == 1):
        return None
    steps, counts = np.unique(np.diff(_months(dates)), return_counts=True)
    step = int(steps[counts.argmax()])
    if step < 1 or counts[steps % step == 0].sum() < _REGULAR * counts.sum():
        return None
    last = bool(ends.all()) and int(day.max()) > 27
    return Frequency("months", step, (31 if last else int(day[0])) + float(clock[0]) / _DAY)


def _weekdays(dates: Array) -> Frequency | None:
    """Days without weekends, of which few are missing."""
    gaps = np.diff(dates) / _DAY
    if len(dates) < 8 or len(set((dates % _DAY).tolist())) > 1 or np.median(gaps) != 1:
        return None
    weekday = (np.floor(dates / _DAY).astype(np.int64) + 3) % 7
    span = np.busday_count(*dates[[0, -1]].astype("datetime64[s]").astype("datetime64[D]")) + 1
    if weekday.max() > 4 or len(dates) < 0.8 * span:
        return None
    return Frequency("weekdays", 1.0)


def calendar(dates: Array, grid: Frequency) -> Array:
    """Where dates lie in the day, the week and the year: (dates, features) sines and cosines.

    Only turns that are longer than a step are given, two waves for each.

    Example:
        >>> calendar(np.array([0.0, 43200.0]), Frequency("seconds", 43200.0)).shape
        (2, 12)
    """
    turns = []
    if grid.unit == "seconds" and grid.step < _DAY:
        turns.append(dates / _DAY)
    if grid.unit == "weekdays" or (grid.unit == "seconds" and grid.step <= _DAY):
        turns.append((dates / _DAY + 3) / 7)
    if not (grid.unit == "months" and grid.step >= 12):
        turns.append(dates / (365.2425 * _DAY))
    angles = [2 * np.pi * wave * turn for turn in turns for wave in (1, 2)]
    if not angles:
        return np.zeros((len(dates), 0), np.float32)
    waves = [part(angle) for angle in angles for part in (np.sin, np.cos)]
    return np.stack(waves, axis=1).astype(np.float32)
