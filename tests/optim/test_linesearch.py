"""The line search: its answers satisfy the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retroprop.optim.linesearch import Criteria, Point, _trial, strong_wolfe

LINES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "far": (lambda t: (t / 500 - 1) ** 2, lambda t: (t / 500 - 1) / 250),
    "near": (lambda t: (1e4 * t - 1) ** 2, lambda t: 2e4 * (1e4 * t - 1)),
    "quartic": (lambda t: (t - 1) ** 4 + 0.1 * t, lambda t: 4 * (t - 1) ** 3 + 0.1),
    "waves": (lambda t: math.cos(3 * t) - t / 2, lambda t: -3 * math.sin(3 * t) - 0.5),
    "more_thuente": (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
}


def on(line: str) -> Callable[[float], Point]:
    value, slope = LINES[line]
    return lambda t: Point(t, value(t), np.array([slope(t)]), slope(t))


@pytest.mark.parametrize("line", LINES)
@given(st.floats(-3, 3), st.sampled_from([0.1, 0.5, 0.9]))
def test_strong_wolfe_conditions(line: str, exponent: float, curvature: float) -> None:
    point = on(line)
    start = point(0.0)
    assume(start.slope < 0)
    found, count = strong_wolfe(point, start, 10.0**exponent, 1.0, Criteria(1e-4, curvature))
    assert count <= 26
    assert found.loss <= start.loss + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= -curvature * start.slope


def test_counts_what_it_evaluates() -> None:
    calls = []

    def counted(t: float) -> Point:
        calls.append(t)
        return on("waves")(t)

    _, count = strong_wolfe(counted, on("waves")(0.0), 40.0, 1.0)
    assert count == len(calls) > 1


@pytest.mark.parametrize("trials", [0, 1, 3])
def test_stops_after_so_many_trials(trials: int) -> None:
    criteria = Criteria(curvature=1e-9, trials=trials)
    found, count = strong_wolfe(on("waves"), on("waves")(0.0), 1e-3, 1.0, criteria)
    assert count <= trials + 1
    assert found.loss <= on("waves")(0.0).loss


def test_walls_are_avoided() -> None:
    """A loss that is not a number counts as too high."""

    def walled(t: float) -> Point:
        value = (t - 0.5) ** 2 if t < 1 else math.nan
        slope = 2 * (t - 0.5) if t < 1 else math.nan
        return Point(t, value, np.array([slope]), slope)

    found, _ = strong_wolfe(walled, walled(0.0), 8.0, 1.0)
    assert found.loss < 0.25
    assert 0 < found.t < 1


def test_a_tiny_bracket_ends_the_search() -> None:
    """A kink never gets flat: the bracket shrinks until nothing moves any more."""

    def kink(t: float) -> Point:
        return Point(t, abs(t - 0.3), np.array([0.0]), 1.0 if t > 0.3 else -1.0)

    found, count = strong_wolfe(kink, kink(0.0), 1.0, 1.0, Criteria(change=1e-2, trials=100))
    assert abs(found.t - 0.3) < 1e-2
    assert count < 30


def test_a_trial_near_an_end_is_let_pass_once() -> None:
    """The minimum of this parabola is at 0.05, closer to the end than a tenth of the bracket."""
    near, far = (Point(t, (t - 0.05) ** 2, np.zeros(1), 2 * (t - 0.05)) for t in (0.0, 1.0))
    assert _trial(near, far, stuck=False) == (pytest.approx(0.05), True)
    assert _trial(near, far, stuck=True) == (pytest.approx(0.1), False)
    assert _trial(far, near, stuck=True) == (pytest.approx(0.1), False)
