"""Looks at a training now and then: one probe, all rules, each finding said once.

A probe is a forward and backward pass of its own on the batch that comes next, drawn with the same
random numbers, and leaves no trace: training goes on bit for bit as without it. It is taken often
at first and seldom later, and never takes more than a small share of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from retroprop import tree
from retroprop.core.compile import compile
from retroprop.core.tape import Journal
from retroprop.core.tensor import Tensor
from retroprop.errors import TraceError
from retroprop.health.finding import Finding
from retroprop.health.history import History, updates, weights_of
from retroprop.health.probe import MOST_CLASSES, Probe, Site
from retroprop.health.rules import check_again
from retroprop.nn.module import Module
from retroprop.optim import Optimizer

__all__ = ["Monitor"]

Array = np.ndarray[Any, Any]

_FIRST = 10  # steps before the first look
_SELDOM = 100  # steps between two looks, at most
_SHARE = 0.01  # of the time that looking may take
_ALLOWANCE = 0.05  # seconds of it that are free
_QUICK = 0.01  # seconds of a step below which a probe runs op by op: compiling would take longer
_TINY = 1e-30  # what weights add up to at least
_PATIENCE = 3.0  # seconds of training before a probe is compiled


class Monitor:
    """Watches one training.

    Args:
        model:     whose layers are looked at.
        optimizer: whose learning rate and updates are.
        backward:  a function of a batch that sets the gradients and returns the loss.
        every:     look every so many steps; None decides by the time that it takes.
        facts:     what rules may want to know of the run; see `History`.

    Attributes:
        history:  what was seen.
        findings: what is wrong, in the order in which it was seen.
        spent:    seconds that looking took so far, of `trained_seconds` of training.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        backward: Callable[..., Tensor],
        *,
        every: int | None = None,
        **facts: Any,
    ) -> None:
        self.model, self.optimizer, self.every = model, optimizer, every
        self.history = History(model=model, optimizer=optimizer, **facts)
        self.findings: list[Finding] = []
        self._backward = backward
        self._sites: list[Site] = []
        self._compiled = compile(self._probe, verbose=False)
        self._next = _FIRST if every is None else every
        self.spent = self._last = self.trained_seconds = self._pace = 0.0
        self._before: dict[str, Array] = {}
        self._values: dict[tuple[str, str], Any] = {}

    # -- when ------------------------------------------------------------------------------------

    def trained(self, seconds: float, losses: list[float], norms: list[float]) -> None:
        """Steps were taken: how long that took, and what they gave."""
        if self.history.losses:  # the first call also compiles: it tells no pace
            self._pace = seconds / max(len(losses), 1)
        self.trained_seconds += seconds
        self.history.losses += losses
        self.history.norms += norms

    def is_due(self, step: int) -> bool:
        """Whether to look before the next step, after so many."""
        if step < self._next:
            return False
        if self.every is not None:
            return True
        if not self._last:
            return 0.0 < self._pace < _QUICK or self.trained_seconds > _PATIENCE
        return self.spent + self._last <= _ALLOWANCE + _SHARE * self.trained_seconds

    def steps_until(self, step: int) -> int | None:
        """How many steps may be taken before the next look; None where that does not matter."""
        return None if self.every is None else max(1, self._next - step)

    # -- looking ---------------------------------------------------------------------------------

    def before(self, *batch: Any) -> None:
        """Look at the pass of the step to come; `after` has to follow it."""
        began = time.perf_counter()
        eager = self.every is None and self._pace < _QUICK
        try:
            made = (self._probe if eager else self._compiled)(*batch)
        except TraceError:
            made = self._probe(*batch)
        self._values = {key: value.numpy() for key, value in made.items()}
        self._values.update(_answers(*batch[1:3]))
        self.history.facts["batch_size"] = _length(batch)
        self.history.sites = self._sites
        self._before = weights_of(self.model)
        self._last = time.perf_counter() - began

    def after(self, step: int) -> list[Finding]:
        """Look at the update that the step made; returns what is found for the first time."""
        began = time.perf_counter()
        self._values.update(updates(self._before, weights_of(self.model)))
        self._before = {}
        self.history.add(step, self.optimizer.lr, self._values)
        found = self.review()
        self._last += time.perf_counter() - began
        self.spent += self._last
        self._next = step + (self.every or max(_FIRST, min(_SELDOM, step // 2)))
        return found

    def review(self) -> list[Finding]:
        """What the rules find for the first time, as after the last epoch."""
        return check_again(self.history, self.findings) if len(self.history) else []

    def _probe(self, *batch: Any) -> dict[tuple[str, str], Tensor]:
        """A pass that leaves nothing behind but its statistics."""
        parameters = list(self.model.parameters())
        with Journal() as journal:
            with Probe(self.model) as probe:
                self._backward(*batch)
            probe.parameters()
            for param in parameters:
                param.grad = None
            journal.rewind()
        self._sites = probe.sites
        return probe.values


def _length(batch: Any) -> int:
    leaves = [leaf for leaf in tree.flatten(batch)[0] if leaf is not None]
    return int(leaves[0].shape[0]) if leaves and leaves[0].ndim else 1


def _answers(targets: Any = None, counts: Any = None) -> dict[tuple[str, str], Array]:
    """What a network could know of the targets without looking at its inputs.

    The share of each class; of numbers the mean and the mean square, column by column.
    """
    if not isinstance(targets, Tensor) or not 0 < targets.ndim <= 2 or not targets.size:
        return {}
    y = targets.numpy()
    weights = np.ones(len(y)) if counts is None else np.asarray(counts.numpy(), float)
    weights = weights / max(float(weights.sum()), _TINY)
    if np.issubdtype(y.dtype, np.floating):
        rows = y.reshape(len(y), -1).astype(float)
        return {("target mean", ""): weights @ rows, ("target square", ""): weights @ rows**2}
    if y.ndim > 1 or y.min() < 0 or y.max() >= MOST_CLASSES:
        return {}
    return {("classes", ""): np.bincount(y, weights, minlength=2)}
