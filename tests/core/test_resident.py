"""Values do not change under anyone who holds them."""

from __future__ import annotations

import copy
import threading

import numpy as np

import retroprop as rp
from retroprop.core.resident import Resident, aligned, tick
from tests.core.training import Training, numpy


def test_a_gradient_in_hand_does_not_change():
    w = rp.tensor([1.0], requires_grad=True)

    @numpy
    def step(x):
        w.grad = None
        (w * x).sum().backward()

    step(rp.asarray(2.0))
    first = w.grad
    assert w.grad is first
    array = first.numpy()
    step(rp.asarray(3.0))
    assert (first.item(), array.item(), w.grad.item()) == (2, 2, 3)
    w.grad.assign(rp.asarray([7.0]))
    assert w.grad.item() == 7
    w.grad = None
    assert w.grad is None
    step(rp.asarray(4.0))
    assert w.grad.item() == 4


def test_what_was_read_stays_as_it_was():
    training = Training(wrap=numpy, lr=0.1)
    training.run(2)
    weight = training.model[0].weight
    array, snapshot, state = weight.numpy(), weight.detach(), training.model.state_dict()
    assert weight.numpy() is not None
    assert np.shares_memory(weight.numpy(), array)  # nothing was copied twice
    before = array.copy()
    training.run(1)
    assert np.array_equal(array, before)
    assert np.array_equal(snapshot.numpy(), before)
    assert np.array_equal(state["0.weight"].numpy(), before)
    assert not np.array_equal(weight.numpy(), before)


def test_copies_hold_the_numbers_of_the_moment():
    training = Training(wrap=numpy, lr=0.1)
    training.run(2)
    twin = copy.deepcopy(training.model)
    shallow = copy.copy(training.model[0].weight)
    deep = copy.deepcopy(training.opt.count)
    before = training.model[0].weight.numpy().copy()
    training.run(1)
    assert np.array_equal(twin[0].weight.numpy(), before)
    assert np.array_equal(shallow.numpy(), before)
    assert (deep.item(), training.opt.count.item()) == (2, 3)


def test_two_cells_that_shared_an_array_go_their_own_ways():
    first = rp.asarray([1.0, 2.0])
    second = first.detach()
    step = numpy(lambda: first.assign(first * 2))
    assert step() is first
    step()
    assert (first.tolist(), second.tolist()) == ([4.0, 8.0], [1.0, 2.0])


def test_memory_starts_on_a_cache_line_with_room_after_it():
    for shape in [(), (3,), (0, 4), (7, 5)]:
        array = aligned(shape, np.dtype("float32"))
        assert array.shape == shape
        assert not array.size or array.ctypes.data % 64 == 0
        assert array.flags.c_contiguous


def test_a_snapshot_is_made_once_for_each_run():
    held = Resident((2,), np.dtype("float32"), threading.RLock())
    held.fill(np.float32([1, 2]))
    first = held.snapshot()
    held.buffer[...] = 5
    assert held.snapshot() is first
    tick()
    assert held.snapshot().tolist() == [5.0, 5.0]
    assert first.tolist() == [1.0, 2.0]
