"""The tails of the activation primitives; the rest is in test_conformance.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops

FAR = [-1e4, -750.0, -90.0, 90.0, 750.0, 1e4]


def value_and_gradient(function, points, dtype=rp.float64):
    x = rp.tensor(points, dtype=dtype, requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        y = function(x)
        y.sum().backward()
    return y.numpy(), x.grad.numpy()


@pytest.mark.parametrize("dtype", [rp.float16, rp.float32, rp.float64])
@pytest.mark.parametrize("name", ["sigmoid", "softplus", "log_sigmoid", "relu"])
def test_tails_are_finite(name, dtype):
    y, g = value_and_gradient(getattr(ops, name), FAR, dtype)
    assert np.isfinite(y).all()
    assert np.isfinite(g).all()
    assert y.dtype == g.dtype == dtype


def test_sigmoid_keeps_its_digits_in_both_tails():
    y, g = value_and_gradient(rp.sigmoid, [-700.0, -30.0, 0.0, 30.0])
    expected = [math.exp(-700), math.exp(-30) / (1 + math.exp(-30)), 0.5, 1 / (1 + math.exp(-30))]
    np.testing.assert_allclose(y, expected, rtol=1e-15)
    np.testing.assert_allclose(g[:3], [math.exp(-700), math.exp(-30), 0.25], rtol=1e-12)


def test_softplus_and_log_sigmoid_are_mirror_images():
    x = np.linspace(-50, 50, 101)
    y, g = value_and_gradient(rp.softplus, x)
    mirrored, slope = value_and_gradient(ops.log_sigmoid, -x)
    np.testing.assert_allclose(y, -mirrored, rtol=1e-15)
    np.testing.assert_allclose(g, slope, rtol=1e-14)
    np.testing.assert_allclose(y, np.logaddexp(0, x), rtol=1e-14)


def test_relu_at_its_corner():
    y, g = value_and_gradient(ops.relu, [0.0, -0.0, 1e-300, -1e-300])
    np.testing.assert_array_equal(y, [0, 0, 1e-300, 0])
    assert g.tolist() == [0, 0, 1, 0]


def test_relu_passes_nan_on():
    assert math.isnan(ops.relu(rp.asarray(float("nan"))).item())


def test_relu_keeps_its_output_only():
    x = rp.tensor([1.0, -1.0], requires_grad=True)
    y = ops.relu(x)
    assert set(y.value.node.kept) == {"y"}


def test_relu_of_integers():
    y = ops.relu(rp.asarray([-1, 2]))
    assert y.tolist() == [0, 2]
    assert y.dtype == rp.int64
