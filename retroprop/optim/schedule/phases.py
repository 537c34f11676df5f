"""Schedules put together from others: warm-up first, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retroprop import ops
from retroprop.errors import ArgumentError, unknown
from retroprop.optim.schedule.decay import falling_cosine, increasing
from retroprop.optim.schedule.function import as_schedule, progress, rate, schedule, whole

__all__ = ["join", "linear_warmup", "warmup_stable_decay"]

Function = Callable[[Any], Any]


@schedule
def linear_warmup(then: Any, steps: int, start_lr: float = 0.0) -> Function:
    """A line from start_lr up to where another schedule starts, then that schedule from its step 0.

    Args:
        then:     a schedule or a learning rate.
        steps:    of the warm-up.
        start_lr: in step 0.

    Example:
        >>> [linear_warmup(0.5, steps=2)(t) for t in range(4)]
        [0.0, 0.25, 0.5, 0.5]

    Source: Goyal et al. 2017, arXiv:1706.02677, section 2.2.
    """
    rate("linear_warmup", start_lr=start_lr)
    whole("linear_warmup", steps=steps)
    after = as_schedule(then, "linear_warmup")

    def function(t: Any) -> Any:
        peak = after(0.0 * t)
        rising = start_lr + (peak - start_lr) * progress(t, steps)
        return ops.where(t < float(steps), rising, after(ops.maximum(t - steps, 0.0)))

    return function


@schedule
def warmup_stable_decay(
    lr: float, steps: int, warmup: int, decay: int, min_lr: float = 0.0, shape: str = "linear"
) -> Function:
    """Up in a line, flat at lr, and down at the end: training can go on from the flat part.

    Args:
        lr:     the flat part.
        steps:  of the whole training.
        warmup: steps that go up from 0.
        decay:  steps that go down, the last ones.
        min_lr: at the end and after it.
        shape:  of the way down: "linear", "cosine" or "sqrt" (1 - sqrt(x)).

    Example:
        >>> wsd = warmup_stable_decay(1.0, steps=10, warmup=2, decay=4)
        >>> [wsd(t) for t in (0, 1, 2, 6, 7, 10, 99)]
        [0.0, 0.5, 1.0, 1.0, 0.75, 0.0, 0.0]

    Source: Hu et al. 2024, arXiv:2404.06395; the shapes: Haegele et al. 2024, arXiv:2405.18392.
    """
    rate("warmup_stable_decay", lr=lr, min_lr=min_lr)
    whole("warmup_stable_decay", steps=steps)
    whole("warmup_stable_decay", warmup=warmup, decay=decay, low=0)
    if warmup + decay > steps:
        raise ArgumentError(
            f"warmup_stable_decay: warmup {warmup} and decay {decay} exceed the {steps} steps"
        )
    shapes = ["cosine", "linear", "sqrt"]
    if shape not in shapes:
        raise unknown("shape of warmup_stable_decay", shape, shapes)

    def function(t: Any) -> Any:
        left = progress(t - (steps - decay), decay) if decay else 0.0 * t
        if shape == "cosine":
            falling = falling_cosine(lr, min_lr, left)
        else:
            falling = lr + (min_lr - lr) * (ops.sqrt(left) if shape == "sqrt" else left)
        return ops.where(t < float(warmup), lr * progress(t, max(warmup, 1)), falling)

    return function


@schedule
def join(schedules: Sequence[Any], boundaries: Sequence[int]) -> Function:
    """Schedules one after the other, each from its own step 0.

    Args:
        schedules:  schedules or learning rates.
        boundaries: the step at which each but the first begins.

    Example:
        >>> [join([1.0, 0.5, 0.25], boundaries=[1, 3])(t) for t in range(5)]
        [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    if len(schedules) != len(boundaries) + 1:
        raise ArgumentError(
            f"join: {len(schedules)} schedules and {len(boundaries)} boundaries",
            fix="give the step at which each schedule but the first begins",
        )
    increasing("join", "boundaries", boundaries)
    parts = [as_schedule(one, "join") for one in schedules]

    def function(t: Any) -> Any:
        value = parts[0](t)
        for part, begin in zip(parts[1:], boundaries, strict=True):
            value = ops.where(t < float(begin), value, part(ops.maximum(t - begin, 0.0)))
        return value

    return function
