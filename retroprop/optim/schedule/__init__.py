"""Learning rates as functions of the step.

    opt = optim.Adam(model.parameters(), lr=optim.schedule.cosine(1e-3, steps=10_000))

The optimizer evaluates them in every `step()`, from 0. They can be joined, plotted and printed, and
a compiled step contains them. `ReduceOnPlateau` looks at a metric instead.
"""

from __future__ import annotations

from typing import Any

from retroprop.errors import unknown
from retroprop.optim.schedule.cycle import cosine_restarts, cyclic, one_cycle
from retroprop.optim.schedule.decay import (
    constant,
    cosine,
    exponential,
    inverse_sqrt,
    linear,
    multistep,
    polynomial,
    step,
)
from retroprop.optim.schedule.function import Schedule
from retroprop.optim.schedule.phases import join, linear_warmup, warmup_stable_decay
from retroprop.optim.schedule.plateau import ReduceOnPlateau

__all__ = [
    "ReduceOnPlateau",
    "Schedule",
    "constant",
    "cosine",
    "cosine_restarts",
    "cyclic",
    "exponential",
    "get",
    "inverse_sqrt",
    "join",
    "linear",
    "linear_warmup",
    "multistep",
    "names",
    "one_cycle",
    "polynomial",
    "step",
    "warmup_stable_decay",
]

_BY_NAME = {
    made.__name__: made
    for made in (
        constant, cosine, cosine_restarts, cyclic, exponential, inverse_sqrt, join, linear,
        linear_warmup, multistep, one_cycle, polynomial, step, warmup_stable_decay,
    )
}  # fmt: skip


def names() -> list[str]:
    """The names that `get` knows, sorted.

    Example:
        >>> names()[:2]
        ['constant', 'cosine']
    """
    return sorted(_BY_NAME)


def get(name: str, *arguments: Any, **options: Any) -> Schedule:
    """The schedule of a name, made with these arguments.

    Raises:
        ArgumentError: no schedule has that name; the nearest is suggested.

    Example:
        >>> get("exponential", lr=0.1, gamma=0.9)
        exponential(lr=0.1, gamma=0.9)
    """
    if name not in _BY_NAME:
        raise unknown("schedule", name, _BY_NAME)
    return _BY_NAME[name](*arguments, **options)
