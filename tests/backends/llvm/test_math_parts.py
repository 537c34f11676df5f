"""Polynomials, bounds, powers of two, and lanes that need something else."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.backends.llvm.math_parts import (
    FORMATS,
    clamp,
    in_each_lane,
    polynomial,
    power_of_two,
    rarely,
)
from tests.backends.llvm.vectors import TARGETS, apply

X = np.array([-3.0, -0.5, 0.0, 0.25, 2.0, 7.0, np.inf, -np.inf, np.nan, 1.0, -2.0], np.float32)


def test_a_polynomial_begins_with_the_highest_power():
    y = apply(lambda b, x: polynomial(b, x, (2.0, -1.0, 3.0)), X[:6])
    np.testing.assert_array_equal(y, 2 * X[:6] ** 2 - X[:6] + 3)


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("lanes", [1, 8])
def test_bounds_let_nan_through(lanes, target):
    y = apply(lambda b, x: clamp(b, x, -1.5, 2.5), X, lanes=lanes, target=target)
    np.testing.assert_array_equal(y, np.clip(X, -1.5, 2.5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_of_two_over_all_exponents(dtype):
    bias = FORMATS[np.dtype(dtype)].bias
    n = np.arange(1 - bias, bias + 1).astype(f"i{np.dtype(dtype).itemsize}")
    np.testing.assert_array_equal(apply(power_of_two, n), np.ldexp(dtype(1), n.astype(int)))


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_the_remedy_is_for_the_lanes_that_need_it(lanes, target):
    def doubled_or_root(b, x):
        needy = b.greater(x, b.like(5, x))
        return rarely(b, needy, b.add(x, x), x, lambda b, x: in_each_lane(b, "sqrt", [x]))

    x = np.array([*range(5), 9, 1, 2, *[1] * 8, *[100] * 8, np.nan], np.float64)
    expected = np.where(x > 5, np.sqrt(x), x + x)
    y = apply(doubled_or_root, x, lanes=lanes, target=target)
    np.testing.assert_array_equal(y, expected)
