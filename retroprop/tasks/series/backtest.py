"""A forecast from every origin of the test part, the band around it, and scores of both.

The band is the network's own, made wider or narrower by how earlier forecasts came out: whenever an
outcome becomes known, the band of its distance grows a little if the outcome lay outside, and
shrinks a little if inside, so that in the long run it holds what it should, however things change.
Nothing of the future is used, and `predict` does the same.

Source: Gibbs, Candès 2021, arXiv:2106.00170; as a tracker of the width: Angelopoulos, Candès,
Tibshirani 2023, arXiv:2307.16895. Here the logarithm of the width is tracked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from retroprop.tasks.series.features import Recipe, naive
from retroprop.tasks.series.panel import Track

__all__ = ["Backtest", "by_step", "calibrated", "factors", "scores", "strains"]

Array = np.ndarray[Any, Any]
INSIDE = 0.8  # share that the band is to hold
_SLOWEST, _FASTEST = 0.01, 0.05  # by what a band changes with one outcome


class Backtest(NamedTuple):
    """Forecasts of one series.

    Attributes:
        track:  the series.
        at:     (origins,) index of the first step of each.
        values: (origins, horizon, 3) lower, median, upper.
        truth:  (origins, horizon) what came; NaN where it is not known.
        naive:  name of a naive forecast -> (origins, horizon).
        raw:    (origins, horizon, 3) before the band was calibrated.
        more:   variances of returns, for prices.
    """

    track: Track
    at: Array
    values: Array
    truth: Array
    naive: dict[str, Array]
    raw: Array
    more: Mapping[str, Array] = MappingProxyType({})


def strains(values: Array, truth: Array) -> Array:
    """How far outcomes lie from the median, in half widths of the band on their side.

    Example:
        >>> strains(np.array([[[0.0, 1.0, 3.0]]]), np.array([[2.0]])).tolist()
        [[0.5]]
    """
    lower, median, upper = values[..., 0], values[..., 1], values[..., 2]
    error = truth - median
    half = np.where(error >= 0, upper - median, median - lower)
    return np.abs(error) / np.maximum(half, 1e-12)


def factors(strain: Array, share: float = INSIDE) -> Array:
    """(origins, horizon) by what the half widths are multiplied at each origin.

    With s the strain of a step (see `strains`) that has just become known and f its factor,
    log f grows by r share where s > f, and shrinks by r (1 - share) where not; r = 0.6 / horizon.
    After n outcomes the share inside is off by at most the range of log f over r n.

    Args:
        strain: (origins, horizon) of consecutive origins; NaN where nothing is known.
        share:  of outcomes that are to lie inside.

    Example:
        >>> found = factors(np.full((1000, 1), 2.0))
        >>> found[0, 0], 1.9 < found[-1, 0] < 2.2
        (np.float64(1.0), np.True_)
    """
    count, horizon = strain.shape
    steps = np.arange(horizon)
    rate = min(max(0.6 / horizon, _SLOWEST), _FASTEST)
    logarithm, result = np.zeros(horizon), np.ones((count, horizon))
    for k in range(1, count):
        made = np.maximum(k - 1 - steps, 0)  # whose outcome of each step has just become known
        seen = strain[made, steps]
        known = np.isfinite(seen) & (k > steps)
        outside = seen > result[made, steps]
        logarithm += np.where(known, rate * (outside - (1 - share)), 0.0)
        result[k] = np.exp(logarithm)
    return result


def calibrated(values: Array, factor: Array) -> Array:
    """Quantiles whose distance from the median is multiplied by a factor."""
    median = values[..., 1:2]
    return median + (values - median) * factor[..., None]


def naive_forecasts(recipe: Recipe, track: Track, at: Array) -> dict[str, Array]:
    """What costs nothing: the last value, the values one season before."""
    found = {"the last value": naive(track.values, at, recipe.horizon, 0)}
    for season in recipe.seasons:
        named = f"{season} {recipe.grid.noun}s before"
        found[named] = naive(track.values, at, recipe.horizon, season)
    return found


def _mean(errors: Array) -> float:
    return float(np.nanmean(errors)) if np.isfinite(errors).any() else math.nan


def relative(tests: list[Backtest], forecast: Any) -> float:
    """Mean absolute error over that of the first naive forecast given for each, over series."""
    return float(np.mean([forecast(test) for test in tests]))


def scores(tests: list[Backtest], season: str) -> dict[str, float]:
    """Errors and coverage over all series, and MASE.

    MAE and pinball are means over series. MASE is the mean absolute error over that of the naive
    forecast `season` on the same steps; `skill` is one minus the error over that of the best naive
    forecast. With several series these are means of ratios.
    """
    best = best_naive(tests)
    rows = []
    for test in tests:
        error = np.abs(test.truth - test.values[..., 1])
        mae = _mean(error)
        base = {name: _mean(np.abs(test.truth - made)) for name, made in test.naive.items()}
        inside = (test.truth >= test.values[..., 0]) & (test.truth <= test.values[..., 2])
        known = np.isfinite(test.truth)
        rows.append({
            "mase": mae / max(base[season], 1e-12),
            "mae": mae,
            "naive_mae": base[season],
            "best_naive_mae": base[best],
            "skill": 1 - mae / max(base[best], 1e-12),
            "pinball": _pinball(test.values, test.truth),
            "coverage": float(inside[known].mean()) if known.any() else math.nan,
            "width": _mean((test.values[..., 2] - test.values[..., 0])[known]),
        })  # fmt: skip
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def _pinball(values: Array, truth: Array) -> float:
    error = truth[..., None] - values
    levels = np.array([0.1, 0.5, 0.9])
    return _mean(np.maximum(levels * error, (levels - 1) * error))


def best_naive(tests: list[Backtest]) -> str:
    """The naive forecast of the least error, each series counting the same."""
    names = list(tests[0].naive)
    total: dict[str, float] = dict.fromkeys(names, 0.0)
    for test in tests:
        errors = {name: _mean(np.abs(test.truth - test.naive[name])) for name in names}
        usual = float(np.mean(list(errors.values()))) or 1.0
        for name in names:
            total[name] += errors[name] / usual
    return min(names, key=lambda name: total[name])


def by_step(tests: list[Backtest], season: str) -> list[dict[str, float]]:
    """Scores of each step ahead, as `scores` has them."""
    rows = []
    for step in range(tests[0].values.shape[1]):
        cut = [
            test._replace(
                values=test.values[:, step : step + 1],
                truth=test.truth[:, step : step + 1],
                naive={name: made[:, step : step + 1] for name, made in test.naive.items()},
            )
            for test in tests
        ]
        rows.append({"step": float(step + 1), **scores(cut, season)})
    return rows
