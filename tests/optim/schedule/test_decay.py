"""Schedules that go down, at the steps that matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ArgumentError
from retroprop.optim import schedule


@given(st.integers(1, 1000), st.floats(1e-6, 10.0))
def test_ends_are_exact(steps: int, lr: float) -> None:
    low = lr / 8
    for one in (
        schedule.cosine(lr, steps, low),
        schedule.linear(lr, low, steps),
        schedule.polynomial(lr, steps, 0.5, low),
    ):
        assert one(0) == pytest.approx(lr, rel=1e-15)
        assert one(steps) == one(steps + 1) == one(10**9) == pytest.approx(low, rel=1e-15)


@given(st.integers(2, 200))
def test_down_all_the_way(steps: int) -> None:
    for one in (schedule.cosine(1.0, steps), schedule.polynomial(1.0, steps, 2.0)):
        values = [one(t) for t in range(steps + 1)]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == steps + 1


def test_exponential_is_a_constant_ratio() -> None:
    one = schedule.exponential(2.0, 0.5)
    assert [one(t) for t in range(4)] == [2.0, 1.0, 0.5, 0.25]


def test_step_changes_at_its_multiples() -> None:
    one = schedule.step(1.0, step_size=3, gamma=0.5)
    assert [one(t) for t in range(7)] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


def test_milestones_count_once_each() -> None:
    one = schedule.multistep(1.0, [2, 2, 5], gamma=0.5)
    assert [one(t) for t in (0, 1, 2, 4, 5)] == [1.0, 1.0, 0.25, 0.25, 0.125]
    with pytest.raises(ArgumentError, match="multistep: milestone is -1"):
        schedule.multistep(1.0, [-1])


def test_inverse_sqrt_of_the_paper() -> None:
    features, warmup = 512, 4000
    one = schedule.inverse_sqrt((features * warmup) ** -0.5, warmup)
    for step in (0, 10, 3999, 4000, 100_000):
        n = step + 1
        paper = features**-0.5 * min(n**-0.5, n * warmup**-1.5)
        assert one(step) == pytest.approx(paper, rel=1e-12)
