"""Recomputation and hand-written gradients."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError, TapeError


def setup() -> tuple[rp.Tensor, rp.Tensor]:
    return (
        rp.tensor([0.5, 1.5], requires_grad=True),
        rp.tensor([2.0, 3.0], requires_grad=True),
    )


def test_checkpoint_equals_the_plain_function_with_captured_leaves_and_values():
    def gradients(run):
        x, w = setup()
        h = w * w  # a value from outside that depends on a leaf the function also reads
        run(lambda v: v * h * w, x).sum().backward()
        return x.grad.tolist(), w.grad.tolist()

    assert gradients(rp.checkpoint) == gradients(lambda f, x: f(x))


def test_checkpoint_is_differentiable_again():
    def second(run):
        x, w = setup()
        g = rp.grad(lambda v: (run(lambda u: u * u * w, v) * v).sum())(x)
        (g * g).sum().backward()
        return x.grad.tolist(), w.grad.tolist()

    assert second(rp.checkpoint) == second(lambda f, v: f(v))


def test_checkpoint_draws_the_same_numbers_twice_and_counts_them_once():
    x = rp.ones(8, requires_grad=True)

    def noisy(v):
        return v * rp.random.uniform((8,))

    rp.manual_seed(3)
    y = rp.checkpoint(noisy, x)
    after = rp.random.uniform((2,)).tolist()
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    rp.manual_seed(3)
    noisy(x)
    assert rp.random.uniform((2,)).tolist() == after


def test_checkpoint_assigns_buffers_once():
    x, count = rp.ones(2, requires_grad=True), rp.zeros(())

    def counting(v):
        count.assign(count + 1.0)
        return v * v

    rp.checkpoint(counting, x).sum().backward()
    assert count.item() == 1.0


def test_checkpoint_of_several_outputs_of_which_one_is_used():
    x, _ = setup()
    a, _b = rp.checkpoint(lambda v: (v * v, v * 3.0), x)
    a.sum().backward()
    assert x.grad.tolist() == [1.0, 3.0]


def test_checkpoint_notices_a_changed_parameter():
    x, w = setup()
    y = rp.checkpoint(lambda v: v * w, x)
    with rp.no_grad():
        w.assign([0.0, 0.0])
    with pytest.raises(TapeError, match=r"before opt.step\(\)"):
        y.sum().backward()


def test_checkpoint_without_recording_just_calls():
    with rp.no_grad():
        assert rp.checkpoint(lambda v: v * 2.0, rp.ones(2)).tolist() == [2.0, 2.0]


def test_custom_gradient_is_used_to_any_order():
    @rp.custom_gradient
    def cube(x):
        return x * x * x, lambda g: g * 3.0 * x * x

    assert rp.grad(cube)(rp.asarray(2.0)).item() == 12.0
    assert rp.grad(rp.grad(cube))(rp.asarray(2.0)).item() == 12.0


def test_custom_gradient_with_several_arguments_one_without_gradient():
    @rp.custom_gradient
    def scaled(x, z):
        return x * z, lambda g: (g * 100.0, None)

    x, z = setup()
    scaled(x, z).sum().backward()
    assert x.grad.tolist() == [100.0, 100.0]
    assert z.grad is None


def test_custom_gradient_checks_the_number_of_cotangents():
    @rp.custom_gradient
    def wrong(x, z):
        return x * z, lambda g: g

    with pytest.raises(ArgumentError, match="1 cotangents for 2 arguments"):
        wrong(*setup()).sum().backward()


def test_checkpoint_calls_the_hook_of_a_captured_leaf_once():
    x, w = setup()
    w.register_hook(lambda g: g * 10.0)
    rp.checkpoint(lambda v: (v * w).sum(), x).backward()
    assert w.grad.tolist() == [5.0, 15.0]


def test_checkpoint_of_bfloat16_has_gradients():
    x = rp.ones(2, dtype=rp.bfloat16, requires_grad=True)
    rp.checkpoint(lambda v: (v * v).sum(), x).backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_checkpoint_passes_on_outputs_that_are_no_tensors():
    x, _ = setup()
    y, nothing, (name, count) = rp.checkpoint(lambda v: (v * v, None, ("a", 3)), x)
    assert (nothing, name, count) == (None, "a", 3)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 3.0]


def test_checkpoint_of_a_function_without_gradient_sends_none():
    x, _ = setup()
    (rp.checkpoint(lambda v: v.detach(), x) + x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_custom_gradient_with_several_outputs():
    @rp.custom_gradient
    def twice_and_thrice(v):
        return (v * 2.0, v * 3.0), lambda g: g[0] * 10.0 + g[1]

    x, _ = setup()
    a, b = twice_and_thrice(x)
    assert (a.tolist(), b.tolist()) == ([1.0, 3.0], [1.5, 4.5])
    (a + b).sum().backward()
    assert x.grad.tolist() == [11.0, 11.0]


def test_custom_gradient_checks_its_cotangents():
    def run(answer):
        x, _ = setup()
        rp.custom_gradient(lambda v, n: (v * n, lambda g: answer))(x, 3).sum().backward()
        return x.grad.tolist()

    assert run([np.ones(2), None]) == [1.0, 1.0]
    with pytest.raises(ShapeError, match=r"cotangent has shape \(3,\)"):
        run((rp.ones(3), None))
