"""What holds for every schedule: numbers, arrays and Tensors alike, within bounds, printed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.optim import schedule
from retroprop.optim.schedule import Schedule

# A schedule, and the bounds it keeps to.
EXAMPLES: dict[str, tuple[Callable[[], Schedule], float, float]] = {
    "constant": (lambda: schedule.constant(0.1), 0.1, 0.1),
    "cosine": (lambda: schedule.cosine(0.1, 50, min_lr=0.01), 0.01, 0.1),
    "cosine_restarts": (lambda: schedule.cosine_restarts(0.1, 7, 2, 0.01, 0.9), 0.01, 0.1),
    "cyclic": (lambda: schedule.cyclic(0.01, 0.1, 5, 3, "exp_range", 0.99), 0.01, 0.1),
    "exponential": (lambda: schedule.exponential(0.1, 0.9), 0.0, 0.1),
    "inverse_sqrt": (lambda: schedule.inverse_sqrt(0.1, 10), 0.0, 0.1),
    "join": (lambda: schedule.join([0.05, schedule.cosine(0.1, 30)], [10]), 0.0, 0.1),
    "linear": (lambda: schedule.linear(0.1, 0.02, 50), 0.02, 0.1),
    "linear_warmup": (lambda: schedule.linear_warmup(schedule.cosine(0.1, 30), 5), 0.0, 0.1),
    "multistep": (lambda: schedule.multistep(0.1, [3, 40]), 0.001, 0.1),
    "one_cycle": (lambda: schedule.one_cycle(0.1, 60, three_phase=True), 4e-7, 0.1),
    "polynomial": (lambda: schedule.polynomial(0.1, 50, 2.0, 0.01), 0.01, 0.1),
    "step": (lambda: schedule.step(0.1, 20), 0.0, 0.1),
    "warmup_stable_decay": (lambda: schedule.warmup_stable_decay(0.1, 60, 5, 20), 0.0, 0.1),
}
every = pytest.mark.parametrize("name", EXAMPLES)


def test_every_schedule_is_here() -> None:
    assert sorted(EXAMPLES) == schedule.names()


@every
@given(step=st.integers(0, 10**7))
def test_bounds(name: str, step: int) -> None:
    make, low, high = EXAMPLES[name]
    value = make()(step)
    assert type(value) is float
    assert low * (1 - 1e-12) - 1e-18 <= value <= high * (1 + 1e-12)


@every
def test_numbers_arrays_and_tensors_agree(name: str) -> None:
    one = EXAMPLES[name][0]()
    steps = np.arange(120)
    values = [one(int(step)) for step in steps]
    np.testing.assert_allclose(one(steps), values, rtol=1e-14)
    for dtype in ("int64", "float64"):
        tensor = one(rp.asarray(steps.astype(dtype)))
        assert tensor.dtype == np.float64
        np.testing.assert_allclose(tensor.numpy(), values, rtol=1e-14)
    single = one(rp.asarray(np.int64(7)))
    assert single.shape == ()
    assert single.item() == values[7]


@every
def test_never_looks_at_values(name: str, blind: AbstractContextManager[None]) -> None:
    one, step = EXAMPLES[name][0](), rp.asarray(np.int64(7))
    with blind:
        one(step)


@every
def test_prints_as_the_call_that_made_it(name: str) -> None:
    one = EXAMPLES[name][0]()
    again = eval(repr(one), {**vars(schedule)})
    assert repr(again) == repr(one)
    assert again(17) == one(17)


@every
def test_by_name(name: str) -> None:
    assert getattr(schedule, name).__name__ == name
    assert "Example:" in (getattr(schedule, name).__doc__ or "")


def test_get() -> None:
    assert schedule.get("cosine", 0.1, steps=10)(10) == 0.0
    with pytest.raises(ArgumentError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        schedule.get("cosin", 0.1, 10)


def test_the_same_argument_errors_everywhere() -> None:
    for make, match in [
        (lambda: schedule.constant(-1), "constant: lr is -1"),
        (lambda: schedule.cosine("a", 10), "cosine: lr is 'a'"),
        (lambda: schedule.cosine(0.1, 0), "cosine: steps is 0, it must be a whole number of at"),
        (lambda: schedule.cosine(0.1, 1.5), "cosine: steps is 1.5"),
        (lambda: schedule.exponential(0.1, -0.5), "exponential: gamma is -0.5"),
        (lambda: schedule.polynomial(0.1, 5, power=0), "polynomial: power is 0"),
        (lambda: schedule.inverse_sqrt(0.1, 0), "inverse_sqrt: warmup is 0"),
    ]:
        with pytest.raises(ArgumentError, match=match):
            make()


def test_own_functions() -> None:
    one = Schedule(lambda t: 0.5 / (1.0 + t), "mine")
    assert one(1) == 0.25
    assert repr(one) == "mine"
    opt = rp.optim.SGD([rp.ones(1, requires_grad=True)], lr=one)
    assert opt.lr == 0.5
