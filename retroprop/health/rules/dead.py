"""ReLU units that never give anything but 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.progress import progress
from retroprop.health.rules.vanishing import vanishing_gradient

__all__ = ["dead_relu"]

_LIMIT = 0.7  # of the units of a layer
_STUCK = 0.5  # the same, where nothing is learnt
_EXAMPLES = 128  # that a unit has to be 0 for
_EVENTS = 3  # and at how many events, at least
_MOST = 16  # and at how many at most: a history keeps no more
_FEW = 0.9  # of the units, where batches are so small that there were fewer examples
_EARLY = 32  # steps: what is so by then was so from the start
_ALL = 0.95  # of the units: no gradient comes through
_GONE = 0.1  # of the first gradient that is left when units died in the first steps


class _Layer(NamedTuple):
    share: float
    name: str
    units: int


def dead_relu(history: History) -> Iterator[Finding]:
    """Most units of a layer give 0 for every example that was seen.

    A unit that is 0 for all examples gets no gradient and stays so. One batch is too few to tell:
    the rule asks for 128 examples at 3 events, and
    for 70 % of the units: networks that learn well may have half of theirs dead.

    Source: Maas, Hannun, Ng 2013, "Rectifier nonlinearities improve neural network acoustic
        models"; Lu et al. 2019, arXiv:1903.06733.
    """
    course = progress(history)
    limit = _STUCK if course is not None and course.is_stuck else _LIMIT
    if any(True for _ in vanishing_gradient(history)):
        limit = _ALL  # so little of the inputs is left that units are constant, not dead
    found = [_dead(history, name) for name in history.names("relu")]
    layers = [one for one in found if one is not None and one.share >= limit]
    if not layers:
        return
    worst = max(layers, key=lambda one: one.share)
    names, shares = history.series("dead", "relu")
    column = shares[:, names.index(worst.name)]
    since = int(np.argmax(column >= limit))
    at_start = since == 0 and history.events[0] <= _EARLY and not _died(history, worst.share)
    rate = history.rates[-1]
    others = f", and in {len(layers) - 1} more layers" if len(layers) > 1 else ""
    before = "" if at_start else f"; they were {column[0]:.0%} at step {history.events[0]}"
    slower = f"lr={0.1 * rate:.1g}" if rate else "a smaller lr"
    yield Finding(
        "dead_relu",
        f"{worst.share:.0%} of the {worst.units} units of {worst.name} are 0 for every "
        f"input{others}{before}",
        "they were dead at the start: biases or weights put them below 0"
        if at_start
        else "they died on the way: a long step threw them below 0, where no gradient brings them "
        "back",
        'start the weights anew (init="he", nn.init.auto_(model): biases 0), or '
        'activation="leaky_relu"'
        if at_start
        else f'{slower}, or activation="leaky_relu", clip_grad_norm=1.0',
        0.3 + 0.6 * worst.share,
        history.events[since],
        (worst.name,),
        ({"init": "he"}, {"activation": "leaky_relu"})
        if at_start
        else ({"lr": 0.1 * rate}, {"activation": "leaky_relu"}),
        {"share": worst.share, "units": worst.units, "layers": len(layers)},
    )


def _dead(history: History, name: str) -> _Layer | None:
    """The share of a layer's units that were 0 at the last events, if that is enough to tell."""
    size = history.facts.get("batch_size", 1)
    events = min(max(_EVENTS, -(-_EXAMPLES // size)), _MOST)
    seen = history.recent("silent", name)[-events:]
    if len(seen) < events or len({len(one) for one in seen}) > 1:
        return None
    silent = np.all(np.stack(seen) > 0, axis=0)
    share = float(silent.mean())
    return _Layer(share, name, len(silent)) if events * size >= _EXAMPLES or share > _FEW else None


def _died(history: History, share: float) -> bool:
    """Whether units that were dead at the first event let a gradient through before."""
    norms = history.norms
    return share > _ALL and len(norms) > 1 and float(np.median(norms[-10:])) < _GONE * norms[0]
