"""sin and cos close to multiples of pi/2, far out, and where the C library takes over."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from tests.backends.llvm.vectors import TARGETS, apply, called, near, truth, units

EXACT = {"sin": mpmath.sin, "cos": mpmath.cos}


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_close_to_multiples_of_a_right_angle(name, dtype, target):
    """There nearly all digits cancel: the more, the larger x."""
    steps = np.concatenate([np.arange(1, 200), np.geomspace(200, 2**20 / 1.6, 400).astype(int)])
    x = near((steps * (np.pi / 2)).tolist(), dtype, 1)
    off = units(apply(called(name), x, target=target), truth(EXACT[name], x))
    assert off.max() <= (2 if dtype == np.float32 else 1)


def test_the_double_that_is_closest_of_all_to_a_multiple():
    """Kahan's and its like: found by continued fractions, |x| < 2^20."""
    with mpmath.workdps(60):
        worst, angle = [], mpmath.pi / 2
        for exponent in range(20):
            candidates = [float(k * angle) for k in range(2**exponent, 2**exponent + 300)]
            worst.append(min(candidates, key=lambda x: abs(x - mpmath.nint(x / angle) * angle)))
    x = np.array([one for one in worst if one < 2**20])
    for name, function in EXACT.items():
        assert units(apply(called(name), x), truth(function, x)).max() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_lanes_beyond_are_the_librarys_among_others_that_are_not(name, dtype):
    x = np.array([0.5, 1e6, 2.0**20, 1e7, -1e22, 3.0, 1e30, -0.1] * 3, dtype)
    y = apply(called(name), x)
    assert units(y, truth(EXACT[name], x)).max() <= 2
    endless = apply(called(name), np.array([np.inf, 1.0, -np.inf, np.nan], dtype))
    np.testing.assert_array_equal(np.isnan(endless), [True, False, True, True])


def test_what_is_small_is_its_own_sine():
    x = np.array([0.0, -0.0, 1e-40, -1e-40, 1e-20, -1e-8], np.float32)
    assert apply(called("sin"), x).tobytes() == x.tobytes()
    np.testing.assert_array_equal(apply(called("cos"), x), 1)
