"""How the gradient changes from layer to layer, on its way back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retroprop.health.history import History

__all__ = ["Slope", "slope"]

_LEAST = 4  # layers below which there is no depth to speak of


class Slope(NamedTuple):
    """The gradient along the depth of a network.

    Attributes:
        first, last: names of the layers nearest the input and the output.
        per_layer:   factor from one layer to the one before it.
        total:       factor over all of them.
        layers:      how many there are.
        step:        the first event at which `total` was beyond the limit asked for.
    """

    first: str
    last: str
    per_layer: float
    total: float
    layers: int
    step: int


def slope(history: History, limit: float) -> Slope | None:
    """The slope at the last event, if it is beyond a limit (below it where that is under 1).

    Norms of the gradients of the outputs of layers, for one example, and a line through their
    logarithms. Norms, not means: where a layer has many pixels, each has a small share.
    """
    names, squares = history.series("gradient", "layer")
    if len(names) < _LEAST or not len(squares):
        return None
    places = {site.name: site.places * site.units for site in history.sites if site.kind == "layer"}
    sizes = np.array([places[name] for name in names], float)
    roots = np.log10(np.sqrt(np.maximum(squares * sizes, 1e-60)))
    depth = np.arange(len(names))
    tilts = [np.polyfit(depth, row, 1)[0] if np.isfinite(row).all() else 0.0 for row in roots]
    totals = [10.0 ** (-tilt * (len(names) - 1)) for tilt in tilts]
    beyond = [total < limit if limit < 1 else total > limit for total in totals]
    if not beyond[-1]:
        return None
    since = next(i for i in range(len(beyond)) if all(beyond[i:]))
    per_layer = float(10.0 ** -tilts[-1])
    return Slope(names[0], names[-1], per_layer, totals[-1], len(names), history.events[since])
