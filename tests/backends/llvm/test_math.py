"""How far our functions are from the truth, in units in the last place, over their whole range."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import retroprop as rp
from retroprop import ops

RNG = np.random.default_rng(0)
# The bounds that the docstring of `backends/llvm/math.py` states.
BOUNDS = {
    "exp": (2, 2),
    "log": (2, 2),
    "expm1": (2, 2),
    "log1p": (2, 2),
    "tanh": (7, 4),  # 5 with fused multiply-add
    "sigmoid": (3, 3),
}
TRUTH = {
    "exp": np.exp,
    "log": np.log,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
EXACT = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "expm1": mpmath.expm1,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
}
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 88.7, -87.3, 709.7, -708.3, math.sqrt(0.5), 1e-30, 1e30]
SPECIAL = [np.inf, -np.inf, np.nan]


def everywhere(dtype, count):
    """Numbers of all magnitudes: random bits, without those too small to be normal."""
    bits = RNG.integers(0, 1 << 63, count, np.uint64) * 2 + RNG.integers(0, 2, count, np.uint64)
    wide = bits.view(np.float64) if dtype == np.float64 else bits.astype(np.uint32).view(np.float32)
    near = RNG.uniform(-20, 20, count).astype(dtype)
    x = np.concatenate([wide, near, np.array(EDGES, dtype)])
    x = x[np.isfinite(x)]
    return x[(np.abs(x) >= np.finfo(dtype).tiny) | (x == 0)]


def native(name, x, **options):
    return rp.compile(getattr(ops, name), **options)(rp.asarray(x)).numpy()


def units(y, truth, dtype):
    """Distance in units in the last place; what is below the normal numbers may be zero."""
    tiny = float(np.finfo(dtype).tiny)
    with np.errstate(all="ignore"):
        rounded = truth.astype(dtype)
        gap = np.maximum(np.spacing(np.abs(rounded)), np.finfo(dtype).smallest_subnormal)
        off = np.abs(y.astype(np.float64) - truth.astype(np.float64)) / gap
    small = (np.abs(truth) < tiny) & (np.abs(y) <= tiny)
    same = (y == rounded) | (np.isnan(y) & np.isnan(rounded))
    return np.where(same | small, 0.0, off)


@pytest.mark.parametrize("target", [None, "sse"])
@pytest.mark.parametrize("name", BOUNDS)
def test_float32_over_the_whole_range(name, target):
    x = everywhere(np.float32, 50000)
    with np.errstate(all="ignore"):
        truth = TRUTH[name](x.astype(np.float64))
    off = units(native(name, x, target=target), truth, np.float32)
    worst = int(np.argmax(off))
    assert off[worst] <= BOUNDS[name][0], (x[worst], off[worst])


@pytest.mark.parametrize("name", BOUNDS)
def test_float64_against_forty_digits(name):
    x = everywhere(np.float64, 600)
    if name in ("log", "log1p"):
        x = x[x > (0.0 if name == "log" else -1.0)]
    x = x[np.abs(x) < 700] if name != "log" else x
    with mpmath.workdps(40):
        exact = [EXACT[name](mpmath.mpf(float(one))) for one in x]
        y = native(name, x)
        gaps = np.maximum(np.spacing(np.abs(y)), np.finfo(np.float64).tiny * 2.0**-52)
        off = [
            float(abs(mpmath.mpf(float(a)) - e) / mpmath.mpf(float(gap)))
            for a, e, gap in zip(y, exact, gaps, strict=True)
        ]
    normal = np.array([abs(e) >= 2.3e-308 for e in map(float, exact)])
    off = np.where(normal, off, 0.0)
    worst = int(np.argmax(off))
    assert off[worst] <= BOUNDS[name][1], (x[worst], off[worst])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDS)
def test_infinities_nan_and_ends_of_the_domain(name, dtype):
    x = np.array([*SPECIAL, 0.0, -0.0, -1.0, -2.0, 1e4, -1e4], dtype)
    with np.errstate(all="ignore"):
        expected = getattr(ops, name).reference(x)
    np.testing.assert_allclose(native(name, x), expected, rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", BOUNDS)
def test_every_lane_gives_what_a_single_element_gives(name):
    x = RNG.uniform(0.1, 5.0, 37).astype(np.float32)
    whole = native(name, x)
    singles = np.concatenate([native(name, x[i : i + 1]) for i in (0, 7, 8, 36)])
    assert whole[[0, 7, 8, 36]].tobytes() == singles.tobytes()
