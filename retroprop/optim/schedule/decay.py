"""Schedules that go from one learning rate to another, or step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from retroprop import ops
from retroprop.errors import ArgumentError
from retroprop.optim.ranges import number
from retroprop.optim.schedule.function import progress, rate, schedule, whole

__all__ = [
    "constant",
    "cosine",
    "exponential",
    "inverse_sqrt",
    "linear",
    "multistep",
    "polynomial",
    "step",
]

Function = Callable[[Any], Any]


@schedule
def constant(lr: float) -> Function:
    """The same in every step: lr.

    Example:
        >>> constant(0.1)(7)
        0.1
    """
    rate("constant", lr=lr)
    return lambda t: lr + 0.0 * t


@schedule
def step(lr: float, step_size: int, gamma: float = 0.1) -> Function:
    """Multiplied by gamma every `step_size` steps: lr gamma^floor(t / step_size).

    Example:
        >>> [step(1.0, step_size=2, gamma=0.5)(t) for t in range(5)]
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    rate("step", lr=lr, gamma=gamma)
    whole("step", step_size=step_size)
    return lambda t: lr * gamma ** ops.floor(t / step_size)


@schedule
def multistep(lr: float, milestones: Sequence[int], gamma: float = 0.1) -> Function:
    """Multiplied by gamma at each of the milestones.

    Example:
        >>> [multistep(1.0, milestones=[1, 3], gamma=0.5)(t) for t in range(5)]
        [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    rate("multistep", lr=lr, gamma=gamma)
    for milestone in milestones:
        whole("multistep", milestone=milestone, low=0)

    def function(t: Any) -> Any:
        passed = 0.0 * t
        for milestone in milestones:
            passed = passed + ops.where(t >= float(milestone), 1.0, 0.0)
        return lr * gamma**passed

    return function


@schedule
def exponential(lr: float, gamma: float) -> Function:
    """Multiplied by gamma in every step: lr gamma^t.

    Example:
        >>> [exponential(1.0, gamma=0.5)(t) for t in range(3)]
        [1.0, 0.5, 0.25]
    """
    rate("exponential", lr=lr, gamma=gamma)
    return lambda t: lr * gamma**t


@schedule
def linear(lr: float, end_lr: float, steps: int) -> Function:
    """A straight line from lr to end_lr, then flat.

    Example:
        >>> [linear(1.0, 0.0, steps=4)(t) for t in (0, 1, 4, 9)]
        [1.0, 0.75, 0.0, 0.0]
    """
    rate("linear", lr=lr, end_lr=end_lr)
    whole("linear", steps=steps)
    return lambda t: lr + (end_lr - lr) * progress(t, steps)


@schedule
def polynomial(lr: float, steps: int, power: float = 1.0, end_lr: float = 0.0) -> Function:
    """A power of what is left: end_lr + (lr - end_lr) (1 - t / steps)^power, then end_lr.

    Example:
        >>> [polynomial(1.0, steps=4, power=2.0)(t) for t in (0, 2, 4, 9)]
        [1.0, 0.25, 0.0, 0.0]
    """
    rate("polynomial", lr=lr, end_lr=end_lr)
    whole("polynomial", steps=steps)
    number("polynomial", "power", power, above=True)
    return lambda t: end_lr + (lr - end_lr) * (1.0 - progress(t, steps)) ** power


@schedule
def cosine(lr: float, steps: int, min_lr: float = 0.0) -> Function:
    """Half a cosine wave from lr down to min_lr, then flat.

        min_lr + (lr - min_lr) (1 + cos(pi t / steps)) / 2

    Example:
        >>> [round(cosine(1.0, steps=4)(t), 3) for t in (0, 1, 2, 4, 9)]
        [1.0, 0.854, 0.5, 0.0, 0.0]

    Source: Loshchilov, Hutter 2017, arXiv:1608.03983, equation 5 (one period).
    """
    rate("cosine", lr=lr, min_lr=min_lr)
    whole("cosine", steps=steps)
    return lambda t: falling_cosine(lr, min_lr, progress(t, steps))


def falling_cosine(start: Any, end: Any, share: Any) -> Any:
    """From start to end along half a cosine wave, share from 0 to 1."""
    return end + (start - end) * ((1.0 + ops.cos(math.pi * share)) * 0.5)


@schedule
def inverse_sqrt(lr: float, warmup: int) -> Function:
    """Up to lr in a line, then down as one over the root of the step.

        lr min(n / warmup, sqrt(warmup / n))          n = t + 1

    Example:
        >>> [inverse_sqrt(1.0, warmup=4)(t) for t in (0, 1, 3, 15)]
        [0.25, 0.5, 1.0, 0.5]

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 5.3, with lr = (features warmup)^-0.5.
    """
    rate("inverse_sqrt", lr=lr)
    whole("inverse_sqrt", warmup=warmup)

    def function(t: Any) -> Any:
        n = ops.maximum(t + 1.0, 1.0)
        return lr * ops.minimum(n / warmup, ops.sqrt(warmup / n))

    return function


def increasing(owner: str, name: str, values: Sequence[int]) -> None:
    """Refuse step numbers that are not whole, from 0, and in rising order."""
    for value in values:
        whole(owner, low=0, **{name: value})
    if list(values) != sorted(set(values)):
        raise ArgumentError(f"{owner}: {name} are {list(values)}, they must rise")
