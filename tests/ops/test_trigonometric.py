"""What is special to trigonometric and hyperbolic functions; the rest is in test_conformance.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

import retroprop as rp

NAMES = {
    "sin": (-7.0, 7.0), "cos": (-7.0, 7.0), "tan": (-1.5, 1.5), "asin": (-1.0, 1.0),
    "acos": (-1.0, 1.0), "atan": (-9.0, 9.0), "sinh": (-9.0, 9.0), "cosh": (-9.0, 9.0),
    "tanh": (-9.0, 9.0), "asinh": (-9.0, 9.0), "acosh": (1.0, 9.0), "atanh": (-0.99, 0.99),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_values(name):
    x = np.linspace(*NAMES[name], 41)
    expected = [getattr(math, name)(v) for v in x.tolist()]
    np.testing.assert_allclose(getattr(rp, name)(rp.asarray(x)).numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_is_a_method_too(name):
    x = rp.asarray([1.0])
    assert getattr(x, name)().tolist() == getattr(rp, name)(x).tolist()


def test_atan2_knows_the_quadrants():
    y, x = [1.0, 1.0, -1.0, -1.0, 0.0, -0.0], [1.0, -1.0, -1.0, 1.0, -1.0, -1.0]
    found = rp.atan2(rp.asarray(np.array(y)), rp.asarray(np.array(x))).numpy()
    np.testing.assert_allclose(found, [math.atan2(a, b) for a, b in zip(y, x, strict=True)])


def test_atan2_gradient_does_not_overflow():
    y = rp.tensor([3e30], requires_grad=True)
    x = rp.tensor([4e30], requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        rp.atan2(y, x).backward()
    np.testing.assert_allclose([y.grad.item(), x.grad.item()], [0.16e-30, -0.12e-30], rtol=1e-5)


def test_gradients_at_the_ends_keep_their_digits():
    """1 - x^2 would lose half of them."""
    near = 1 - 2.0**-40
    x = rp.tensor(near, dtype=rp.float64, requires_grad=True)
    rp.asin(x).backward()
    assert x.grad.item() == pytest.approx(1 / math.sqrt((1 - near) * (1 + near)), rel=1e-15)


def test_asinh_gradient_does_not_overflow():
    x = rp.tensor([1e30], requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        rp.asinh(x).backward()
    assert x.grad.item() == pytest.approx(1e-30)
