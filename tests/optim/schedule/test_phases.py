"""Schedules made of others."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ArgumentError
from retroprop.optim import schedule


@given(st.integers(1, 50), st.integers(0, 60))
def test_warmup_then_the_other(steps: int, t: int) -> None:
    after = schedule.cosine(0.8, 40, min_lr=0.1)
    one = schedule.linear_warmup(after, steps, start_lr=0.2)
    expected = 0.2 + 0.6 * t / steps if t < steps else after(t - steps)
    assert one(t) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", ["linear", "cosine", "sqrt"])
def test_warmup_stable_decay(shape: str) -> None:
    one = schedule.warmup_stable_decay(1.0, 100, warmup=10, decay=20, min_lr=0.1, shape=shape)
    assert [one(t) for t in (0, 5, 10, 50, 80)] == [0.0, 0.5, 1.0, 1.0, 1.0]
    half = {"linear": 0.5, "cosine": 0.5, "sqrt": 1 - math.sqrt(0.5)}[shape]
    assert one(90) == pytest.approx(0.1 + 0.9 * half)
    assert one(100) == one(10**6) == pytest.approx(0.1)


def test_parts_may_be_absent() -> None:
    flat = schedule.warmup_stable_decay(1.0, 10, warmup=0, decay=0)
    assert [flat(t) for t in (0, 9, 99)] == [1.0, 1.0, 1.0]


@given(st.integers(0, 40))
def test_join_starts_each_from_its_own_beginning(t: int) -> None:
    parts = [schedule.exponential(1.0, 0.5), schedule.linear(3.0, 2.0, 5), 0.25]
    one = schedule.join(parts, [4, 20])
    if t < 4:
        assert one(t) == 0.5**t
    elif t < 20:
        assert one(t) == parts[1](t - 4)
    else:
        assert one(t) == 0.25


def test_refused() -> None:
    for make, match in [
        (lambda: schedule.linear_warmup("fast", 5), "linear_warmup: lr is 'fast'"),
        (lambda: schedule.linear_warmup(0.1, 0), "steps is 0"),
        (lambda: schedule.warmup_stable_decay(0.1, 10, 6, 6), "exceed the 10 steps"),
        (lambda: schedule.warmup_stable_decay(0.1, 10, 1, 1, shape="cos"), "did you mean 'cosine'"),
        (lambda: schedule.join([0.1, 0.2], []), "2 schedules and 0 boundaries"),
        (
            lambda: schedule.join([0.1, 0.2, 0.3], [5, 5]),
            r"boundaries are \[5, 5\], they must rise",
        ),
    ]:
        with pytest.raises(ArgumentError, match=match):
            make()
