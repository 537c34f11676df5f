"""Scalars mean what NumPy means, at the edges too."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.backends.llvm.scalar import supports

INTEGERS = [np.int8, np.int32, np.int64, np.uint8, np.uint16, np.uint64]
TARGETS = [None, "sse"]


def both(function, *arrays, target=None):
    tensors = [rp.asarray(array) for array in arrays]
    with np.errstate(all="ignore"):
        expected = function(*tensors).numpy()
    return rp.compile(function, strict=True, target=target)(*tensors).numpy(), expected


def edges(dtype):
    limits = np.iinfo(dtype)
    low = [limits.min, limits.min + 1] if limits.min else []
    values = [*low, 0, 1, 2, 7, limits.max - 1, limits.max] + ([-1, -7] if limits.min else [])
    return np.array(values, dtype)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "maximum", "minimum"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap(dtype, name, target):
    x = edges(dtype)
    actual, expected = both(getattr(ops, name), x[:, None], x[None], target=target)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_division_rounds_down_and_by_zero_is_zero(dtype, name):
    x = edges(dtype)
    actual, expected = both(getattr(ops, name), x[:, None], x[None])
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", ["bitwise_left_shift", "bitwise_right_shift"])
@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint16, np.uint64])
def test_bits_shifted_out_are_gone(dtype, name):
    counts = np.array([0, 1, 7, 8, 15, 31, 63], dtype)
    actual, expected = both(getattr(ops, name), edges(dtype)[:, None], counts[None])
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("to", [rp.int8, rp.int64, rp.uint8, rp.bool, rp.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8, np.bool_])
def test_casts_are_those_of_astype(dtype, to, target):
    x = np.array([0, 1, 3, 100, 7, 0, 1, 2, 5], dtype)
    actual, expected = both(lambda t: rp.astype(t, to), x, target=target)
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype


def test_a_cast_of_what_does_not_fit_is_some_number():
    x = np.array([np.nan, np.inf, -np.inf, 1e30], np.float32)
    assert rp.compile(lambda t: rp.astype(t, rp.int32))(rp.asarray(x)).shape == (4,)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_spreads(dtype, name):
    x = np.array([np.nan, 1.0, -np.inf, 0.0], dtype)
    actual, expected = both(getattr(ops, name), x[:, None], x[None])
    np.testing.assert_array_equal(actual, expected)


def test_types_that_are_computed_with():
    assert supports(np.dtype(np.float32))
    assert supports(np.dtype(np.uint8))
    assert not supports(np.dtype(np.float16))
    assert not supports(np.dtype(np.complex64))
