"""Running sums and products: zeros, types and lengths; the rest is in test_conformance.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop import ops


def product_gradient(x, g):
    """The derivative of sum(g * cumprod(x)), term by term."""
    slope = np.zeros(len(x))
    for i in range(len(x)):
        for k in range(i + 1):
            slope[k] += g[i] * np.prod(np.delete(x[: i + 1], k))
    return slope


@given(st.lists(st.sampled_from([0.0, 0.5, -1.0, 2.0, 3.0]), min_size=1, max_size=9))
def test_product_gradient_is_exact_with_any_zeros(numbers):
    x = rp.tensor(numbers, dtype=rp.float64, requires_grad=True)
    g = np.arange(1.0, len(numbers) + 1)
    ops.cumulative_prod(x, axis=0).backward(g)
    np.testing.assert_allclose(x.grad.numpy(), product_gradient(np.array(numbers), g), atol=1e-12)


@given(st.lists(st.integers(-5, 5), max_size=20))
def test_integers_are_those_of_numpy(numbers):
    x = rp.asarray(np.array(numbers, np.int64))
    assert ops.cumulative_sum(x, axis=0).tolist() == np.cumsum(numbers).tolist()
    assert ops.cumulative_prod(x, axis=0).tolist() == np.cumprod(np.array(numbers, int)).tolist()


@pytest.mark.parametrize(
    ("dtype", "wide"), [("int8", "int64"), ("uint8", "uint64"), ("bool", "int64")]
)
def test_small_integers_do_not_overflow(dtype, wide):
    x = rp.asarray(np.ones(300, dtype))
    y = ops.cumulative_sum(x, axis=0)
    assert y.dtype == np.dtype(wide)
    assert y[-1].item() == 300


def test_half_precision_accumulates_in_float32():
    x = rp.asarray(np.full(5000, 0.1, np.float16))
    y = ops.cumulative_sum(x, axis=0)
    assert y.dtype == rp.float16
    assert y[-1].item() == pytest.approx(500, rel=1e-3)  # a float16 sum stops at 256


def test_gradient_of_a_long_product():
    rng = np.random.default_rng(0)
    numbers = rng.uniform(0.9, 1.1, (3, 200))
    x = rp.tensor(numbers, requires_grad=True)
    ops.cumulative_prod(x, axis=1).sum().backward()
    y = np.cumprod(numbers, axis=1)
    expected = np.cumsum(y[:, ::-1], axis=1)[:, ::-1] / numbers
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)
