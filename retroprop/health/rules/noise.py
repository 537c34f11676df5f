"""Gradients that are mostly noise: too few examples in a batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.dead import dead_relu
from retroprop.health.rules.moves import matrices
from retroprop.health.rules.progress import progress
from retroprop.health.rules.rate import learning_rate_too_low
from retroprop.health.rules.vanishing import vanishing_gradient

__all__ = ["noisy_gradient"]

_SMALL = 8  # examples in a batch, at most, for the batch to be the cause
_NOISE = 0.9  # of the square of the gradient, that its examples do not agree on
_SPREAD = 0.25  # of the mean loss: how far the losses of batches differ
_STEPS = 200  # before the loss is called flat
_RATIO = 0.5  # of the loss of chance or of the first steps: below it much is learnt all the same
_RESTING = 0.3  # of the highest rate: below it a schedule takes the noise out

_CAUSES = (vanishing_gradient, dead_relu, learning_rate_too_low)


def noisy_gradient(history: History) -> Iterator[Finding]:
    """The gradient is noise, the batch is small, and the loss does not fall any more.

    The share of the noise is measured within the batch, from the squares of the gradients of
    single examples (dense layers). Gradients near a minimum are noise as well: the rule is about
    batches of at most 8 examples with a loss that stays high and scatters widely.

    Source: McCandlish et al. 2018, arXiv:1812.06162; Gray et al. 2024, arXiv:2411.00999.
    """
    size = history.facts.get("batch_size")
    course = progress(history)
    if size is None or size > _SMALL or course is None or course.steps < _STEPS:
        return
    decayed = history.rates[-1] < _RESTING * max(history.rates)
    if course.level < _RATIO or course.drop > course.noise or course.spread < _SPREAD or decayed:
        return
    _, shares = matrices(history, "noise")
    known = shares[-10:][np.isfinite(shares[-10:])]
    share = float(np.median(known)) if known.size else 1.0
    if (size > 1 and not share > _NOISE) or any(True for rule in _CAUSES for _ in rule(history)):
        return
    larger = 32 if size <= 4 else 64
    measured = f"{min(share, 1.0):.0%} of the gradient is noise" if size > 1 else "one example each"
    yield Finding(
        "noisy_gradient",
        f"with batch_size={size} ({measured}) the loss scatters by {course.spread:.0%} and stays "
        f"at {course.now:.3g}",
        "the examples of a batch disagree, and lr is too high to average over many batches",
        f"batch_size={larger}, or lr={0.1 * history.rates[-1]:.1g}",
        0.4,
        history.events[-1],
        ("batch_size",),
        ({"batch_size": larger}, {"lr": 0.1 * history.rates[-1]}),
        {"noise": share, "batch_size": size, "spread": course.spread},
    )
