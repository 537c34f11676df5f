"""Ties, zeros, promotion and broadcasting; the rest is in test_conformance.py."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

import retroprop as rp
from retroprop.errors import DTypeError, NoGradientError, ShapeError

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]


@given(arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
def test_gradients_are_summed_back_over_broadcasting(drawn):
    rng = np.random.default_rng(0)
    points = [rng.uniform(1, 2, shape) for shape in drawn.input_shapes]
    for apply in BINARY:
        x, z = (rp.tensor(point, requires_grad=True) for point in points)
        y = apply(x, z)
        g = rng.uniform(1, 2, y.shape)
        y.backward(g)
        assert (x.grad.shape, z.grad.shape) == drawn.input_shapes
        moved = apply(points[0] + 1e-6, points[1]) - apply(points[0] - 1e-6, points[1])
        assert np.sum(x.grad.numpy()) == pytest.approx(np.sum(g * moved) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("apply", [*BINARY, operator.mod, operator.floordiv, operator.pow])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_python_numbers_keep_the_type_of_the_tensor(apply, dtype):
    x = rp.asarray(np.array([1.0, 2.0], dtype))
    assert apply(x, 2).dtype == np.dtype(dtype)
    assert apply(2.5, x).dtype == np.dtype(dtype)


def test_promotion_between_tensors():
    half, single, double = (rp.asarray([1.0], dtype=d) for d in ("float16", "float32", "float64"))
    whole = rp.asarray([1])
    assert (half + single).dtype == rp.float32
    assert (single + double).dtype == rp.float64
    assert (whole + half).dtype == rp.float16
    assert (whole / whole).dtype == rp.float32
    assert (rp.asarray([True]) + whole).dtype == rp.int64
    with pytest.raises(DTypeError, match="no integer type holds both uint64 and int64"):
        rp.asarray(np.array([1], np.uint64)) + whole


def test_gradients_come_back_in_the_type_of_each_operand():
    x = rp.tensor([1.0], dtype=rp.float32, requires_grad=True)
    z = rp.tensor([2.0], dtype=rp.float64, requires_grad=True)
    (x * z).sum().backward()
    assert (x.grad.dtype, z.grad.dtype) == (rp.float32, rp.float64)


def test_ties_share_the_gradient():
    x = rp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    z = rp.tensor([3.0, 2.0, 1.0], requires_grad=True)
    rp.maximum(x, z).sum().backward()
    assert x.grad.tolist() == [0.0, 0.5, 1.0]
    assert z.grad.tolist() == [1.0, 0.5, 0.0]
    x.grad = None
    rp.minimum(x, z.detach()).sum().backward()
    assert x.grad.tolist() == [1.0, 0.5, 0.0]


def test_derivatives_at_the_kinks():
    x = rp.tensor([0.0, -0.0], requires_grad=True)
    (abs(x) + rp.sign(x)).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_where_does_not_leak_the_other_branch():
    """The gradient of what was not chosen is zero even where it is not finite."""
    x = rp.tensor([0.0, 4.0], requires_grad=True)
    with np.errstate(all="ignore"):
        rp.where(x > 0, x, x * 0).sum().backward()
        assert x.grad.tolist() == [0.0, 1.0]


def test_where_needs_a_condition():
    with pytest.raises(DTypeError, match="where: condition must be bool, it is float32"):
        rp.where(rp.asarray([1.0]), 1.0, 2.0)


def test_integer_division_has_no_gradient():
    x = rp.tensor([5.0], requires_grad=True)
    with pytest.raises(NoGradientError, match=r"floor_divide: no gradient .* piecewise constant"):
        (x // 2).backward()


def test_remainder_has_the_sign_of_the_divisor():
    x = rp.asarray([7.0, -7.0])
    assert (x % 4).tolist() == [3.0, 1.0]
    assert (x % -4).tolist() == [-1.0, -3.0]


def test_misfits_name_the_shapes_and_the_axis():
    message = r"shapes \(2, 3\) and \(2, 4\) do not broadcast: axis -1 has 3 and 4 elements"
    with pytest.raises(ShapeError, match=f"add: {message}"):
        rp.asarray(np.zeros((2, 3))) + rp.asarray(np.zeros((2, 4)))
