"""How far the vector functions are from the truth, in units in the last place, and at the edges.

The code is called as it is made, without the step around it that flushes denormal numbers.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from retroprop.backends.llvm.math import OWN
from tests.backends.llvm.vectors import (
    TARGETS,
    apply,
    called,
    near,
    truth,
    units,
    without_warnings,
)

# The bounds that the docstring of `backends/llvm/math.py` states: float32 and float64.
BOUNDS = {
    "exp": (1, 1),
    "expm1": (2, 2),
    "log": (1, 1),
    "log1p": (2, 2),
    "sigmoid": (2.5, 2.5),
    "tanh": (5, 3),
    "erf": (2, 2),
    "sin": (2, 1),
    "cos": (2, 1),
    "pow": (1, 1),
}
WITHOUT_FMA = {"tanh": (7, 3)}
UNARY = [name for name in BOUNDS if name != "pow"]


def sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


WIDER = {  # float64 functions for float32 results
    "sigmoid": sigmoid,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    **{name: getattr(np, name) for name in "exp expm1 log log1p tanh sin cos".split()},
}
EXACT = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    # Where mpmath subtracts what is almost equal, or would need an endless exponent.
    "tanh": lambda x: mpmath.tanh(x) if abs(x) < 50 else mpmath.sign(x),
    **{name: getattr(mpmath, name) for name in "exp expm1 log log1p erf sin cos".split()},
}
THRESHOLDS = [
    1e-30, 1e-5, 4e-4, 0.25, 0.5, math.sqrt(0.5), 1.0, 1.25, math.sqrt(2), math.pi / 4,
    math.pi / 2, 2.0, math.pi, 4.0, 5.95, 6.0, 7.905, 9.01, 19.0, 20.0, 87.3, 88.72284, 103.97,
    104.0, 709.78, 745.13, 1e4, 2.0**20,
]  # fmt: skip


def specials(dtype):
    info = np.finfo(dtype)
    values = [0.0, np.inf, np.nan, info.max, info.tiny, info.smallest_subnormal, 3e-320, 1e-40]
    with without_warnings():
        return np.array([*values, *[-value for value in values]], dtype)


def everywhere(dtype, count, seed=0):
    """Numbers of all magnitudes and signs, more of them where functions bend, and the edges."""
    rng, size = np.random.default_rng(seed), np.dtype(dtype).itemsize
    bits = rng.integers(0, 2 ** (8 * size), count, dtype=f"u{size}").view(dtype)
    usual = [rng.uniform(-end, end, count // 4) for end in (1, 20, 110)]
    x = np.concatenate([bits, *[one.astype(dtype) for one in usual]])
    return np.concatenate([x, near(THRESHOLDS, dtype, 20 if size == 4 else 2), specials(dtype)])


def bound(name, target, column):
    fuses = "+fma" in target.features or target.name == "neon"
    return (BOUNDS[name] if fuses else WITHOUT_FMA.get(name, BOUNDS[name]))[column]


def in_domain(name, x):
    """Where mpmath gives a real number that float64 can hold."""
    low = {"log": 0.0, "log1p": -1.0}.get(name, -np.inf)
    x = x[np.isfinite(x) & (x > low)]
    return x[np.abs(x) < 800] if name in ("exp", "expm1", "sigmoid") else x


def test_every_own_function_is_measured():
    assert set(BOUNDS) == set(OWN)


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("name", UNARY)
def test_float32_over_the_whole_range(name, target):
    x = everywhere(np.float32, 200_000)
    with without_warnings():
        exact = WIDER[name](x.astype(np.float64))
    off = units(apply(called(name), x, target=target), exact)
    worst = int(np.argmax(off))
    assert off[worst] <= bound(name, target, 0), (x[worst], off[worst])


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("name", UNARY)
def test_float64_against_forty_digits(name, target):
    x = in_domain(name, everywhere(np.float64, 800))
    off = units(apply(called(name), x, target=target), truth(EXACT[name], x))
    worst = int(np.argmax(off))
    assert off[worst] <= bound(name, target, 1), (x[worst], off[worst])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_edges_and_ends_of_the_domain(name, dtype):
    """Also the sign of zero, and functions outside of their domain."""
    x = np.concatenate([specials(dtype), np.array([-1.0, -2.0, 1e4, -1e4], dtype)])
    with without_warnings():
        expected = WIDER[name](x.astype(np.longdouble if name != "erf" else dtype)).astype(dtype)
    y = apply(called(name), x)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=0, equal_nan=True)
    some = ~np.isnan(y)
    np.testing.assert_array_equal(np.signbit(y)[some], np.signbit(expected)[some])


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDS)
def test_every_lane_gives_what_a_single_element_gives(name, dtype, target):
    operands = [everywhere(dtype, 4000, seed) for seed in range(2 if name == "pow" else 1)]
    single, eight = (apply(called(name), *operands, lanes=n, target=target) for n in (1, 8))
    same = single.view(np.uint8).reshape(single.size, -1) == eight.view(np.uint8).reshape(
        single.size, -1
    )
    assert np.all(same.all(axis=1) | (np.isnan(single) & np.isnan(eight)))


def test_what_is_not_ours_is_the_c_librarys():
    x = np.linspace(-0.9, 0.9, 37).astype(np.float32)
    np.testing.assert_allclose(apply(called("asin"), x), np.arcsin(x), rtol=1e-6)
    both = apply(called("hypot"), x, x[::-1].copy())
    np.testing.assert_allclose(both, np.hypot(x, x[::-1]), rtol=1e-6)


@pytest.mark.parametrize("name", ["exp", "sin", "pow"])
@pytest.mark.parametrize("lanes", [2, 4, 16])
def test_other_numbers_of_lanes(name, lanes):
    x = np.linspace(0.1, 5.0, 48).astype(np.float32)
    operands = [x, x[::-1].copy()][: 2 if name == "pow" else 1]
    expected = apply(called(name), *operands)
    assert apply(called(name), *operands, lanes=lanes).tobytes() == expected.tobytes()
