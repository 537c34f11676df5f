"""Series in memory: in order of time, on one grid, with gaps filled from the past and marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import DataError
from retroprop.tasks.series.frequency import Frequency

__all__ = ["Panel", "Schema", "Track", "dated", "filled", "on_grid", "written"]

Array = np.ndarray[Any, Any]


class Schema(NamedTuple):
    """Which columns hold what.

    Attributes:
        date:       the column of dates.
        targets:    the columns that are forecast; several are one series each.
        by:         the column that tells series apart, or "".
        covariates: columns that are known up to the present, as the target is.
        finance:    whether the target is a price.
    """

    date: str
    targets: list[str]
    by: str = ""
    covariates: Sequence[str] = ()
    finance: bool = False

    @property
    def wide(self) -> bool:
        """Whether the series are columns."""
        return len(self.targets) > 1


@dataclass(frozen=True, eq=False)
class Track:
    """One series.

    Attributes:
        name:   what it is called.
        dates:  (n,) seconds since 1970, on the grid.
        values: (n,) without gaps.
        known:  (n,) False where a gap was filled.
        extra:  (n, covariates) NaN where missing.
    """

    name: str
    dates: Array
    values: Array
    known: Array
    extra: Array

    def __len__(self) -> int:
        return len(self.dates)


class Panel:
    """Series that belong together.

    Attributes:
        tracks: the series.
        grid:   how often they are measured.
        schema: which columns they come from.
        source: what errors call the data.
        notes:  what was assumed or left out.
        sizes:  horizon, window and seasons, once they are decided.
    """

    def __init__(
        self,
        tracks: list[Track],
        grid: Frequency,
        schema: Schema,
        source: str = "table",
        notes: list[str] | None = None,
    ) -> None:
        self.tracks, self.grid, self.schema, self.source = tracks, grid, schema, source
        self.notes = notes or []
        self.sizes: dict[str, Any] = {}

    def __len__(self) -> int:
        return sum(len(track) for track in self.tracks)

    @property
    def name(self) -> str:
        """What is forecast, in words."""
        targets = self.schema.targets
        return targets[0] if len(targets) == 1 else f"{len(targets)} columns"


def filled(values: Array, known: Array, season: int) -> Array:
    """Gaps filled with the value a season before, or else with the last one; nothing of later.

    Example:
        >>> series = np.array([1.0, 2.0, 3.0, np.nan, 5.0])
        >>> filled(series, ~np.isnan(series), 2).tolist()
        [1.0, 2.0, 3.0, 2.0, 5.0]
    """
    result = values.copy()
    for at in np.flatnonzero(~known).tolist():
        back = at - season
        result[at] = result[back] if season and back >= 0 else result[max(at - 1, 0)]
    return result


def on_grid(
    name: str, dates: Array, columns: Array, grid: Frequency, source: str
) -> tuple[Track, int]:
    """A series with a row for every step of the grid, and how many had none.

    Days without trading are no gaps: on working days rows stay as they are.

    Args:
        dates:   (rows,) increasing.
        columns: (rows, 1 + covariates), the target first.

    Raises:
        DataError: dates that do not lie on the grid.
    """
    at = grid.positions(dates)
    if len(dates) > 1 and np.diff(at).min() < 1:
        first = int(np.diff(at).argmin()) + 1
        raise DataError(
            f"{name or 'the series'}: {written(dates[first])} does not lie on the grid of the "
            f"other dates, which are {grid.name}",
            file=source,
        )
    if grid.unit == "weekdays":
        at = np.arange(len(dates))
    table = np.full((int(at[-1]) + 1, columns.shape[1]), np.nan)
    table[at] = columns
    steps = dates if grid.unit == "weekdays" else grid.after(dates[0], np.arange(len(table)))
    start = int(np.isfinite(table[:, 0]).argmax())  # nothing can be said of what is before
    table, steps = table[start:], steps[start:]
    known = np.isfinite(table[:, 0])
    season = next(iter(grid.seasons()), 0)
    track = Track(name, steps, filled(table[:, 0], known, season), known, table[:, 1:])
    return track, int(at[-1]) + 1 - len(dates)


def written(seconds: float) -> str:
    """A date as ISO 8601, without the time of day where that is midnight.

    Example:
        >>> written(86400.0), written(3600.0)
        ('1970-01-02', '1970-01-01 01:00')
    """
    text = str(np.datetime64(round(float(seconds)), "s")).replace("T", " ")
    return text.removesuffix(" 00:00:00").removesuffix(":00") if len(text) == 19 else text


def dated(dates: Array, grid: Frequency) -> list[str]:
    """The dates of a grid, all written alike: with hours below a day, months without a day.

    Example:
        >>> dated(np.array([0.0, 3600.0]), Frequency("seconds", 3600.0))
        ['1970-01-01 00:00', '1970-01-01 01:00']
        >>> dated(np.array([0.0]), Frequency("months", 1, 1.0))
        ['1970-01']
    """
    texts = [written(date) for date in dates]
    if grid.unit == "months" and grid.phase == 1.0 and grid.step < 12:
        return [text[:7] for text in texts]
    if grid.unit == "seconds" and grid.step % 86400.0:
        return [text if " " in text else f"{text} 00:00" for text in texts]
    return texts
