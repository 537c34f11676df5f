"""Sums, means and variances, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import DTypeError

X = np.random.default_rng(0).normal(size=(3, 4, 5))
AXES = [None, 0, -1, (0, 2)]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std"])
def test_as_numpy(name, axis):
    for keepdims in (False, True):
        ours = getattr(rp, name)(rp.asarray(X), axis=axis, keepdims=keepdims).numpy()
        reference = getattr(np, name)(X, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(ours, reference, rtol=1e-12)
        method = getattr(rp.asarray(X), name)(axis, keepdims=keepdims).numpy()
        np.testing.assert_array_equal(method, ours)


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_gradients(name):
    assert rp.gradcheck(lambda x: getattr(rp, name)(x, axis=1), [X])


def test_correction():
    np.testing.assert_allclose(
        rp.var(rp.asarray(X), axis=0, correction=1).numpy(), X.var(axis=0, ddof=1)
    )
    assert np.isnan(rp.var(rp.ones(1), correction=1).item())


def test_means_of_nothing_are_nan():
    assert np.isnan(rp.mean(rp.zeros(0)).item())
    assert rp.sum(rp.zeros(0)).item() == 0
    assert rp.prod(rp.zeros(0)).item() == 1


def test_variance_of_badly_scaled_data():
    x = rp.asarray(np.float32([1e4, 1e4 + 1, 1e4 + 2]))
    assert rp.var(x).item() == pytest.approx(2 / 3, rel=1e-6)


def test_dtypes():
    x = rp.asarray([1, 2], dtype=rp.int8)
    assert rp.sum(x).dtype == rp.int64
    assert rp.sum(x, dtype=rp.float32).dtype == rp.float32
    assert rp.prod(rp.asarray([1], dtype=rp.uint8)).dtype == rp.uint64
    with pytest.raises(DTypeError, match="astype"):
        rp.mean(x)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_running(name):
    reference = {"cumulative_sum": np.cumsum, "cumulative_prod": np.cumprod}[name]
    function = getattr(rp, name)
    np.testing.assert_allclose(function(rp.asarray(X), axis=1).numpy(), reference(X, axis=1))
    first = function(rp.asarray([2.0, 3.0]), include_initial=True).tolist()
    assert first == ([0.0, 2.0, 5.0] if name == "cumulative_sum" else [1.0, 2.0, 6.0])
    with pytest.raises(DTypeError, match="axis"):
        function(rp.asarray(X))


def test_diff():
    np.testing.assert_allclose(rp.diff(rp.asarray(X), axis=1, n=2).numpy(), np.diff(X, 2, axis=1))
    x = rp.asarray([1, 4, 9])
    assert rp.diff(x, prepend=rp.asarray([0]), append=rp.asarray([9])).tolist() == [1, 3, 5, 0]


def test_clip():
    x = rp.tensor([-2.0, 0.0, 0.5, 1.0, 3.0], requires_grad=True)
    y = rp.clip(x, 0, 1)
    assert y.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert rp.clip(rp.asarray([1, 5]), max=3).tolist() == [1, 3]
    assert rp.clip(rp.asarray([1.0, 5.0]), rp.asarray([2.0, 2.0])).tolist() == [2.0, 5.0]
    assert np.isnan(rp.clip(rp.asarray([float("nan")]), 0, 1).item())
