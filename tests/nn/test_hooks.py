"""Hooks of modules: order, replacement, removal, gradients of first and second order."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import retroprop as rp
from retroprop import nn


class Double(nn.Module):
    def forward(self, x: Any, *, plus: Any = 0.0) -> Any:
        return x * 2 + plus


def test_forward_hooks_see_and_replace() -> None:
    layer, seen = Double(), []
    layer.register_forward_pre_hook(lambda m, args: seen.append(("in", m, args)))
    layer.register_forward_hook(lambda m, args, out: seen.append(("out", args, out.tolist())))
    x = rp.asarray([1.0])
    assert layer(x).tolist() == [2.0]
    assert seen == [("in", layer, (x,)), ("out", (x,), [2.0])]
    layer.register_forward_pre_hook(lambda m, args: args[0] + 1)
    layer.register_forward_pre_hook(lambda m, args: (args[0] * 10,))
    layer.register_forward_hook(lambda m, args, out: out + 0.5)
    assert layer(x).tolist() == [40.5]


def test_keyword_arguments_reach_the_hooks_that_ask() -> None:
    layer, seen = Double(), []

    def before(module: Any, args: Any, kwargs: Any) -> Any:
        return args, {"plus": kwargs["plus"] + 1}

    layer.register_forward_pre_hook(before, with_kwargs=True)
    layer.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True)
    assert layer(rp.asarray([1.0]), plus=3).tolist() == [6.0]
    assert seen == [{"plus": 4}]


def test_order_and_removal() -> None:
    layer, seen = Double(), []

    def note(name: str) -> Any:
        return lambda *arguments: seen.append(name)

    first = layer.register_forward_hook(note("first"))
    layer.register_forward_hook(note("second"))
    layer.register_forward_hook(note("front"), prepend=True)
    layer(1.0)
    assert seen == ["front", "first", "second"]
    seen.clear()
    first.remove()
    first.remove()
    with layer.register_forward_hook(note("inside")):
        layer(1.0)
    layer.register_forward_hook(note("called away"))()
    layer(1.0)
    assert seen == ["front", "second", "inside", "front", "second"]


def test_a_copy_keeps_the_hooks_but_not_their_registry() -> None:
    layer, seen = Double(), []
    handle = layer.register_forward_hook(lambda *arguments: seen.append(1))
    copied = copy.deepcopy(layer)
    handle.remove()
    layer(1.0)
    assert seen == []
    copied(1.0)
    assert seen == [1]


class Pair(nn.Module):
    def forward(self, a: Any, b: Any, scale: float) -> Any:
        return {"sum": (a + b) * scale, "both": (a * b, b.detach(), scale)}


def test_backward_hooks_see_all_gradients_at_once() -> None:
    layer, seen = Pair(), []
    layer.register_full_backward_hook(lambda m, i, o: seen.append((i, o)))
    a, b = (rp.tensor([v], requires_grad=True) for v in (2.0, 3.0))
    out = layer(a, b, 10.0)
    (out["sum"] + 5 * out["both"][0]).backward()
    ((grad_input, grad_output),) = seen
    assert [None if g is None else g.tolist() for g in grad_input] == [[25.0], [20.0], None]
    assert [None if g is None else g.tolist() for g in grad_output] == [
        [5.0],
        None,
        None,
        [1.0],
    ]
    assert (a.grad.tolist(), b.grad.tolist()) == ([25.0], [20.0])


def test_an_unused_output_has_gradient_zero() -> None:
    layer, seen = Pair(), []
    layer.register_full_backward_hook(lambda m, i, o: seen.append(o))
    a = rp.tensor([2.0], requires_grad=True)
    layer(a, a, 1.0)["sum"].backward()
    assert [g.tolist() for g in seen[0] if g is not None] == [[0.0], [1.0]]
    assert a.grad.tolist() == [2.0]


def test_backward_hooks_replace_and_chain() -> None:
    layer, seen = Double(), []
    layer.register_full_backward_hook(lambda m, i, o: (i[0] * 10,))
    layer.register_full_backward_hook(lambda m, i, o: seen.append(i[0].tolist()))
    x = rp.tensor([1.0], requires_grad=True)
    layer(x).backward()
    assert seen == [[20.0]]
    assert x.grad.tolist() == [20.0]


def test_backward_hooks_under_second_derivatives() -> None:
    class Cube(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * x * x

    layer, seen = Cube(), []
    layer.register_full_backward_hook(lambda m, i, o: seen.append(i[0].item()))
    x = rp.tensor(2.0, requires_grad=True)
    layer(x).backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.backward()
    assert seen[0] == 12.0
    assert x.grad.item() == 12.0


def test_without_gradients_backward_hooks_cost_nothing() -> None:
    layer = Double()
    layer.register_full_backward_hook(lambda m, i, o: pytest.fail("no backward pass here"))
    with rp.no_grad():
        assert layer(rp.tensor([1.0], requires_grad=True)).tolist() == [2.0]
    assert layer(rp.asarray([1.0])).tolist() == [2.0]
