"""How far an update moves the weights, and how large they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.health.history import History

__all__ = ["matrices", "middles", "update_ratios"]

Array = np.ndarray[Any, Any]


def matrices(history: History, what: str) -> tuple[list[str], Array]:
    """A statistic of the weights of units: matrices and kernels, no biases, norms or tables.

    Args:
        what: "weight", "update", "gradient", "noise".

    Returns:
        As `History.series`: names, and (events, names).
    """
    names, values = history.series(what, "parameter")
    fans = {site.name: site.fan for site in history.sites if site.kind == "parameter"}
    kept = [i for i, name in enumerate(names) if fans[name]]
    return [names[i] for i in kept], values[:, kept]


def update_ratios(history: History) -> tuple[list[str], Array]:
    """The size of an update in that of the weight it changes, root mean squares.

    About 1e-3 is usual. Weights that are 0 before their first update are left out.

    Source: Karpathy 2015, CS231n notes, "Ratio of weights:updates".
    """
    names, updates = matrices(history, "update")
    weights = dict(zip(*_columns(*matrices(history, "weight")), strict=True))
    kept = [i for i, name in enumerate(names) if (weights[name] > 0).all()]
    if not kept:
        return [], np.zeros((len(history), 0))
    sizes = np.stack([weights[names[i]] for i in kept], axis=1)
    return [names[i] for i in kept], np.sqrt(updates[:, kept] / sizes)


def middles(values: Array) -> Array:
    """The median of each row, of what is known of it; 0 where nothing is.

    Example:
        >>> middles(np.array([[1.0, np.nan, 3.0], [np.nan] * 3])).tolist()
        [2.0, 0.0]
    """
    rows = [row[np.isfinite(row)] for row in values]
    return np.array([np.median(row) if row.size else 0.0 for row in rows])


def _columns(names: list[str], values: Array) -> tuple[list[str], list[Array]]:
    return names, list(values.T)
