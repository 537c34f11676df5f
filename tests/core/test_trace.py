"""What a trace sees: which cells are inputs and outputs, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import TraceError
from tests.core.training import numpy


def test_graph_of_a_step_reads_as_text_and_back():
    w = rp.tensor([2.0, 3.0], requires_grad=True)
    step = numpy(lambda x: (w * x).sum())
    step(rp.asarray([1.0, 1.0]))
    assert str(step.graph) == (
        "graph(%0: float32[2], %1: float32[2])\n"
        "  %2: float32[2] = multiply(%1, %0)\n"
        "  %3: float32[] = sum(%2, axis=None, keepdims=False)\n"
        "  return %3"
    )
    assert str(rp.Graph.parse(str(step.graph), rp.ops.catalog)) == str(step.graph)


def test_an_op_on_outside_tensors_only_is_recorded():
    w = rp.asarray([1.0, 2.0])
    double = numpy(lambda x: x + (w + w).sum())
    assert double(rp.asarray(0.0)).item() == 6
    w.assign(rp.asarray([10.0, 20.0]))
    assert double(rp.asarray(0.0)).item() == 60


def test_ops_on_constants_run_while_recording():
    step = numpy(lambda x: x + rp.sum(rp.arange(4, dtype=rp.float32)) * 2.0)
    assert step(rp.asarray(1.0)).item() == 13
    assert [node.op.name for node in step.graph.nodes] == ["add"]


def test_a_constant_array_keeps_its_bits():
    zeros = np.array([0.0, -0.0, 0.0], np.float32)
    found = numpy(lambda x: x * rp.asarray(zeros))(rp.ones(3)).numpy()
    assert found.tobytes() == zeros.tobytes()


def test_results_whose_size_depends_on_numbers_are_refused():
    with pytest.raises(TraceError, match="depends on numbers"):
        numpy(lambda x: x[x > 0])(rp.ones(3))


def test_a_tape_from_outside_is_refused():
    w = rp.tensor([1.0], requires_grad=True)
    v = w * 2
    with pytest.raises(TraceError, match="computed from others outside"):
        numpy(lambda x: (x * v).sum())(rp.ones(1))
    with rp.no_grad():
        assert numpy(lambda x: (x * v).sum())(rp.ones(1)).item() == 2
    assert numpy(lambda x: (x * v.detach()).sum())(rp.ones(1)).item() == 2
    v.sum().backward()
    assert w.grad.tolist() == [2.0]


def test_an_error_inside_leaves_everything_as_it_was():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    opt = optim.Adam(model.parameters())
    x = rp.asarray(np.arange(12, dtype=np.float32).reshape(4, 3))
    model(x).sum().backward()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    grads = [p.grad for p in model.parameters()]

    def step(x):
        loss = model(x).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        model[0].weight.requires_grad_(False)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        numpy(step)(x)
    for name, value in model.state_dict().items():
        assert np.array_equal(value.numpy(), before[name])
    assert all(p.grad is g for p, g in zip(model.parameters(), grads, strict=True))
    assert all(p.requires_grad and p.is_leaf for p in model.parameters())
    assert not model[1].running_mean.requires_grad
    assert opt.count.item() == 0
    model(x).sum().backward()  # and eager code goes on


def test_a_cell_cannot_change_its_type_inside():
    model = nn.Linear(2, 2)

    def step(x):
        return model.double()(x)

    with pytest.raises(TraceError, match="cannot change its type"):
        numpy(step)(rp.ones((1, 2)))
    assert model.weight.dtype == rp.float32


def test_second_derivatives_are_recorded():
    def gradient_norm(w):
        w = w.detach().requires_grad_()
        (w * w * w).sum().backward(create_graph=True)
        g = w.grad
        w.grad = None
        (g * g).sum().backward()
        return w.grad

    w = rp.asarray([1.0, -2.0])
    assert numpy(gradient_norm)(w).tolist() == gradient_norm(w).tolist() == [36.0, -288.0]
