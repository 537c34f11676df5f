"""Traces and the code around them: other threads, other modes, other compiled functions."""

from __future__ import annotations

import threading

import pytest

import retroprop as rp
from retroprop import nn
from retroprop.core import recording
from retroprop.errors import TraceError
from tests.core.training import numpy


def test_other_threads_compute_while_one_records():
    entered, leave = threading.Event(), threading.Event()
    w = rp.tensor([1.0, 2.0], requires_grad=True)

    def step(x):
        entered.set()
        assert leave.wait(20)
        w.assign(x)
        return x * 2

    made = []

    def record():
        with rp.no_grad():
            made.append(numpy(step)(rp.asarray([5.0, 6.0])))

    thread = threading.Thread(target=record)
    thread.start()
    assert entered.wait(20)
    assert (w * 3).tolist() == [3.0, 6.0]
    (w * w).sum().backward()
    assert w.grad.tolist() == [2.0, 4.0]
    leave.set()
    thread.join()
    assert made[0].tolist() == [10.0, 12.0]
    assert w.tolist() == [5.0, 6.0]


def test_recording_mode_is_part_of_the_signature():
    seen = []
    step = numpy(lambda x: (seen.append(rp.is_grad_enabled()), x * 1)[1])
    for _ in range(2):
        step(rp.ones(1))
        with rp.no_grad():
            step(rp.ones(1))
    assert seen == [True, False]


def test_a_compiled_function_inside_another_is_a_part_of_it():
    inner = numpy(lambda x: x * 2)
    outer = numpy(lambda x: inner(x) + 1)
    assert outer(rp.asarray(1.0)).item() == 3
    assert not inner.programs
    with pytest.raises(TraceError, match="steps cannot be run"):
        numpy(lambda x: inner.many(x))(rp.ones(2))


def test_what_programs_rely_on_moves_a_number():
    module, w = nn.Linear(2, 2), rp.asarray([1.0, 2.0])

    def moved(change):
        before = recording.changes, recording.writes
        change()
        return recording.changes != before[0], recording.writes != before[1]

    assert moved(lambda: w.assign(w * 2)) == (False, True)
    assert moved(lambda: setattr(module.weight, "grad", rp.ones((2, 2)))) == (False, True)
    assert moved(module.eval) == (True, True)
    assert moved(lambda: module.weight.requires_grad_(False)) == (True, True)
    assert moved(lambda: w * 2) == (False, False)
    assert recording.current() is None
