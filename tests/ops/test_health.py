"""A step whose numbers are not finite is an error, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import DivergedError


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_an_error(wrong):
    with pytest.raises(DivergedError, match="the loss is"):
        ops.require_finite(np.float32([1.0, wrong]), what="the loss")


def test_finite_numbers_pass():
    x = np.float64([0.0, -1e300])
    assert ops.require_finite(x, what="x") is x


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("dtype", [rp.float32, rp.float64])
def test_a_compiled_step_that_fails_changes_no_state(backend, dtype):
    state = rp.asarray([1.0, 2.0], dtype=dtype)

    @rp.compile(backend=backend)
    def step(x):
        checked = ops.require_finite(rp.sum(x), what="the sum")
        state.assign(state + checked)
        return checked

    step(rp.asarray([1.0, 1.0], dtype=dtype))
    with pytest.raises(DivergedError, match="the sum is nan"):
        step(rp.asarray([1.0, np.nan], dtype=dtype))
    assert state.tolist() == [3.0, 4.0]
    step(rp.asarray([1.0, 0.0], dtype=dtype))
    assert state.tolist() == [4.0, 5.0]


def test_of_many_steps_those_before_were_applied():
    state = rp.asarray(0.0)

    @rp.compile
    def step(x):
        state.assign(state + ops.require_finite(x, what="x"))
        return x

    with pytest.raises(DivergedError, match="x is inf") as caught:
        step.many(rp.asarray([1.0, 2.0, np.inf, 4.0]))
    assert caught.value.completed_steps == 2
    assert state.item() == 3.0


def test_how_many_steps_were_applied_is_of_this_call():
    @rp.compile
    def step(x):
        return ops.require_finite(x * 2, what="x")

    step.many(rp.asarray([1.0, 2.0, 3.0]))
    with pytest.raises(DivergedError) as caught:
        step(rp.asarray(np.float32(np.nan)))
    assert caught.value.completed_steps == 0
    step(rp.asarray(np.float32(1.0)))
    with pytest.raises(DivergedError) as caught:
        step(rp.asarray(np.float32(np.nan)))
    assert caught.value.completed_steps == 0


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_what_the_steps_before_returned_is_not_lost(backend):
    w = rp.tensor(1.0, requires_grad=True)  # its gradient is there from the second step on

    @rp.compile(backend=backend)
    def step(x):
        (w * x).backward()
        return {"it": ops.require_finite(x, what="x"), "name": "n"}

    with pytest.raises(DivergedError, match="step 2") as caught:
        step.many(rp.asarray([1.0, 2.0, np.inf, 4.0]))
    assert caught.value.completed_steps == 2
    assert caught.value.made["it"].tolist() == [1.0, 2.0]
    assert w.grad.item() == 3.0
