"""Sliding-window pooling against windows written out."""

from __future__ import annotations

import itertools
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F


def naive(x: Any, window: int, stride: int, padding: int, combine: Any, fill: float) -> Any:
    count = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0)] + [(padding, padding)] * count, constant_values=fill)
    sizes = [(n - window) // stride + 1 for n in x.shape[2:]]
    y = np.zeros((*x.shape[:2], *sizes))
    for at in itertools.product(*map(range, sizes)):
        seen = x[(..., *(slice(i * stride, i * stride + window) for i in at))]
        y[(slice(None), slice(None), *at)] = combine(seen.reshape(*x.shape[:2], -1), axis=2)
    return y


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("how", [(2, 2, 0), (3, 1, 1), (3, 2, 1), (2, 3, 1)])
def test_maxima_and_means(count: int, how: tuple[int, int, int]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, *(7, 6, 5)[:count]))
    largest = getattr(F, f"max_pool{count}d")(rp.asarray(x), *how)
    np.testing.assert_array_equal(largest.numpy(), naive(x, *how, np.max, -np.inf))
    average = getattr(F, f"avg_pool{count}d")(rp.asarray(x), *how)
    np.testing.assert_allclose(average.numpy(), naive(x, *how, np.mean, 0.0), rtol=1e-9)
    inside = getattr(F, f"avg_pool{count}d")(rp.asarray(x), *how, count_include_pad=False)
    expected = naive(np.where(True, x, 0), *how, np.nanmean, np.nan)
    np.testing.assert_allclose(inside.numpy(), expected, rtol=1e-9)


@hypothesis.given(
    n=st.integers(1, 20),
    window=st.integers(1, 6),
    stride=st.integers(1, 7),
    padding=st.integers(0, 3),
    ceil_mode=st.booleans(),
)
def test_each_window_starts_inside_and_ceil_mode_misses_nothing(
    n: int, window: int, stride: int, padding: int, ceil_mode: bool
) -> None:
    hypothesis.assume(2 * padding <= window <= n + 2 * padding)
    x = np.arange(1.0, n + 1)
    how = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    y = F.max_pool1d(rp.asarray(x[None, None]), window, **how).numpy()[0, 0]
    starts = [i * stride - padding for i in range(len(y))]
    assert starts[-1] < n
    assert y.tolist() == [x[max(0, s) : s + window].max() for s in starts]
    follows = starts[-1] + stride
    if ceil_mode:
        assert follows >= n or follows + window - stride >= n + padding
    else:
        assert follows + window > n + padding


def test_ceil_mode_takes_the_rest_but_no_window_outside() -> None:
    x = rp.asarray(np.arange(1.0, 8.0)[None, None])
    assert F.max_pool1d(x, 2, 3).tolist() == [[[2.0, 5.0]]]
    assert F.max_pool1d(x, 2, 3, ceil_mode=True).tolist() == [[[2.0, 5.0, 7.0]]]
    assert F.avg_pool1d(x, 2, 3, ceil_mode=True).tolist() == [[[1.5, 4.5, 7.0]]]
    assert F.max_pool1d(x[..., :6], 2, 3, ceil_mode=True).tolist() == [[[2.0, 5.0]]]


def test_divisors() -> None:
    x = rp.ones((1, 1, 4, 4))
    assert F.avg_pool2d(x, 2, divisor_override=1).tolist() == [[[[4.0, 4.0], [4.0, 4.0]]]]
    corner = F.avg_pool2d(x, 3, 3, 1).numpy()[0, 0, 0, 0]
    np.testing.assert_allclose(corner, 4 / 9, rtol=1e-6)


def test_gradients() -> None:
    x = rp.tensor(
        np.random.default_rng(0).permutation(40).reshape(1, 2, 4, 5) * 1.0, requires_grad=True
    )
    assert rp.gradcheck(lambda a: F.max_pool2d(a, 3, 2, 1), [x])
    assert rp.gradcheck(lambda a: F.avg_pool2d(a, (3, 2), 2, 1, ceil_mode=True), [x])
    assert rp.gradcheck(F.global_avg_pool, [x])
    assert rp.gradcheck(F.global_max_pool, [x])


def test_whole_numbers_have_maxima() -> None:
    y = F.max_pool2d(rp.asarray(np.arange(16).reshape(1, 1, 4, 4)), 2)
    assert y.dtype == rp.int64
    assert y.tolist() == [[[[5, 7], [13, 15]]]]


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda x: F.max_pool2d(x[0, 0], 2), ShapeError, "max_pool2d expects"),
        (lambda x: F.avg_pool2d(x, 2, padding=2), ArgumentError, "padding 2 does not suit"),
        (lambda x: F.max_pool2d(x, 2, 0), ArgumentError, "stride 0"),
        (lambda x: F.global_avg_pool(x[0, 0]), ShapeError, "no spatial axes"),
    ],
)
def test_misuse(use: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        use(rp.ones((1, 1, 4, 4)))
