"""Past values that lie outside what was to be expected one step before."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.tasks.series import backtest as testing
from retroprop.tasks.series.panel import dated

__all__ = ["INSIDE", "band", "found"]

Array = np.ndarray[Any, Any]
INSIDE = 0.99


def band(values: Array, truth: Array, share: float = INSIDE) -> tuple[Array, Array]:
    """A band that holds a share of past values, and how far each lies from its middle.

    Args:
        values: (n, 3) lower, median and upper, one step ahead.
        truth:  (n,) what came; NaN where it is not known.

    Returns:
        (n, 3) the wider band, and (n,) distances in half widths of it: above 1 it lies outside.

    Example:
        >>> values = np.tile([-1.0, 0.0, 1.0], (200, 1))
        >>> truth = np.r_[np.linspace(-1, 1, 199), 9.0]
        >>> wide, distance = band(values, truth)
        >>> np.flatnonzero(distance > 1).tolist()
        [199]
    """
    strain = testing.strains(values, truth)
    seen = strain[np.isfinite(strain)]
    factor = float(np.quantile(seen, share)) if len(seen) else 1.0
    factor = max(factor, 1e-9)
    wide = testing.calibrated(values[:, None, :], np.full((len(values), 1), factor))[:, 0]
    return wide, strain / factor


def found(task: Any, trainer: Any, track: Any) -> dict[str, list[Any]]:
    """Every past value that can be judged, as columns: date, value, band, and whether it is odd.

    About one value in a hundred is marked in any series: that is what a band of 99 % means.
    """
    recipe = task.recipe
    at = np.arange(recipe.memory, len(track))
    if not len(at):
        return {"date": [], "value": [], "expected": [], "lower": [], "upper": [], "anomaly": []}
    future = recipe.grid.after(track.dates[-1], np.arange(1, recipe.horizon + 1))
    outputs = trainer.predict(recipe.inputs(track, at, future))
    values = recipe.values(track, at, outputs)[:, 0]
    truth = np.where(track.known[at], track.values[at], np.nan)
    wide, distance = band(values, truth)
    return {
        "date": dated(track.dates[at], recipe.grid),
        "value": [None if np.isnan(v) else float(v) for v in truth],
        "expected": values[:, 1].tolist(),
        "lower": wide[:, 0].tolist(),
        "upper": wide[:, 2].tolist(),
        "anomaly": ["yes" if d > 1 else "no" for d in distance],
    }
