"""exp and log at the ends of what numbers can hold, and what is composed of them."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from retroprop.backends.llvm import math_exponential
from tests.backends.llvm.vectors import TARGETS, apply, called, truth, units


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(np.float32, -103.9, 88.7), (np.float64, -745.1, 709.7)]
)
def test_exp_of_what_gives_the_smallest_and_the_largest(dtype, low, high, target):
    """Denormal results too are right to the last place but one."""
    x = np.concatenate([np.linspace(low, 0.8 * low, 400), np.linspace(0.9 * high, high, 400)])
    y = apply(called("exp"), x.astype(dtype), target=target)
    assert units(y, truth(mpmath.exp, x.astype(dtype))).max() <= 1
    ends = apply(called("exp"), np.array([1.2 * low, 1.01 * high, 0, -0.0], dtype))
    np.testing.assert_array_equal(ends, [0, np.inf, 1, 1])


def test_exp_of_a_sum_in_two_parts():
    x = np.linspace(-600.0, 600.0, 801)
    rest = 0.4 * np.spacing(x)
    y = apply(math_exponential.exp, x, rest)
    assert units(y, truth(lambda x, rest: mpmath.exp(x + rest), x, rest)).max() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_of_denormal_numbers(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = (np.array([1, 2, 3, 100, 12345, 2**20 + 1]) * tiny).astype(dtype)
    assert units(apply(called("log"), x), truth(mpmath.log, x)).max() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softplus_keeps_its_digits(dtype):
    """The way the op is lowered."""

    def softplus(b, x):
        small = b.call("exp", b.negative(b.absolute(x)))
        return b.add(b.maximum(x, b.like(0, x)), b.call("log1p", small))

    x = np.linspace(-80, 80, 1001).astype(dtype)
    exact = truth(lambda x: mpmath.log1p(mpmath.exp(x)), x)
    assert units(apply(softplus, x), exact).max() <= 3


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_small_stays_as_it_is(dtype, name):
    tiny = np.finfo(dtype)
    x = np.array([0.0, 1e-20, tiny.tiny, tiny.smallest_subnormal], dtype)
    x = np.concatenate([x, -x])
    assert apply(called(name), x).tobytes() == x.tobytes()
