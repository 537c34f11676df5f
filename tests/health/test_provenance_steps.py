"""Whole steps are explained, of every kind, and nothing is changed by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, ops, optim
from retroprop.errors import DivergedError
from retroprop.health import explain

Function = Callable[..., Any]


def plain(seed: int = 0) -> Any:
    """Inputs (6, 4) between 0.5 and 1.5, a new array each time."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, (6, 4)).astype(np.float32)


def straight(x: Any) -> Any:
    return x


def stateful() -> tuple[nn.Module, Any, Function]:
    """Everything that a step may change: weights, gradients, statistics, optimizer, randomness."""
    rp.manual_seed(3)
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    optimizer = optim.Adam(net.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = ops.sum(rp.log(ops.square(net(x))))
        loss.backward()
        ops.require_finite(loss, what="the loss")
        optimizer.step()
        return loss

    return net, optimizer, step


@pytest.mark.parametrize("around", [straight, rp.compile], ids=["eager", "compiled"])
def test_an_explanation_leaves_no_trace(around: Function) -> None:
    net, optimizer, step = stateful()
    step = around(step)
    step(rp.asarray(plain()))
    state = [
        *net.state_dict().values(),
        *optimizer.tensors().values(),
        optimizer.count,
        rp.random.default_generator().state,
    ]
    before = [one.numpy().copy() for one in state]
    slopes = [p.grad for p in net.parameters()]
    assert explain(step, rp.asarray(plain(1))) is None
    spoiled = plain()
    spoiled[2, 0] = np.nan
    found = explain(step, spoiled)
    assert found is not None
    assert found.failed == "the loss is nan"
    now = [
        *net.state_dict().values(),
        *optimizer.tensors().values(),
        optimizer.count,
        rp.random.default_generator().state,
    ]
    for old, new in zip(before, now, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    for p, slope in zip(net.parameters(), slopes, strict=True):
        assert (p.grad is None) == (slope is None)
        if slope is not None:
            np.testing.assert_array_equal(p.grad.numpy(), slope.numpy())


def test_a_replay_draws_the_numbers_of_the_step() -> None:
    def step(x: Any) -> Any:
        return ops.require_finite(ops.sum(rp.log(rp.random.uniform((64,)) - 0.5 + x)), what="it")

    rp.manual_seed(1)
    with pytest.raises(DivergedError):
        step(rp.asarray(0.0))
    rp.manual_seed(1)
    found, again = explain(step, rp.asarray(0.0)), explain(step, rp.asarray(0.0))
    assert found == again
    assert found is not None


def test_the_error_of_a_compiled_step_says_how_to_ask() -> None:
    @rp.compile
    def step(x: Any) -> Any:
        return ops.require_finite(ops.sum(rp.log(x)), what="the loss")

    with pytest.raises(DivergedError, match=r"rp\.health\.explain\(step"):
        step(rp.asarray([0.0]))
    found = explain(step, rp.asarray([1.0, 0.0]))
    assert found is not None
    assert (found.failed, found.op, found.samples) == ("the loss is -inf", "log", (1,))
    with pytest.raises(DivergedError, match="the arguments of step 2"):
        step.many(rp.asarray([[1.0], [2.0], [0.0], [1.0]]))
    found = explain(step.many, rp.asarray([[1.0], [2.0], [0.0], [1.0]]))
    assert found is not None
    assert (found.op, found.samples) == ("log", (2,))


def test_a_compiled_part_of_a_step_is_seen() -> None:
    inner = rp.compile(lambda x: rp.log(x))
    found = explain(lambda x: ops.sum(inner(x)), rp.asarray([1.0, 0.0]))
    assert found is not None
    assert (found.op, found.samples) == ("log", (1,))


def test_recomputed_and_hand_written_passes_are_seen() -> None:
    w = rp.tensor([0.0, 1.0], requires_grad=True)
    found = explain(lambda: ops.sum(rp.checkpoint(rp.sqrt, w)))
    assert found is not None
    assert (found.op, found.phase) == ("sqrt", "backward")

    @rp.custom_gradient
    def twice(x: Any) -> Any:
        return x * 2, lambda g: g / (x * 0)

    found = explain(lambda: ops.sum(twice(w)))
    assert found is not None
    assert (found.op, found.phase) == ("divide", "backward")
    assert "g / (x * 0)" in found.where
