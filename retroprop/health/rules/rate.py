"""Learning rates that are too high, or too low."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.dead import dead_relu
from retroprop.health.rules.moves import middles, update_ratios
from retroprop.health.rules.progress import Progress, progress

__all__ = ["learning_rate_too_high", "learning_rate_too_low"]

Array = np.ndarray[Any, Any]

_USUAL = 1e-3  # the size of an update in that of its weight (Karpathy 2015)
_HIGH = 1e-1  # a hundred times that: a weight is another one after ten steps
_LOW = 1e-4  # a tenth of it, and the loss is flat; the whole network is this slow
_CRAWL = 1e-5  # a hundredth of it
_WORSE = 1.5  # times the loss of the first steps, or of chance: the steps jump away
_PEAK = 10.0  # the same for ten losses at any time
_JUMP = 5.0  # times the least loss so far, and above that of the first steps
_BLOCK = 10  # losses whose mean is looked at for jumps
_FALLING = 0.03  # of the loss, from a quarter of the steps to the next: then it does learn
_STEPS = 100  # that a low rate gets to show something
_DECAYED = 0.3  # of the highest rate: below it a schedule has lowered it on purpose


def learning_rate_too_high(history: History) -> Iterator[Finding]:
    """The loss jumps or ends above where it began, or updates are as large as weights.

    Large updates alone are no fault while the loss falls: weights that start small grow.

    Source: Smith 2017, arXiv:1506.01186; Karpathy 2015, CS231n notes, "Ratio of weights:updates".
    """
    course = progress(history)
    if course is None:
        return
    signs = _signs(history, course)
    if not signs:
        return
    ratio, step = _largest(history)
    rate = history.rates[-1] if history.rates else math.nan
    factor = 0.1 if not ratio > 10 * _HIGH else 10 ** -math.ceil(math.log10(ratio / (10 * _USUAL)))
    yield Finding(
        "learning_rate_too_high",
        "; ".join(signs),
        f"at lr={rate:.2g} an update was up to {ratio:.1g} of the weights it changes; about "
        f"{_USUAL:g} is usual"
        if ratio > 10 * _USUAL
        else "the steps are longer than the loss is smooth: they jump over its valley",
        f"lr={factor * rate:.1g}, or a warm-up (schedule=one_cycle), clip_grad_norm=1.0",
        0.8,
        step,
        ("lr",),
        ({"lr": factor * rate}, {"lr": 0.1 * factor * rate}, {"clip_grad_norm": 1.0}),
        {"ratio": ratio, "lr": rate, "level": course.level},
    )


def _signs(history: History, course: Progress) -> list[str]:
    """What shows that steps are too long, in words."""
    signs = []
    reference = max(course.start, course.chance or 0.0)
    blocks = _blocks(history)
    highest = float(blocks.max(initial=0.0))
    if course.is_new and highest > _PEAK * reference > 0:
        step = (int(np.argmax(blocks)) + 1) * _size(history)
        signs.append(f"the loss rose from {course.start:.3g} to {highest:.3g} by step {step}")
    elif course.is_new and course.now > _WORSE * reference > 0:
        signs.append(f"the loss is {course.now:.3g}, it was {course.start:.3g} at first")
    jump = _jump(history, reference) if course.is_new else None
    if jump is not None and not signs:
        signs.append(f"the loss jumped from {jump[0]:.3g} to {jump[1]:.3g} at step {jump[2]}")
    _, ratios = update_ratios(history)
    is_poor = course.level > 1 and course.is_stuck and course.is_flat
    if ratios.size and len(ratios) > 1 and is_poor and not signs:
        pace = middles(ratios)
        pairs = np.minimum(pace[1:], pace[:-1])
        if pairs.max(initial=0) > _HIGH:
            signs.append(
                f"updates were {pace.max():.1g} of the weights they change, and nothing is learnt: "
                f"the loss is {course.now:.3g}"
            )
    return signs


def _jump(history: History, reference: float) -> tuple[float, float, int] | None:
    """The least loss before it jumped, the loss there, and the step."""
    blocks = _blocks(history)
    least = np.minimum.accumulate(blocks)
    jumped = (blocks > _JUMP * least) & (blocks > reference)
    if not jumped.any():
        return None
    at = int(np.argmax(jumped))
    return float(least[at]), float(blocks[at]), at * _size(history) + 1


def _size(history: History) -> int:
    return max(_BLOCK, 128 // max(1, history.facts.get("batch_size", 128)))


def _blocks(history: History) -> Array:
    """The means of ten losses each, or of as many as have 128 examples."""
    size = _size(history)
    count = len(history.losses) // size
    losses = np.asarray(history.losses[: count * size], float)
    means: Array = losses.reshape(count, size).mean(axis=1)
    return means


def _largest(history: History) -> tuple[float, int]:
    """The largest update, as a share of its weight, and the step of that event."""
    _, ratios = update_ratios(history)
    if not ratios.size:
        return 0.0, history.events[-1] if history.events else 0
    pace = middles(ratios)
    at = int(np.argmax(pace > _HIGH)) if (pace > _HIGH).any() else int(np.argmax(pace))
    return float(pace.max()), history.events[at]


def learning_rate_too_low(history: History) -> Iterator[Finding]:
    """Updates are a tiny share of all weights, and the loss has hardly moved.

    Late in a schedule, and where something is learnt already, that is as it should be.

    Source: Karpathy 2015, CS231n notes, "Ratio of weights:updates"; Smith 2017, arXiv:1506.01186.
    """
    course = progress(history)
    _, ratios = update_ratios(history)
    if course is None or course.steps < _STEPS or len(ratios) < 3 or not ratios.size:
        return
    rate, highest = history.rates[-1], max(history.rates)
    if not course.is_stuck or course.drop > _FALLING or rate < _DECAYED * highest:
        return
    pace = np.nanmax(np.where(np.isfinite(ratios), ratios, 0.0), axis=1)[-10:]
    ratio = float(np.median(pace))
    if not 0 < ratio < _LOW or any(True for _ in dead_relu(history)):
        return
    factor = 10.0 ** min(4, round(math.log10(_USUAL / ratio)))
    yield Finding(
        "learning_rate_too_low",
        f"the loss is {course.now:.3g} after {course.steps} steps, it was {course.start:.3g} at "
        f"first: an update is at most {ratio:.1g} of the weights it changes",
        f"at lr={rate:.2g} it takes {1 / ratio:.0g} steps to make other weights of these",
        f"lr={factor * rate:.1g}: then updates are about {_USUAL:g} of the weights",
        0.9 if ratio < _CRAWL else 0.7,
        history.events[-1],
        ("lr",),
        ({"lr": _customary(history)}, {"lr": factor * rate}, {"optimizer": "adam", "lr": 1e-3}),
        {"ratio": ratio, "lr": rate, "level": course.level},
    )


def _customary(history: History) -> float:
    """The rate that one would begin with."""
    return 0.1 if getattr(history.facts.get("optimizer"), "name", "") == "SGD" else 3e-3
