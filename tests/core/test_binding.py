"""Programs share state with each other, with eager code and between threads."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import IndexRangeError, TapeError
from tests.core.training import Training, batches, numpy, same

F = nn.functional


def test_programs_of_all_shapes_and_functions_share_the_state():
    def go(wrap):
        training = Training(wrap=wrap, lr=0.1)
        evaluate = wrap(lambda x: training.model(x))
        losses = []
        for batch in (8, 5, 8, 3):
            losses += training.run(2, batch=batch)
            losses.append(evaluate(batches(1)[0][0]).detach().tolist())
        return losses, training

    eager, compiled = go(lambda step: step), go(numpy)
    assert eager[0] == compiled[0]
    same(eager[1].state(), compiled[1].state())


def test_a_model_that_changes_its_type_compiles_again():
    model = nn.Linear(5, 2)
    compiled = numpy(lambda x: model(x))
    assert compiled(rp.ones((1, 5))).dtype == rp.float32
    model.double()
    assert compiled(rp.ones((1, 5), dtype=rp.float64)).dtype == rp.float64
    model.float()
    assert compiled(rp.ones((1, 5))).dtype == rp.float32


def test_eager_code_goes_on_from_compiled_state():
    def go(wrap):
        training = Training(wrap=wrap, lr=0.1)
        losses = training.run(2)
        x, y = batches(1)
        loss = F.cross_entropy(training.model(x[0]), y[0])
        training.opt.zero_grad()
        loss.backward()
        training.opt.step()
        losses.append(loss.item())
        with rp.no_grad():
            training.model[0].weight *= 0.5
        return losses + training.run(2), training

    eager, compiled = go(lambda step: step), go(numpy)
    assert eager[0] == compiled[0]
    same(eager[1].state(), compiled[1].state())


def test_a_checkpoint_notices_that_a_program_changed_what_it_read():
    w = rp.tensor([1.0, 2.0], requires_grad=True)

    @numpy
    def step():
        with rp.no_grad():
            w.assign(w * 2)

    step()
    y = rp.checkpoint(lambda: (w * w).sum())
    step()
    with pytest.raises(TapeError, match="changed before"):
        y.backward()


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_a_failing_step_changes_nothing(backend):
    table = nn.Embedding(4, 2)
    opt = optim.Adam(table.parameters(), lr=0.1)

    @rp.compile(backend=backend, verbose=False)
    def step(index):
        opt.zero_grad()
        loss = (table(index) ** 2).sum()
        loss.backward()
        opt.step()
        return loss

    step(rp.asarray([0, 1]))
    before = {name: t.numpy().copy() for name, t in opt.tensors().items()}
    weight = table.weight.numpy().copy()
    with pytest.raises(IndexRangeError):
        step(rp.asarray([0, 7]))
    same({name: t.numpy() for name, t in opt.tensors().items()}, before)
    assert np.array_equal(table.weight.numpy(), weight)
    with pytest.raises(IndexRangeError) as caught:
        step.many(rp.asarray([[0, 1], [2, 3], [9, 0], [0, 0]]))
    assert caught.value.completed_steps == 2
    assert opt.count.item() == 3


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_threads_may_call_functions_that_share_state(backend):
    total = rp.asarray(np.zeros(300, np.float32))

    def up(x):
        total.assign(total + x)
        return total * 1

    def down(x):
        total.assign(total - x)

    functions = [rp.compile(f, backend=backend, verbose=False) for f in (up, down)]
    one = rp.asarray(np.ones(300, np.float32))
    problems = []

    def work(function):
        try:
            for _ in range(100):
                function(one)
                values = total.numpy()
                assert (values == values[0]).all()
        except BaseException as error:  # noqa: BLE001  shown by the main thread
            problems.append(error)

    threads = [threading.Thread(target=work, args=(functions[i % 2],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert total.tolist() == [0.0] * 300


def test_what_nobody_holds_is_freed():
    training = Training(wrap=numpy, lr=0.1)
    training.run(2)
    model, opt = weakref.ref(training.model), weakref.ref(training.opt)
    del training
    gc.collect()
    assert model() is None
    assert opt() is None
