"""Ticks are round, few and inside; scales go from end to end."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retroprop.train.charts.axes import (
    SMALLEST,
    Scale,
    bounds,
    label_ticks,
    linear_ticks,
    log_ticks,
    readable,
)

anything = st.floats(allow_nan=False, allow_infinity=False)


@given(low=anything, high=anything)
def test_ticks_are_inside_and_even(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    assume(high - low > 1e-9 * max(abs(low), abs(high), 1e-290))
    ticks = linear_ticks(low, high)
    room = (high - low) * 1e-6
    assert 2 <= len(ticks) <= 11
    assert all(low - room <= tick <= high + room for tick in ticks)
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-4)


def test_ticks_are_round() -> None:
    assert linear_ticks(0, 1) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert linear_ticks(0.0, 0.3, 3) == [0.0, 0.1, 0.2, 0.3]
    assert linear_ticks(-17, 42) == [0.0, 20.0, 40.0]
    assert linear_ticks(1, 5, 9, whole=True) == [1.0, 2.0, 3.0, 4.0, 5.0]


positive = st.floats(SMALLEST, allow_infinity=False)


@given(positive, positive)
def test_logarithmic_ticks_are_inside(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    assume(high / low > 1.05)
    ticks = log_ticks(low, high)
    assert 1 <= len(ticks) <= 12
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)


def test_logarithmic_ticks_are_powers_of_ten() -> None:
    assert log_ticks(1e-6, 1) == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    assert log_ticks(1e-30, 1)[-2:] == [1e-5, 1.0]


def test_bounds_leave_a_margin() -> None:
    assert bounds([0.0, 10.0], margin=0.1) == (-1.0, 11.0)
    assert bounds([5.0]) == (4.75, 5.25)
    assert bounds([0.0]) == (-1.0, 1.0)
    assert bounds([math.nan, math.inf]) is None
    assert bounds([]) is None
    assert bounds([-1.0, 0.0], log=True) is None
    ends = bounds([1e-3, 1e3, -5.0, math.nan], log=True, margin=0.1)
    assert ends == pytest.approx((1e-3 / 10**0.6, 1e3 * 10**0.6))


@given(st.lists(anything, min_size=1, max_size=5), st.booleans())
def test_bounds_hold_every_value(values: list[float], log: bool) -> None:
    ends = bounds(values, log=log)
    if ends is None:
        assert log
        assert max(values) < SMALLEST
        return
    shown = [value for value in values if value >= SMALLEST or not log]
    assert ends[0] < ends[1]
    assert math.isfinite(ends[0])
    assert math.isfinite(ends[1])
    assert all(ends[0] <= value <= ends[1] for value in shown)


def test_scales_go_from_end_to_end() -> None:
    scale = Scale(0, 10, 100, 0)
    assert [scale(0), scale(5), scale(10)] == [100, 50, 0]
    assert Scale(-1e308, 1e308, 0, 100)(0) == 50
    log = Scale(1e-4, 1, 0, 100, log=True)
    assert log(1e-2) == pytest.approx(50)
    assert log.ticks() == [1e-4, 1e-3, 1e-2, 0.1, 1.0]


def test_labels_are_of_one_kind() -> None:
    assert label_ticks([0, 2.5e5, 5e5]) == ["0", "250k", "500k"]
    assert label_ticks([0, 1e6, 2e6]) == ["0", "1M", "2M"]
    assert label_ticks([0.0001, 0.001]) == ["0.0001", "0.001"]
    assert label_ticks([1e-6, 1.0]) == ["1e-6", "1e0"]
    assert label_ticks([]) == []


def test_readable_numbers() -> None:
    values = [0.0, 1.0, -1234.5, 999.6, 99.95, 0.1 + 0.2, 1e15, math.inf]
    assert [readable(value) for value in values] == [
        "0", "1", "-1,234", "1,000", "100", "0.3", "1e+15", "inf",
    ]  # fmt: skip
