"""Powers: all special cases of C, and digits kept where the exponent is large."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from tests.backends.llvm.vectors import TARGETS, apply, called, truth, units, without_warnings

SPECIALS = [
    0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, np.inf, np.nan, 1e-320, 1e-40, 0.999999, 1.0000001,
    2.0**22 + 0.5, 2.0**23 + 1, 2.0**24 - 1, 2.0**24 + 2, 2.0**51 + 0.5, 2.0**52 + 1, 2.0**53 - 1,
    2.0**53 + 2, 1e30, 3e38,
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_cases(dtype, lanes, target):
    sides = np.array([*SPECIALS, *[-value for value in SPECIALS]], dtype)
    x, z = (side.ravel() for side in np.meshgrid(sides, sides))
    with without_warnings():
        expected = np.power(x, z)
    y = apply(called("pow"), x, z, lanes=lanes, target=target)
    np.testing.assert_allclose(y, expected, rtol=3 * np.finfo(dtype).eps, atol=0)
    some = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(y)[some], np.signbit(expected)[some])


def operands(dtype, count):
    """Bases and exponents whose powers a dtype can mostly hold."""
    rng = np.random.default_rng(0)
    largest = float(np.log(np.finfo(dtype).max))
    bases = [
        rng.uniform(0, 10, count), np.exp(rng.uniform(-largest, largest, count)),
        rng.uniform(0.9, 1.1, count), 1 + rng.uniform(-1e-5, 1e-5, count),
    ]  # fmt: skip
    x = np.concatenate(bases)
    z = rng.uniform(-1.05, 1.05, x.size) * largest / np.maximum(np.abs(np.log(x)), 1e-6)
    return x.astype(dtype), z.astype(dtype)


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_float32_powers(target):
    x, z = operands(np.float32, 50_000)
    with without_warnings():
        exact = np.power(x.astype(np.float64), z.astype(np.float64))
    assert units(apply(called("pow"), x, z, target=target), exact).max() <= 1


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_float64_powers(target):
    x, z = operands(np.float64, 500)
    exact = truth(mpmath.power, x, z)
    assert units(apply(called("pow"), x, z, target=target), exact).max() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_powers_of_small_numbers_are_exact(dtype):
    x, z = np.meshgrid(np.arange(-9.0, 10), np.arange(0.0, 7))
    x, z = x.ravel().astype(dtype), z.ravel().astype(dtype)
    np.testing.assert_array_equal(apply(called("pow"), x, z), x**z)
