"""A step along a line that satisfies the strong Wolfe conditions: low enough, and flat enough.

    f(t) <= f(0) + c1 t f'(0)          |f'(t)| <= c2 |f'(0)|

First a bracket is found that must hold such a step, then it is narrowed by cubic interpolation. It
looks at values, so it runs eagerly only.

Source: Nocedal, Wright 2006, "Numerical Optimization", algorithms 3.5 and 3.6, with the safeguards
of Schmidt's minFunc that PyTorch follows as well. Differs: the lower end of a bracket always
satisfies the first condition, as in the book; theirs is the end with the lower loss, and may never
get to a good step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Criteria", "Point", "strong_wolfe"]

Array = np.ndarray[Any, Any]


class Point(NamedTuple):
    """A place on the line: how far, the loss there, its gradient, and the slope along the line."""

    t: float
    loss: float
    gradient: Array
    slope: float


class Criteria(NamedTuple):
    """When a step is good enough.

    Attributes:
        decrease:  c1, the share of the decrease that the slope promises.
        curvature: c2, the share of the slope that may be left.
        change:    a bracket that moves no parameter by more than this is not narrowed further.
        trials:    evaluations after the first.
    """

    decrease: float = 1e-4
    curvature: float = 0.9
    change: float = 1e-9
    trials: int = 25

    def is_too_high(self, start: Point, new: Point) -> bool:
        """Whether a step decreases the loss too little; so does one that ends in NaN."""
        return not new.loss <= start.loss + self.decrease * new.t * start.slope

    def is_flat(self, start: Point, new: Point) -> bool:
        """Whether little slope is left."""
        return abs(new.slope) <= -self.curvature * start.slope


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    reach: float,
    criteria: Criteria | None = None,
) -> tuple[Point, int]:
    """Search along a line from `start`, where t = 0 and the slope is negative.

    Args:
        evaluate: the point at t.
        t:        the first step tried.
        reach:    largest change of a coordinate at t = 1.
        criteria: when to stop.

    Returns:
        The best point found, and how often `evaluate` was called.

    Example:
        >>> def parabola(t):
        ...     return Point(t, (t - 3.0) ** 2, np.array([2 * (t - 3.0)]), 2 * (t - 3.0))
        >>> strong_wolfe(parabola, parabola(0.0), 1.0, 1.0, Criteria(curvature=0.1))[0].t
        3.0
    """
    criteria = criteria or Criteria()
    low, high, count = _bracket(evaluate, start, t, criteria)
    if low is high:
        return low, count
    left = criteria.trials + 1 - count
    found, more = _narrow(evaluate, start, (low, high), reach, criteria, left)
    return found, count + more


def _bracket(
    evaluate: Callable[[float], Point], start: Point, t: float, criteria: Criteria
) -> tuple[Point, Point, int]:
    """Two points with a good step between them; the same point twice when it is good itself."""
    before, new = start, evaluate(t)
    for trial in range(criteria.trials):
        rising = trial > 1 and new.loss >= before.loss
        if criteria.is_too_high(start, new) or rising:
            return before, new, trial + 1
        if criteria.is_flat(start, new):
            return new, new, trial + 1
        if new.slope >= 0:
            return before, new, trial + 1
        bounds = (new.t + 0.01 * (new.t - before.t), new.t * 10)
        before, new = new, evaluate(_cubic_minimum(before, new, bounds))
    return start, new, criteria.trials + 1


def _narrow(
    evaluate: Callable[[float], Point],
    start: Point,
    bracket: tuple[Point, Point],
    reach: float,
    criteria: Criteria,
    trials: int,
) -> tuple[Point, int]:
    """Shrink a bracket until its lower end is a good step."""
    low, high = sorted(bracket, key=lambda point: _badness(criteria, start, point))
    stuck = False
    for count in range(trials):
        if abs(high.t - low.t) * reach < criteria.change:
            return low, count
        t, stuck = _trial(low, high, stuck)
        new = evaluate(t)
        if criteria.is_too_high(start, new) or not new.loss < low.loss:
            high = new
            continue
        if criteria.is_flat(start, new):
            return new, count + 1
        if new.slope * (high.t - low.t) >= 0:
            high = low
        low = new
    return low, trials


def _badness(criteria: Criteria, start: Point, point: Point) -> tuple[bool, float]:
    """Orders the ends of a bracket: the lower one must decrease enough."""
    return criteria.is_too_high(start, point), point.loss


def _trial(first: Point, second: Point, stuck: bool) -> tuple[float, bool]:
    """Where to look next in a bracket, and whether it was too close to an end."""
    least, most = sorted((first.t, second.t))
    t = _cubic_minimum(first, second, (least, most))
    margin = 0.1 * (most - least)
    if min(most - t, t - least) >= margin:
        return t, False
    if stuck or t >= most or t <= least:
        return (most - margin if abs(t - most) < abs(t - least) else least + margin), False
    return t, True


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Minimum of the cubic through two points with their slopes, moved into the bounds."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    least, most = bounds
    middle = (least + most) / 2.0
    if a.t == b.t:
        return middle
    d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t)
    inside = d1 * d1 - a.slope * b.slope
    if not inside >= 0.0 or math.isinf(inside):
        return middle
    d2 = math.sqrt(inside)
    width = b.slope - a.slope + 2.0 * d2
    if width == 0.0:
        return middle
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / width), least), most)
