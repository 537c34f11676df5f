"""The engine itself: order, pruning, missing rules, several outputs."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import NoGradientError
from retroprop.ops.define import NoGradient, elementwise, primitive


@elementwise(partials={"x": NoGradient("it jumps")})
def jump(x, /):
    """A step function."""
    return np.heaviside(x, 0).astype(x.dtype)


@primitive(
    form="opaque",
    shape=lambda x: [x, x],
    result=lambda x: [x, x],
    vjp={"x": lambda g, x: g[0] * 2.0 + g[1] * x},
)
def pair(x, /):
    """Two outputs: 2x and x^2 / 2."""
    return 2 * x, x * x / 2


@primitive(form="opaque", shape=lambda x, z: x, vjp=lambda g, x, z: (g * z, None))
def half_known(x, z, /):
    """x z, with a joint rule that has nothing to say about z."""
    return x * z


def test_an_op_without_a_rule_raises_only_when_its_gradient_is_asked_for():
    x = rp.tensor([1.0], requires_grad=True)
    y = jump(x)
    with pytest.raises(NoGradientError, match="jump: no gradient with respect to x: it jumps"):
        y.sum().backward()


def test_branches_that_do_not_lead_to_the_wanted_input_are_not_entered():
    x = rp.tensor([1.0], requires_grad=True)
    z = rp.tensor([2.0], requires_grad=True)
    (jump(x) * z).sum().backward(inputs=[z])
    assert z.grad.tolist() == [1.0]
    assert x.grad is None


def test_an_unused_output_counts_as_zero():
    x = rp.tensor([3.0], requires_grad=True)
    pair(x)[1].sum().backward()
    assert x.grad.tolist() == [3.0]
    x.grad = None
    a, b = pair(x)
    (a + b).sum().backward()
    assert x.grad.tolist() == [5.0]


def test_a_joint_rule_may_leave_an_operand_out():
    x = rp.tensor([3.0], requires_grad=True)
    z = rp.tensor([4.0], requires_grad=True)
    half_known(x, z).sum().backward()
    assert x.grad.tolist() == [4.0]
    assert z.grad is None


def test_values_inside_the_tape_can_be_asked_for():
    x = rp.tensor([3.0], requires_grad=True)
    h = x * x
    y = (h * h).sum()
    seen = []
    h.register_hook(lambda g: seen.append(g.tolist()))
    y.backward()
    assert seen == [[18.0]]
    assert x.grad.tolist() == [108.0]
