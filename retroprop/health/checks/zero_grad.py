"""Gradients that are never forgotten: each step adds its own to those of all steps before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from retroprop.core.tape import Journal
from retroprop.health.checks.case import Case
from retroprop.health.finding import Finding
from retroprop.optim import Optimizer

__all__ = ["adds_up", "leftover_gradient"]

_CLOSE = 0.05  # a second gradient this near to twice the first has the first in it


def leftover_gradient(case: Case) -> Iterator[Finding]:
    """Parameters had a gradient before the first pass: the first step will add to it."""
    names = case.look.leftover
    if names:
        yield Finding(
            "leftover_gradient",
            f"{len(names)} parameters have a gradient before the step begins, {names[0]} first",
            "backward() adds to the gradient that is there",
            "optimizer.zero_grad() before each loss.backward()",
            0.5,
            where=names,
        )


def adds_up(step: Callable[..., Any], optimizer: Optimizer, *batch: Any) -> Finding | None:
    """Whether a step of one's own forgets to forget: its gradient holds those of earlier steps.

    The step is taken twice from the same state; a gradient that doubles is one that adds up.
    Parameters, optimizer, random state and gradients are put back afterwards.

    Args:
        step:      one step of training: it calls backward() and optimizer.step().
        optimizer: the one that it uses.
        batch:     what step is called with.

    Returns:
        The finding, or None. A step that does not reach optimizer.step() each time (it gathers
        gradients on purpose) gives None.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn, optim
        >>> model = nn.Linear(2, 1)
        >>> sgd = optim.SGD(model.parameters(), lr=0.1)
        >>> def step(x):
        ...     model(x).sum().backward()
        ...     sgd.step()
        >>> adds_up(step, sgd, rp.ones((4, 2))).rule
        'forgotten_zero_grad'
    """
    plain = getattr(step, "__wrapped__", step)
    params = [param for group in optimizer.param_groups for param in group.params]
    held = [param.grad for param in params]
    seen: list[Any] = []
    real = optimizer.step

    def watched(closure: Any = None) -> Any:
        made = closure() if closure is not None else None
        seen.append([None if p.grad is None else np.array(p.grad.numpy()) for p in params])
        real()
        return made

    optimizer.step = watched  # type: ignore[method-assign]
    try:
        for param in params:
            param.grad = None
        for _ in range(2):
            with Journal() as journal:
                plain(*batch)
                journal.rewind()
    finally:
        del optimizer.step
        for param, grad in zip(params, held, strict=True):
            param.grad = grad
    return _found(*seen) if len(seen) == 2 else None


def _found(first: list[Any], second: list[Any]) -> Finding | None:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    size = sum(float(np.square(a, dtype=np.float64).sum()) for a, _ in pairs) ** 0.5
    grown = sum(float(a.ravel() @ b.ravel()) for a, b in pairs) / size**2 if size else 1.0
    off = sum(float(np.square(2.0 * a - b, dtype=np.float64).sum()) for a, b in pairs) ** 0.5
    if not size or not off <= _CLOSE * size:  # nor where a number is none
        return None
    return Finding(
        "forgotten_zero_grad",
        f"the same step, taken twice from the same state, has {grown:.2g} times the gradient",
        "backward() adds to the gradients of the steps before, which nobody forgets",
        "optimizer.zero_grad() before each loss.backward()",
        0.9,
        evidence={"ratio": grown},
    )
