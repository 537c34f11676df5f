"""What a schedule is: a pure function of the step that prints as the call that made it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import numpy as np

from retroprop import dtypes, ops
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.optim.ranges import is_real, number

__all__ = ["Schedule", "as_schedule", "progress", "rate", "schedule", "whole"]

P = ParamSpec("P")


class Schedule:
    """A learning rate as a function of the step, from 0.

    Called with a number it returns a float, with an array an array, with a Tensor a float64 Tensor,
    by the same ops: so it can be recorded and compiled.

    Args:
        function: float64 step (Tensor or NumPy) to learning rate, written with ops and operators.
        text:     how it prints.

    Example:
        >>> halving = Schedule(lambda t: 0.1 * 0.5**t, "halving")
        >>> halving(1), halving(np.arange(3)).tolist(), halving(rp.asarray(2)).item()
        (0.05, [0.1, 0.05, 0.025], 0.025)
    """

    __slots__ = ("_function", "_text")

    def __init__(self, function: Callable[[Any], Any], text: str) -> None:
        self._function = function
        self._text = text

    def __call__(self, step: Any) -> Any:
        if isinstance(step, Tensor):
            return self._function(step.astype(dtypes.float64))
        steps = np.asarray(step, np.float64)
        values = np.asarray(self._function(steps), np.float64)
        return values if steps.ndim else float(values)

    def __repr__(self) -> str:
        return self._text


def schedule(make: Callable[P, Callable[[Any], Any]]) -> Callable[P, Schedule]:
    """Make a function that returns a function of the step return a `Schedule` that prints."""
    code = make.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(make)
    def made(*args: P.args, **options: P.kwargs) -> Schedule:
        function = make(*args, **options)
        given = {**dict(zip(names, args, strict=False)), **options}
        shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return Schedule(function, f"{make.__name__}({shown})")

    made.__annotations__ = {**make.__annotations__, "return": "Schedule"}
    return made


def as_schedule(value: Any, owner: str) -> Callable[[Any], Any]:
    """A schedule as it is, a number as the schedule that never changes."""
    if callable(value):
        function: Callable[[Any], Any] = value
        return function
    level = number(owner, "lr", value)
    return lambda t: level + 0.0 * t


def rate(owner: str, **rates: Any) -> None:
    """Refuse learning rates that are no finite numbers of at least 0."""
    for name, value in rates.items():
        number(owner, name, value)


def whole(owner: str, *, low: int = 1, **counts: Any) -> None:
    """Refuse numbers of steps that are not whole or too small.

    Raises:
        ArgumentError: "cosine: steps is 0, it must be a whole number of at least 1".
    """
    for name, value in counts.items():
        if not is_real(value) or value != int(value) or value < low:
            raise ArgumentError(
                f"{owner}: {name} is {value!r}, it must be a whole number of at least {low}"
            )


def progress(t: Any, steps: float) -> Any:
    """How much of the steps has passed, from 0 to 1."""
    return ops.minimum(ops.maximum(t / steps, 0.0), 1.0)
