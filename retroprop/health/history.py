"""What was seen of a training so far: losses of all steps, statistics at some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retroprop.health.probe import Site

__all__ = ["History"]

Array = np.ndarray[Any, Any]


class History:
    """Losses of every step, and the statistics of a `Probe` at some steps ("events").

    Attributes:
        sites:   the layers, activations and parameters, in the order of the forward pass.
        events:  the steps at which statistics were taken.
        losses:  of the steps 1, 2, ... as far as they are known.
        norms:   the norms of the whole gradient before clipping, of the same steps.
        rates:   the learning rate at each event.
        facts:   what is known of the run besides: "batch_size", "clip_grad_norm", "optimizer",
                 "epochs" (records with loss and val_loss), ...; rules say what they read.

    Example:
        >>> history = History([Site("0", "layer", 4)])
        >>> history.add(1, 0.1, {("activation", "0"): 1.0})
        >>> history.series("activation", "layer")
        (['0'], array([[1.]]))
    """

    def __init__(self, sites: Sequence[Site] = (), **facts: Any) -> None:
        self.sites = list(sites)
        self.facts: dict[str, Any] = facts
        self.events: list[int] = []
        self.losses: list[float] = []
        self.norms: list[float] = []
        self.rates: list[float] = []
        self._seen: list[dict[tuple[str, str], Any]] = []

    def __len__(self) -> int:
        return len(self.events)

    def add(self, step: int, rate: float, values: Mapping[tuple[str, str], Any]) -> None:
        """The statistics of one event."""
        self.events.append(step)
        self.rates.append(rate)
        self._seen.append(dict(values))

    def names(self, kind: str) -> list[str]:
        """The sites of a kind."""
        return [site.name for site in self.sites if site.kind == kind]

    def site(self, name: str) -> Site:
        """A site by name."""
        return next(site for site in self.sites if site.name == name)

    def series(self, what: str, kind: str) -> tuple[list[str], Array]:
        """A statistic over time.

        Args:
            what: "activation", "spread", "gradient", "weight", "update", "saturated", "zero",
                  "dead", "still".
            kind: of the sites: "layer", "relu", "sigmoid", "tanh", "parameter".

        Returns:
            The names of the sites that have it, and (events, sites); NaN where it is missing.
        """
        names = [
            name for name in self.names(kind) if any((what, name) in one for one in self._seen)
        ]
        rows = [[float(one.get((what, name), np.nan)) for name in names] for one in self._seen]
        return names, np.array(rows, float).reshape(len(self._seen), len(names))

    def latest(self, what: str, kind: str) -> dict[str, float]:
        """A statistic at the last event, by site."""
        names, values = self.series(what, kind)
        return dict(zip(names, values[-1].tolist(), strict=True)) if len(values) else {}

    def by_step(self, name: str) -> Array | None:
        """The mean square gradient at each step of the sequences that a layer reads, last event."""
        found = self._seen[-1].get(("by step", name)) if self._seen else None
        return None if found is None else np.asarray(found, float)
