"""Health in a loop of one's own: statistics of the passes that one asks for, and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from retroprop.core.tensor import Tensor
from retroprop.health.finding import Finding
from retroprop.health.history import History, updates, weights_of
from retroprop.health.probe import Probe
from retroprop.health.rules import check_again
from retroprop.nn.module import Module
from retroprop.optim import Optimizer

__all__ = ["Watch", "watch"]

Array = np.ndarray[Any, Any]


class Watch:
    """Statistics of a model's layers, event by event; made by `watch`.

    Attributes:
        history:  what was seen; `history.series(what, kind)` gives plain arrays.
        findings: what is wrong, in the order in which it was seen.
    """

    def __init__(self, model: Module, optimizer: Optimizer | None, facts: dict[str, Any]) -> None:
        self.model, self.optimizer = model, optimizer
        self.history = History(model=model, optimizer=optimizer, **facts)
        self.findings: list[Finding] = []
        self._probe: Probe | None = None
        self._weights: dict[str, Array] = {}

    @contextmanager
    def looking(self) -> Iterator[Probe]:
        """A `with` block around a forward and a backward pass; what it saw is in `.values`."""
        with Probe(self.model) as probe:
            yield probe
        probe.parameters()
        self._probe = probe

    def add(
        self, values: Mapping[Any, Any], *, loss: Any = None, step: int | None = None
    ) -> list[Finding]:
        """Keep the statistics of one step, after its update.

        Args:
            values: `.values` of the pass, as a compiled step may return them.
            loss:   of the step.
            step:   its number; one more than the last one when left out.

        Returns:
            What the rules find for the first time.
        """
        if self._probe is not None:
            self.history.sites = self._probe.sites
        seen = {key: np.asarray(value.numpy()) for key, value in values.items()}
        weights = weights_of(self.model)
        seen.update(updates(self._weights, weights))
        self._weights = weights
        last = self.history.events[-1] if self.history.events else 0
        if loss is not None:
            self.history.losses.append(float(loss.item() if isinstance(loss, Tensor) else loss))
        rate = self.optimizer.lr if self.optimizer is not None else float("nan")
        self.history.add(last + 1 if step is None else step, rate, seen)
        return check_again(self.history, self.findings)


def watch(model: Module, optimizer: Optimizer | None = None, **facts: Any) -> Watch:
    """Watch a model in a loop of one's own.

    Args:
        model:     whose layers are looked at.
        optimizer: whose learning rate the rules may speak of.
        facts:     what else they may want to know, such as `clip_grad_norm=1.0`.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn, optim
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
        >>> seen = rp.health.watch(model, optimizer)
        >>> @rp.compile
        ... def step(x):
        ...     with seen.looking() as pass_:
        ...         loss = (model(x) ** 2).mean()
        ...         loss.backward()
        ...     optimizer.step()
        ...     optimizer.zero_grad()
        ...     return loss, pass_.values
        >>> for _ in range(3):
        ...     loss, values = step(rp.ones((4, 2)))
        ...     _ = seen.add(values, loss=loss)
        >>> seen.history.series("gradient", "layer")[1].shape
        (3, 2)
    """
    return Watch(model, optimizer, facts)
