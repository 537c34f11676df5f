"""Layers of very different sizes, and weights that grow without end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.moves import matrices
from retroprop.health.rules.progress import progress

__all__ = ["growing_weights", "mixed_scales"]

Array = np.ndarray[Any, Any]

_STEPS = 50  # that a network gets to learn in spite of it
_APART = 1e2  # between the gains of layers; initialisers differ by 3, trained layers by 30
_FAR_APART = 1e4  # and whatever the loss does
_GROWTH = 3.0  # times the weights of the first event
_LARGE = 5.0  # the gain of a layer whose weights are large; 1.4 is that of He
_KEPT = 0.9  # of the size a quarter of the events before: they do not shrink again


def mixed_scales(history: History) -> Iterator[Finding]:
    """The gains of layers, root mean square weight times the root of the inputs, are far apart.

    One learning rate then is too high for some and too low for others.

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6; You et al. 2017, arXiv:1708.03888.
    """
    names, gains = _gains(history)
    if len(names) < 2 or len(gains) < 2:
        return
    last = np.where(gains[0] > 0, gains[-1], np.nan)  # what starts at 0 has yet to grow
    if np.isfinite(last).sum() < 2:
        return
    low, high = int(np.nanargmin(last)), int(np.nanargmax(last))
    ratio = float(last[high] / max(last[low], 1e-30))
    course = progress(history)
    is_stuck = course is not None and course.steps >= _STEPS and course.is_stuck
    if ratio < _APART or (ratio < _FAR_APART and not is_stuck):
        return
    yield Finding(
        "mixed_scales",
        f"the weights of {names[high]} are {ratio:.1g} times those of {names[low]}, each for its "
        f"number of inputs ({last[high]:.2g} and {last[low]:.2g}; about 1 is usual)",
        "one learning rate is too high for the small weights and too low for the large ones",
        'init="he" (nn.init.auto_(model)) for all layers, nn.BatchNorm1d between them '
        "(batch_norm=true), or optimizer=lamb",
        0.6,
        history.events[0],
        (names[high], names[low]),
        ({"init": "he"}, {"batch_norm": True}, {"optimizer": "adam"}),
        {"ratio": ratio, "largest": float(last[high]), "smallest": float(last[low])},
    )


def growing_weights(history: History) -> Iterator[Finding]:
    """The weights grow and grow, and what is learnt gets no better.

    Source: Krogh, Hertz 1992, "A simple weight decay can improve generalization".
    """
    names, gains = _gains(history)
    course = progress(history)
    if course is None or course.steps < _STEPS or not course.is_stuck or len(gains) < 3:
        return
    first = np.maximum(gains[0], 1e-3)
    growth = np.nan_to_num(gains[-1] / first)
    before = gains[-1 - max(1, len(gains) // 4)]
    growth[~(gains[-1] > _LARGE) | ~(gains[-1] > _KEPT * before)] = 0.0
    if not names or growth.max() < _GROWTH:
        return
    at = int(np.argmax(growth))
    rate = history.rates[-1]
    yield Finding(
        "growing_weights",
        f"{names[at]} is {growth[at]:.1f} times as large as at step {history.events[0]}, "
        f"and the loss is {course.now:.3g}",
        "nothing holds the weights back, and larger ones do not lower the loss",
        f"lr={0.1 * rate:.1g}, optimizer=adamw with weight_decay=0.1",
        0.5,
        history.events[-1],
        (names[at],),
        ({"lr": 0.1 * rate}, {"optimizer": "adamw", "weight_decay": 0.1}),
        {"growth": float(growth[at]), "gain": float(gains[-1, at])},
    )


def _gains(history: History) -> tuple[list[str], Array]:
    """By how much each layer multiplies what it is given, if that is not correlated."""
    names, squares = matrices(history, "weight")
    fans = {site.name: site.fan for site in history.sites if site.kind == "parameter"}
    return names, np.sqrt(squares * np.array([fans[name] for name in names], float))
