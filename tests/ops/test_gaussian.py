"""The accuracy of the error functions over their whole range."""

from __future__ import annotations

import math

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops


def points(seed: int, *ranges: tuple[float, float]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = 10.0 ** rng.uniform(-300, 0, 500)
    return np.concatenate([small, -small, *(rng.uniform(low, high, 4000) for low, high in ranges)])


def ulps(actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Error in units in the last place of the expected type."""
    unit = np.spacing(np.abs(expected).astype(actual.dtype)).astype(np.float64)
    return np.abs(actual.astype(np.float64) - expected.astype(np.float64)) / unit


def test_erf_is_within_two_ulp_of_the_standard_library():
    x = points(0, (-7, 7), (-1.1, 1.1), (0.9, 1.1))
    assert ulps(ops.erf(x), np.array([math.erf(v) for v in x])).max() <= 2


def test_erfc_is_within_six_ulp_of_the_standard_library():
    """Which itself is up to 3 away from the truth in the tail, as this one is up to 5."""
    x = points(1, (-7, 7), (0.4, 0.6), (0, 26))
    assert ulps(ops.erfc(x), np.array([math.erfc(v) for v in x])).max() <= 6


@pytest.mark.parametrize(("op", "exact"), [(ops.erf, math.erf), (ops.erfc, math.erfc)])
def test_float32_is_within_three_ulp(op, exact):
    x = points(2, (-6, 6), (-1.1, 1.1)).astype(np.float32)
    x = x[np.abs(x) > 1e-37]
    y = op(x)
    assert y.dtype == np.float32
    assert ulps(y, np.array([exact(v) for v in x.tolist()])).max() <= 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ends(dtype):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 30.0, -30.0], dtype)
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_array_equal(ops.erf(x), [0, 0, 1, -1, np.nan, 1, -1])
        np.testing.assert_array_equal(ops.erfc(x), [1, 1, 0, 2, np.nan, 0, 2])
    assert np.signbit(ops.erf(x)).tolist()[:2] == [False, True]


def test_they_sum_to_one_and_are_odd():
    x = np.linspace(-5, 5, 20_001)  # several blocks
    np.testing.assert_allclose(ops.erf(x) + ops.erfc(x), 1, rtol=1e-15)
    np.testing.assert_array_equal(ops.erf(-x), -ops.erf(x))


def test_the_tail_decays_in_float64():
    tail = rp.erfc(rp.asarray(np.array([5.0, 10.0, 20.0, 26.0, 27.3])))
    expected = [math.erfc(v) for v in (5.0, 10.0, 20.0, 26.0, 27.3)]
    np.testing.assert_allclose(tail.numpy(), expected, rtol=1e-13, atol=1e-322)


def test_gradient_is_the_bell():
    x = rp.tensor([0.0, 1.0, -40.0], requires_grad=True)
    rp.erf(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1.1283792, 0.41510749, 0.0], rtol=1e-6)
