"""The checker finds wrong gradients and passes right ones."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.core.check import GradientMismatchError

X = np.array([0.3, -1.2])


def test_right_gradients_pass():
    assert rp.gradcheck(lambda x, z: x * z * x, [X, X + 1])


def test_a_linear_function_has_a_zero_second_derivative():
    assert rp.gradcheck(lambda x: x * 2.0, [X])


def test_a_wrong_gradient_is_named():
    @rp.custom_gradient
    def square(x):
        return x * x, lambda g: g * 3.0 * x

    with pytest.raises(GradientMismatchError, match=r"gradient with respect to input 0 at \(0,\)"):
        rp.gradcheck(square, [X])


def test_a_wrong_second_derivative_is_named():
    @rp.custom_gradient
    def square(x):
        constant = x.detach()
        return x * x, lambda g: g * 2.0 * constant

    assert rp.gradcheck(square, [X], order=1)
    with pytest.raises(GradientMismatchError, match="second derivative"):
        rp.gradcheck(square, [X])


def test_float32_is_too_coarse():
    with pytest.raises(TypeError, match="float64"):
        rp.gradcheck(lambda x: x * x, [X.astype(np.float32)])
