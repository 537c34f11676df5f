"""Windows of series as network inputs, and what has to be learned for them from the training part.

A forecast is made at an origin, from what lies before it. With z the values (or their logarithms),
b(h) a naive forecast h steps ahead (the value a season before, or the last one) and u the typical
error of it, the network is asked for (z(h) - b(h)) / u: how the future differs from the naive one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retroprop.tasks.series import finance
from retroprop.tasks.series.frequency import Frequency, calendar
from retroprop.tasks.series.panel import Track

__all__ = ["Recipe", "naive", "origins", "reach"]

Array = np.ndarray[Any, Any]
_MOST = 20_000  # windows that the choice of the naive forecast looks at


def naive(z: Array, at: Array, horizon: int, season: int) -> Array:
    """(origins, horizon) the value a season before each step, or the last one where season is 0.

    Example:
        >>> naive(np.arange(10.0), np.array([6]), 4, 3).tolist(), naive(np.arange(9.0), [6], 2, 0)
        ([[3.0, 4.0, 5.0, 3.0]], array([[5., 5.]]))
    """
    at = np.asarray(at)
    if not season:
        return np.repeat(z[at - 1][:, None], horizon, axis=1)
    return z[_back(at, horizon, season)]


def _back(at: Array, horizon: int, season: int, more: int = 0) -> Array:
    """The places a whole number of seasons before each step: the last known ones, or earlier."""
    steps = np.arange(horizon)
    return at[:, None] + steps - season * (steps // season + 1 + more)


def reach(window: int, seasons: list[int], double: bool) -> int:
    """How many values before an origin are looked at.

    Example:
        >>> reach(168, [24, 168], False), reach(168, [24, 168], True)
        (336, 336)
    """
    longest = max(seasons, default=1)
    return max(window + longest, longest * (2 if double else 1))


def origins(track: Track, horizon: int, memory: int, begin: float, end: float) -> Array:
    """Where forecasts can be made whose steps all lie from `begin` to before `end` (seconds)."""
    first, stop = np.searchsorted(track.dates, [begin, end])
    return np.arange(max(int(first), memory), int(stop) - horizon + 1)


class Recipe:
    """How windows become inputs.

    Args:
        horizon, window, seasons: steps.
        grid:     how often the series are measured.
        finance:  whether values are prices.

    Attributes:
        base:   season of the naive forecast that the network improves on; 0 for the last value.
        log:    whether logarithms are forecast.
        double: whether values two seasons back are looked at.
        scales: name of a series -> what was learned about it.
        gaps:   whether the network is told which values were filled.
    """

    def __init__(
        self, horizon: int, window: int, seasons: list[int], grid: Frequency, finance: bool
    ) -> None:
        self.horizon, self.window, self.seasons = horizon, window, list(seasons)
        self.grid, self.finance = grid, finance
        self.base, self.log, self.double, self.gaps = 0, finance, False, False
        self.scales: dict[str, dict[str, Any]] = {}

    @property
    def memory(self) -> int:
        """How many values before an origin are looked at."""
        return reach(self.window, self.seasons, self.double)

    # -- learning --------------------------------------------------------------------------------

    def learn(self, tracks: list[tuple[Track, int]], log: bool | None) -> None:
        """From the training part of each series, which ends before the index given with it."""
        longest = max(self.seasons, default=1)
        self.double = min(end for _, end in tracks) >= 8 * longest
        self.log = self._wants_log(tracks) if log is None else log
        self.gaps = any(not track.known[:end].all() for track, end in tracks)
        errors: dict[int, list[Array]] = {season: [] for season in (0, *self.seasons)}
        if self.finance:
            errors = {0: []}
        for track, end in tracks:
            for season, seen in errors.items():
                seen.append(self._errors(track, end, season))
        relative = {
            season: sum(float(e.mean()) / (float(errors[0][k].mean()) or 1.0)
                        for k, e in enumerate(seen))
            for season, seen in errors.items()
        }  # fmt: skip
        self.base = min(relative, key=lambda season: relative[season])
        for k, (track, end) in enumerate(tracks):
            self.scales[track.name] = self._scale(track, end, errors[self.base][k])

    def z(self, track: Track) -> Array:
        """The values on the scale of the forecast."""
        return np.log(track.values) if self.log else track.values

    def _wants_log(self, tracks: list[tuple[Track, int]]) -> bool:
        """Whether swings grow with the level, in every series."""
        if self.finance:
            return True
        size = max(self.seasons, default=0) or 12
        found = []
        for track, end in tracks:
            blocks = track.values[: end - end % size].reshape(-1, size)
            if track.values[:end].min() <= 0 or len(blocks) < 6:
                return False
            found.append(float(np.corrcoef(blocks.mean(axis=1), np.ptp(blocks, axis=1))[0, 1]))
        return min(found) > 0.8

    def _errors(self, track: Track, end: int, season: int) -> Array:
        """Absolute errors of a naive forecast in the training part."""
        at = np.arange(self.memory, end - self.horizon + 1)
        at = at[:: max(1, len(at) * self.horizon // _MOST)]
        z = self.z(track)
        future = at[:, None] + np.arange(self.horizon)
        error = np.abs(z[future] - naive(z, at, self.horizon, season))
        kept: Array = error[track.known[future]]
        return kept if kept.size else np.ones(1)

    def _scale(self, track: Track, end: int, errors: Array) -> dict[str, Any]:
        z, seen = self.z(track)[:end], track.known[:end]
        extra = track.extra[:end]
        counts = np.maximum(np.isfinite(extra).sum(axis=0), 1)
        center = np.nansum(extra, axis=0) / counts
        spread = np.sqrt(np.nansum((extra - center) ** 2, axis=0) / counts)
        learned = {
            "center": float(z[seen].mean()),
            "spread": float(z[seen].std()) or 1.0,
            "unit": float(errors.mean()) or 1.0,
            "extra_center": center.tolist(),
            "extra_spread": np.where(spread > 0, spread, 1.0).tolist(),
            "until": float(track.dates[end - 1]),
            "floor": 0.0 if float(track.values[:end].min()) == 0 else None,
        }
        if self.finance:
            learned |= finance.learned(np.diff(z))
        return learned

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        names = ("horizon", "window", "seasons", "finance", "base", "log", "double", "gaps")
        return {
            **{name: getattr(self, name) for name in names},
            "grid": list(self.grid),
            "scales": self.scales,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Recipe:
        """Back from `to_dict`."""
        grid = Frequency(*record["grid"])
        recipe = cls(
            record["horizon"], record["window"], record["seasons"], grid, record["finance"]
        )
        for name in ("base", "log", "double", "gaps", "scales"):
            setattr(recipe, name, record[name])
        return recipe

    # -- windows ---------------------------------------------------------------------------------

    def base_of(self, track: Track, at: Array) -> Array:
        """(origins, horizon) the naive forecast that the network improves on."""
        return naive(self.z(track), at, self.horizon, self.base)

    def inputs(self, track: Track, at: Array, future: Array | None = None) -> dict[str, Array]:
        """Network inputs at origins.

        Args:
            at:     (origins,) index of the first step that is forecast.
            future: dates of the steps of one origin that lies at the end of the series.

        Returns:
            past (origins, window, features), ahead (origins, horizon, features), now (origins,
            features), all float32.
        """
        scale = self.scales[track.name]
        places = at[:, None] + np.arange(-self.window, 0)
        table = self._table(track, scale)
        z, last = self.z(track), self.z(track)[at - 1][:, None]
        level = np.clip((z[places] - last) / scale["spread"], -10, 10)
        past = np.concatenate([table[places], level[..., None]], axis=2)
        recent = np.abs(past[:, :, 0])
        now = [np.log(recent.mean(axis=1) + 0.1), np.log(recent[:, -self._short :].mean(1) + 0.1)]
        if self.finance:
            now += list(finance.states(np.diff(z), scale)[at - 2].T)
        parts = {"past": past, "ahead": self._ahead(track, at, scale, future)}
        ready = {**parts, "now": np.stack(now, axis=1)}
        return {name: np.ascontiguousarray(part, np.float32) for name, part in ready.items()}

    @property
    def _short(self) -> int:
        return max(2, min(self.seasons, default=5))

    def _table(self, track: Track, scale: dict[str, Any]) -> Array:
        """(n, features) of every step: its change, the calendar, gaps, covariates."""
        z, lag = self.z(track), self.base or 1
        change = np.zeros(len(z))
        change[lag:] = np.clip((z[lag:] - z[:-lag]) / scale["unit"], -30, 30)
        columns = [change[:, None], calendar(track.dates, self.grid)]
        if self.finance:
            columns.append(np.abs(change)[:, None])
        else:
            columns.append(np.clip((z - scale["center"]) / scale["spread"], -6, 6)[:, None])
        if self.gaps:
            columns.append((~track.known)[:, None])
        if track.extra.shape[1]:
            extra = (track.extra - scale["extra_center"]) / np.asarray(scale["extra_spread"])
            columns.append(np.clip(np.nan_to_num(extra), -10, 10))
        return np.concatenate(columns, axis=1).astype(np.float32)

    def _ahead(self, track: Track, at: Array, scale: dict[str, Any], future: Array | None) -> Array:
        """(origins, horizon, features) of the steps to forecast: calendar, and other naive ones."""
        z, base, steps = self.z(track), self.base_of(track, at), self.horizon
        dates = track.dates if future is None else np.concatenate([track.dates, future])
        days = calendar(dates, self.grid)[at[:, None] + np.arange(steps)]
        others = [naive(z, at, steps, 0)]
        for season in self.seasons:
            others += [z[_back(at, steps, season, k)] for k in range(2 if self.double else 1)]
        lags = np.clip((np.stack(others, axis=2) - base[..., None]) / scale["unit"], -30, 30)
        place = np.broadcast_to(np.linspace(0, 1, steps)[None, :, None], (len(at), steps, 1))
        parts = [lags, days, place]
        if self.finance:  # what the network's variance starts from
            made = finance.volatility(np.diff(z), at, steps, scale)["GARCH(1,1)"]
            parts.append(np.log(made / scale["daily"] ** 2)[..., None])
        return np.concatenate(parts, axis=2)

    def targets(self, track: Track, at: Array) -> Array:
        """(origins, horizon, 2 or 3): differences to the naive forecast, whether they count.

        Of prices the third is the return of each single step.
        """
        scale, z = self.scales[track.name], self.z(track)
        future = at[:, None] + np.arange(self.horizon)
        known = track.known[future]
        change = np.where(known, (z[future] - self.base_of(track, at)) / scale["unit"], 0.0)
        parts = [change, known]
        if self.finance:
            parts.append((z[future] - z[future - 1]) / scale["daily"])
        return np.stack(parts, axis=2).astype(np.float32)

    def values(self, track: Track, at: Array, outputs: Array) -> Array:
        """(origins, horizon, 3) lower, median and upper in the units of the data."""
        scale = self.scales[track.name]
        z = self.base_of(track, at)[..., None] + scale["unit"] * outputs[..., :3].astype(float)
        return np.exp(z) if self.log else z

    def possible(self, track: Track, values: Array) -> Array:
        """The same values, none below zero where a series touches zero and never goes below."""
        floor = self.scales[track.name]["floor"]
        return values if floor is None else np.maximum(values, floor)

    def truth(self, track: Track, at: Array) -> Array:
        """(origins, horizon) what came, NaN where it is not known."""
        future = at[:, None] + np.arange(self.horizon)
        return np.where(track.known[future], track.values[future], math.nan)
