"""What was seen of a training so far: losses of all steps, statistics at some of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retroprop.health.probe import Site
from retroprop.nn.module import Module

__all__ = ["History", "updates", "weights_of"]

Array = np.ndarray[Any, Any]
Key = tuple[str, str]

_KEPT = 16  # events of which statistics with many numbers are kept


class History:
    """Losses of every step, and the statistics of a `Probe` at some steps ("events").

    Attributes:
        sites:   the layers, activations and parameters, in the order of the forward pass.
        events:  the steps at which statistics were taken.
        losses:  of the steps 1, 2, ... as far as they are known.
        norms:   the norms of the whole gradient before clipping, of the same steps.
        rates:   the learning rate at each event.
        visited: for each table that is read by index, which rows were read at any event.
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
        self.visited: dict[str, Array] = {}
        self._columns: dict[Key, Array] = {}
        self._many: dict[Key, deque[Array]] = {}

    def __len__(self) -> int:
        return len(self.events)

    def add(self, step: int, rate: float, values: Mapping[Key, Any]) -> None:
        """The statistics of one event."""
        self.events.append(step)
        self.rates.append(rate)
        for (what, name), value in values.items():
            if what == "rows":
                was = self.visited.get(name, False)
                self.visited[name] = np.logical_or(was, np.asarray(value) > 0)
            elif np.ndim(value) == 0:
                self._column((what, name))[len(self) - 1] = float(value)
            else:
                kept = self._many.setdefault((what, name), deque(maxlen=_KEPT))
                kept.append(np.asarray(value, np.float32))

    def _column(self, key: Key) -> Array:
        """The values of a statistic at one site, NaN where they are missing; grown as needed."""
        column = self._columns.get(key, np.full(8, np.nan))
        if len(self) > len(column):
            column = np.concatenate([column, np.full(len(column) + len(self), np.nan)])
        self._columns[key] = column
        return column

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
                  "dead", "still", "noise".
            kind: of the sites: "layer", "relu", "sigmoid", "tanh", "parameter".

        Returns:
            The names of the sites that have it, and (events, sites); NaN where it is missing.
        """
        names = [name for name in self.names(kind) if (what, name) in self._columns]
        if not names:
            return [], np.zeros((len(self), 0))
        columns = [self._column((what, name))[: len(self)] for name in names]
        return names, np.stack(columns, axis=1)

    def latest(self, what: str, kind: str) -> dict[str, float]:
        """A statistic at the last event, by site."""
        names, values = self.series(what, kind)
        return dict(zip(names, values[-1].tolist(), strict=True)) if len(values) else {}

    def recent(self, what: str, name: str) -> list[Array]:
        """A statistic with many numbers at the last events, oldest first, at most 16.

        Args:
            what: "by step", "silent", "predicted", "classes", "target mean", "target square".
            name: of the site.
        """
        return list(self._many.get((what, name), ()))

    def by_step(self, name: str) -> Array | None:
        """The mean square gradient at each step of the sequences that a layer reads, last event."""
        found = self.recent("by step", name)
        return found[-1].astype(float) if found else None


def weights_of(model: Module) -> dict[str, Array]:
    """Copies of the weights that are trained, by name."""
    parameters = model.named_parameters()
    return {n: np.array(p.numpy()) for n, p in parameters if p.requires_grad and p.size}


def updates(before: Mapping[str, Array], after: Mapping[str, Array]) -> dict[Key, Any]:
    """The mean square by which each weight has changed, as a `History` keeps it."""
    return {
        ("update", name): np.square(np.subtract(after[name], old, dtype=np.float32)).mean()
        for name, old in before.items()
        if name in after
    }
