"""The error function: odd, within -1 and 1, and one curve where its two formulas meet."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from tests.backends.llvm.vectors import TARGETS, apply, called, near, truth, units


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_the_formulas_meet(dtype, target):
    x = near([0.99, 1.0, 1.01, 1.0625, 3.9, 4.0, 5.9, 5.95], dtype)
    y = apply(called("erf"), x, target=target)
    assert units(y, truth(mpmath.erf, x)).max() <= 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_odd_and_bounded(dtype):
    x = np.linspace(0, 30, 10_001).astype(dtype)
    y, mirrored = apply(called("erf"), x), apply(called("erf"), -x)
    assert (-mirrored).tobytes() == y.tobytes()
    assert y.max() == 1
    assert np.all(y[x >= 6] == 1)
    ends = apply(called("erf"), np.array([np.inf, -np.inf, np.nan, -0.0], dtype))
    np.testing.assert_array_equal(ends, [1, -1, np.nan, 0])
    assert np.signbit(ends[3])
