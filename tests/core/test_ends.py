"""Gradients and arguments that a compiled function writes."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, TapeError
from tests.core.training import numpy


def gradients(wrap, calls, clear_first=False):
    w = rp.tensor([1.0, 2.0], requires_grad=True)

    def step(x):
        if clear_first:
            w.grad = None
        (w * w * x).sum().backward()

    step = wrap(step)
    seen = []
    for x in calls:
        step(rp.asarray(x))
        seen.append(w.grad.tolist())
    return seen, step


def test_gradients_accumulate_over_calls():
    eager, _ = gradients(lambda step: step, [1.0, 2.0, 3.0, 4.0])
    found, step = gradients(numpy, [1.0, 2.0, 3.0, 4.0])
    assert found == eager
    assert sum(map(len, step.programs.values())) == 2


def test_gradients_that_are_cleared_first_are_no_guard():
    eager, _ = gradients(lambda step: step, [1.0, 2.0, 3.0], clear_first=True)
    found, step = gradients(numpy, [1.0, 2.0, 3.0], clear_first=True)
    assert found == eager
    assert sum(map(len, step.programs.values())) == 1


def test_many_accumulates_gradients_too():
    w = rp.tensor([1.0, 2.0], requires_grad=True)
    step = numpy(lambda x: ((w * x).sum().backward(), w.sum().detach() * x)[1])
    assert step.many(rp.asarray([1.0, 2.0, 3.0, 4.0])).tolist() == [3.0, 6.0, 9.0, 12.0]
    assert w.grad.tolist() == [10.0, 10.0]
    step.many(rp.asarray([5.0, 5.0]))
    assert w.grad.tolist() == [20.0, 20.0]


def test_gradients_set_outside_are_read_inside():
    w = rp.tensor([1.0, 1.0], requires_grad=True)
    opt = optim.SGD([w], lr=1.0)
    step = numpy(opt.step)
    for x in (1.0, 2.0):
        w.grad = rp.asarray([x, 2 * x])
        step()
    assert w.tolist() == [-2.0, -5.0]
    assert w.grad.tolist() == [2.0, 4.0]


def test_an_argument_may_require_a_gradient():
    def slope(x):
        (x * x).sum().backward()
        return x.grad

    compiled = numpy(slope)
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    assert compiled(x).tolist() == [2.0, 4.0]
    assert x.grad.tolist() == [2.0, 4.0]
    compiled(x)
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(TapeError, match="none get back"):
        compiled(x * 2)
    with rp.no_grad():
        numpy(lambda x: x + 1)(x * 2)


def test_an_argument_that_is_assigned_changes_for_the_caller():
    def step(x):
        x += 1
        return x * 2

    compiled = numpy(step)
    x = rp.asarray([1.0])
    y = x.detach()
    assert compiled(x).tolist() == [4.0]
    assert compiled(x).tolist() == [6.0]
    assert (x.tolist(), y.tolist()) == ([3.0], [1.0])
    with pytest.raises(ArgumentError, match="writes to its arguments"):
        compiled.many(rp.asarray([[1.0]]))
