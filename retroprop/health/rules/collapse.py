"""Classifiers that answer the same whatever they see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.dead import dead_relu
from retroprop.health.rules.progress import chance_loss, progress
from retroprop.health.rules.rate import learning_rate_too_low
from retroprop.health.rules.vanishing import vanishing_gradient

__all__ = ["class_collapse"]

_SHARE = 0.99  # of the predictions, in one class
_EVENTS = 3  # at which they are looked at
_EXAMPLES = 64  # and of how many examples
_STEPS = 100  # that a network gets to learn more than the shares of the classes
_EARLY = 40  # the same, where the loss is far above chance
_LEVEL = 0.95  # of the loss of chance: below it the inputs are made use of
_FAR = 1.5  # times that loss
_RARE = 0.8  # of the examples in one class: then the others are rare
_PURE = 0.05  # the loss of chance below which there is but one class

_CAUSES = (vanishing_gradient, dead_relu, learning_rate_too_low)


def class_collapse(history: History) -> Iterator[Finding]:
    """All predictions are one class, and the loss is no better than without inputs.

    Source: He, Garcia 2009, "Learning from imbalanced data"; Johnson, Khoshgoftaar 2019.
    """
    course, chance = progress(history), chance_loss(history)
    events = max(_EVENTS, -(-_EXAMPLES // history.facts.get("batch_size", 1)))
    seen = history.recent("predicted", "")[-events:]
    if course is None or chance is None or chance < _PURE or len(seen) < events:
        return
    if not history.recent("classes", "") and "entropy" not in str(history.facts.get("loss", "")):
        return  # numbers are predicted, not classes
    predicted = np.mean(seen, axis=0)
    share, which = float(predicted.max()), int(predicted.argmax())
    needed = _EARLY if course.level > _FAR else _STEPS
    if share < _SHARE or course.level < _LEVEL or course.steps < needed:
        return
    if any(True for rule in _CAUSES for _ in rule(history)):
        return  # nothing has been learnt yet, and that has a cause, which is said
    wanted = _wanted(history, len(predicted))
    imbalanced = wanted is not None and wanted.max() > _RARE
    asked = "" if wanted is None else f"; {wanted[which]:.0%} of the examples are"
    yield Finding(
        "class_collapse",
        f"{share:.0%} of the predictions are class {which}{asked}, and the loss is "
        f"{course.now:.3g}, no better than without inputs ({chance:.3g})",
        "the other classes are rare: to name the frequent one is cheap"
        if imbalanced
        else "the last layer outvotes what the inputs say: a large bias, or too long steps",
        "class_weight=balanced (fit(class_weight=...)), or show rare classes more often"
        if imbalanced
        else f"start the last layer anew (nn.init.auto_(model): bias 0), or "
        f"lr={0.1 * history.rates[-1]:.1g}",
        0.7,
        history.events[-1],
        (f"class {which}",),
        ({"class_weight": "balanced"},)
        if imbalanced
        else ({"init": "auto"}, {"lr": 0.1 * history.rates[-1]}),
        {"share": share, "class": which, "loss": course.now, "chance": chance},
    )


def _wanted(history: History, classes: int) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """The shares of the classes among the targets of the last events."""
    seen = history.recent("classes", "")
    if seen:
        rows = [np.pad(one, (0, max(0, classes - len(one))))[:classes] for one in seen]
        return np.mean(rows, axis=0, dtype=float)
    means = history.recent("target mean", "")
    if not means or len(means[-1]) != 1:
        return None
    one = float(np.mean(means))
    return np.array([1 - one, one])
