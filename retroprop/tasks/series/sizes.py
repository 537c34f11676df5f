"""How far to forecast, how far to look back, and after how many steps things repeat."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.series.features import reach
from retroprop.tasks.series.panel import Panel, Track, written

__all__ = ["decide", "season_of", "training_end"]

Array = np.ndarray[Any, Any]
_LONGEST = 256  # of windows that nobody asked for
_CLEAR = 0.2  # autocorrelation from which a peak is a season


def season_of(values: Array, expected: int = 0) -> int:
    """After how many steps a series repeats: by the calendar if it does, else by its peaks.

    Autocorrelations of the values less their trend; a season is a peak among them, higher than at
    half its length.

    Args:
        values:   (n,) without gaps.
        expected: the season of the calendar, or 0.

    Returns:
        0 when nothing repeats.

    Example:
        >>> t = np.arange(400)
        >>> (
        ...     season_of(np.sin(2 * np.pi * t / 25)),
        ...     season_of(np.random.default_rng(0).normal(size=400)),
        ... )
        (25, 0)
    """
    n = len(values)
    trend = np.polyval(np.polyfit(np.arange(n), values, 1), np.arange(n))
    rest = values - trend
    power = np.abs(np.fft.rfft(rest, 2 * n)) ** 2
    correlation = np.fft.irfft(power)[: n // 2 + 1]
    correlation = correlation / (correlation[0] or 1.0) * n / (n - np.arange(len(correlation)))
    if 2 <= expected < len(correlation):
        half = correlation[expected // 2]
        if correlation[expected] > max(half + 0.1, _CLEAR):
            return expected
    below = np.flatnonzero(correlation < 0)
    if not len(below):
        return 0
    tail = correlation[below[0] : max(below[0] + 2, n // 3)]
    peaks = np.flatnonzero((tail[1:-1] >= tail[:-2]) & (tail[1:-1] >= tail[2:])) + 1
    if not len(peaks) or tail[peaks].max() <= max(_CLEAR, 3 / np.sqrt(n)):
        return 0
    first = peaks[tail[peaks] >= 0.8 * tail[peaks].max()][0]  # the others are its multiples
    return int(first) + int(below[0])


def training_end(length: int, test_fraction: float, validation: float) -> int:
    """How many of the first values are learned from."""
    return int(length * (1 - test_fraction) * (1 - validation))


def decide(panel: Panel, given: dict[str, Any]) -> dict[str, Any]:
    """Horizon, window and seasons, as given or else by the data; too short series are left out.

    Raises:
        DataError: no series is long enough.
    """
    shares = (given.get("test_fraction", 0.2), given.get("validation", 0.125))
    longest = max(panel.tracks, key=len)
    train = longest.values[: training_end(len(longest), *shares)]
    seasons = given.get("season")
    if seasons is None:
        seasons = _seasons(panel, train)
    seasons = [season for season in seasons if season > 0]
    horizon = given.get("horizon") or _horizon(panel, seasons, len(train))
    fold = given.get("fold") or _fold(seasons, given.get("window"))
    window = given.get("window") or -(-_window(seasons, horizon, len(train)) // fold) * fold
    if window % fold:
        raise ArgumentError(
            f"window={window} is not a whole number of fold={fold} steps",
            fix=f"choose window={-(-window // fold) * fold}",
        )
    _leave_out(panel, horizon, window, seasons, shares)
    return {"horizon": horizon, "window": window, "season": seasons, "fold": fold}


def _seasons(panel: Panel, train: Array) -> list[int]:
    if panel.schema.finance:
        return []
    usual = [season for season in panel.grid.seasons() if 4 * season <= len(train)]
    if len(train) < 16:
        return usual
    found = season_of(train, usual[0] if usual else 0)
    if usual and found == usual[0]:
        return usual
    if found:
        panel.notes.append(
            f"the values repeat after about {found} {panel.grid.noun}s (season= says otherwise)"
        )
        return [found]
    return []


def _fold(seasons: list[int], window: int | None) -> int:
    """Steps that are read at once: those of a season that is short enough, else a few of many."""
    season = min(seasons, default=0)
    fold = season if 2 <= season <= 32 else 12 if season > 32 else 1
    return fold if window is None or window % fold == 0 else 1


def _horizon(panel: Panel, seasons: list[int], length: int) -> int:
    if panel.schema.finance:
        wanted = 5
    else:
        wanted = min((season for season in seasons if season <= 48), default=12)
        wanted = 14 if wanted == 7 else wanted
    return max(1, min(wanted, length // 10))


def _window(seasons: list[int], horizon: int, length: int) -> int:
    wanted = max(2 * min(seasons, default=0), 2 * horizon, 24)
    fitting = [season for season in seasons if season <= _LONGEST]
    wanted = min(max(wanted, *fitting, 0), _LONGEST)
    return max(2, min(wanted, length // 4))


def _leave_out(
    panel: Panel, horizon: int, window: int, seasons: list[int], shares: tuple[float, float]
) -> None:
    """Drop the series too short to learn from and to test."""
    memory = reach(window, seasons, double=False)
    test, validation = shares
    dates = np.unique(np.concatenate([track.dates for track in panel.tracks]))
    cut = dates[training_end(len(dates), test, validation)]
    short: list[Track] = []
    for track in panel.tracks:
        learned = int(np.searchsorted(track.dates, cut))
        held = len(dates) * (1 - test) * validation
        if learned < memory + 2 * horizon or len(dates) * test < horizon or 0 < held < horizon:
            short.append(track)
    if len(short) == len(panel.tracks):
        longest = max(len(track) for track in short)
        raise DataError(
            f"{longest} values are too few for a window of {window}, seasons of "
            f"{max(seasons, default=0)} and a horizon of {horizon}: about "
            f"{_needed(memory, horizon, test, validation)} are needed",
            file=panel.source,
            fix="choose a smaller horizon=, window= or season=",
        )
    if short:
        panel.tracks = [track for track in panel.tracks if track not in short]
        listed = ", ".join(f"{track.name} ({len(track)} values)" for track in short[:5])
        more = ", ..." if len(short) > 5 else ""
        panel.notes.append(
            f"{len(short)} series too short before {written(cut)}, where the training part ends, "
            f"left out: {listed}{more}"
        )


def _needed(memory: int, horizon: int, test: float, validation: float) -> int:
    parts = [(memory + 2 * horizon) / ((1 - test) * (1 - validation)), horizon / test]
    if validation:
        parts.append(horizon / ((1 - test) * validation))
    return int(max(parts)) + 1
