"""What a function returns, and the transforms that work inside."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from tests.core.training import Training, numpy

F = nn.functional


def test_results_have_the_structure_that_was_returned():
    count = rp.asarray(0)

    def step(x, scale):
        count.assign(count + 1)
        return {"y": x * scale, "rest": [x, count, rp.ones(2), (None, "text", 3)]}

    compiled = numpy(step)
    x = rp.asarray([1.0, 2.0])
    for calls in (1, 2):
        found = compiled(x, scale=3)
        assert found["y"].tolist() == [3.0, 6.0]
        assert found["rest"][0] is x
        assert found["rest"][1] is count
        assert count.item() == calls
        assert found["rest"][2].tolist() == [1.0, 1.0]
        assert found["rest"][3] == (None, "text", 3)
    together = compiled.many(rp.asarray([[1.0], [2.0], [3.0]]), scale=2)
    assert together["y"].tolist() == [[2.0], [4.0], [6.0]]
    assert together["rest"][1] is count
    assert count.item() == 5
    assert together["rest"][2].shape == (3, 2)


def test_results_never_require_a_gradient():
    w = rp.tensor([1.0], requires_grad=True)
    assert not numpy(lambda x: w * x)(rp.ones(1)).requires_grad


def test_inputs_that_nobody_reads_are_left_out():
    used, unused = rp.ones(2), rp.ones(2)

    def step(x, y):
        rp.sin(unused)
        return x * used

    compiled = numpy(step)
    compiled(rp.ones(2), rp.ones(5))
    assert len(compiled.graph.inputs) == 2


@rp.custom_gradient
def double_back(x):
    return rp.sin(x), lambda g: g * 2 * rp.cos(x)


MATRIX = rp.asarray(np.random.default_rng(3).standard_normal((3, 3)).astype(np.float32))


def energy(x):
    return (rp.tanh(MATRIX @ x) * x).sum()


TRANSFORMED = {
    "grad": rp.grad(energy),
    "value_and_grad": rp.value_and_grad(energy),
    "grad of grad": rp.grad(lambda x: (rp.grad(energy)(x) ** 2).sum()),
    "jacobian": rp.jacobian(lambda x: rp.exp(MATRIX @ x)),
    "hessian": rp.hessian(energy),
    "vjp": lambda x: rp.vjp(lambda x: x * x, x)[1](x),
    "jvp": lambda x: rp.jvp(lambda x: rp.sin(MATRIX @ x), [x], [x * 2]),
    "custom_gradient": rp.grad(lambda x: double_back(x).sum()),
    "checkpoint": rp.grad(lambda x: rp.checkpoint(energy, x)),
    "no_grad": lambda x: [rp.grad(energy)(x), energy(x)],
    "random": lambda x: (rp.manual_seed(4), x + rp.random.normal((3,)))[1],
    "indexing": lambda x: [x[1:], x[rp.asarray([2, 0])], rp.stack([x, x * 2])[:, ::-1]],
    "split": lambda x: list(x),
    "where": lambda x: rp.where(x > 0, x, rp.exp(x)),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_transforms_work_inside(name):
    function = TRANSFORMED[name]
    x = rp.asarray([0.3, -0.7, 1.1])
    compiled = numpy(function)
    for point in (x, x * 2):
        expected, _ = rp.tree.flatten(function(point))
        found, _ = rp.tree.flatten(compiled(point))
        assert [t.tolist() for t in found] == [t.tolist() for t in expected]


def test_checkpoint_replays_random_draws_inside():
    def go(wrap):
        rp.manual_seed(3)
        layer = nn.Linear(4, 4)

        def step(x):
            layer.zero_grad()
            y = rp.checkpoint(lambda x: F.dropout(layer(x), 0.5), x)
            y.sum().backward()
            return y

        step = wrap(step)
        x = rp.ones((2, 4))
        return [(step(x).tolist(), layer.weight.grad.tolist()) for _ in range(3)]

    assert go(lambda step: step) == go(numpy)


def test_averages_of_weights_are_kept_inside():
    def go(wrap):
        training = Training(optim.SGD, lr=0.1)
        ema = optim.EMA(training.model, decay=0.9, warmup=True)
        inner = training.step

        def step(x, y):
            loss = inner(x, y)
            ema.update()
            return loss

        training.step = wrap(step)
        return training.run(4), [average.tolist() for average in ema.averages]

    assert go(lambda step: step) == go(numpy)
