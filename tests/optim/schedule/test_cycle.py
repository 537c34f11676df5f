"""Schedules that rise again, at the steps that matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ArgumentError
from retroprop.optim import schedule


@given(st.integers(1, 100), st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.integers(0, 6))
def test_restarts_begin_at_the_top(steps: int, factor: float, cycle: int) -> None:
    one = schedule.cosine_restarts(1.0, steps, factor, decay=0.5)
    begin = sum(steps * factor**i for i in range(cycle))
    assert one(begin) == pytest.approx(0.5**cycle, rel=1e-9)
    if begin >= 1:
        assert one(begin - 1e-3) < 0.01 * one(begin)


def test_restarts_of_many_steps_are_never_off_by_one() -> None:
    one = schedule.cosine_restarts(1.0, 10, factor=2)
    tops = {10 * (2**k - 1) for k in range(16)}
    assert {t for t in range(10 * 2**10) if one(t) == 1.0} == {t for t in tops if t < 10 * 2**10}
    assert all(one(top) == 1.0 for top in tops)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_one_cycle_reaches_its_levels(strategy: str) -> None:
    one = schedule.one_cycle(1.0, 100, 0.3, strategy, div_factor=10, final_div_factor=100)
    assert one(0) == pytest.approx(0.1)
    assert one(29) == pytest.approx(1.0)
    assert one(99) == one(1000) == pytest.approx(0.001)
    assert max(one(t) for t in range(100)) == one(29)


def test_one_cycle_in_three_phases() -> None:
    one = schedule.one_cycle(1.0, 100, 0.3, div_factor=10, three_phase=True)
    assert [one(t) for t in (0, 29, 58)] == pytest.approx([0.1, 1.0, 0.1])


def test_triangles() -> None:
    one = schedule.cyclic(1.0, 3.0, step_size_up=2, step_size_down=4)
    assert [one(t) for t in range(8)] == [1.0, 2.0, 3.0, 2.5, 2.0, 1.5, 1.0, 2.0]
    halved = schedule.cyclic(1.0, 3.0, step_size_up=1, mode="triangular2")
    assert [halved(t) for t in (1, 3, 5)] == [3.0, 2.0, 1.5]


def test_refused() -> None:
    for make, match in [
        (lambda: schedule.cosine_restarts(0.1, 5, factor=0.5), "factor is 0.5"),
        (lambda: schedule.one_cycle(0.1, 1), "steps is 1"),
        (lambda: schedule.one_cycle(0.1, 10, pct_start=1.2), "pct_start is 1.2"),
        (lambda: schedule.one_cycle(0.1, 10, pct_start=0.6, three_phase=True), "pct_start is 0.6"),
        (lambda: schedule.one_cycle(0.1, 10, anneal_strategy="cosine"), "did you mean 'cos'"),
        (lambda: schedule.one_cycle(0.1, 10, div_factor=0), "div_factor is 0"),
        (lambda: schedule.cyclic(0.1, 0.2, mode="triangle"), "did you mean 'triangular'"),
        (lambda: schedule.cyclic(0.1, 0.2, 5, 0), "step_size_down is 0"),
    ]:
        with pytest.raises(ArgumentError, match=match):
            make()
