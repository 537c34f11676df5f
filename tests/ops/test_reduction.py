"""Accumulation, ties, zeros and empty axes; the rest is in test_conformance.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop import ops
from retroprop.errors import ArgumentError, ShapeError
from retroprop.ops.reduction import spread, sum_to

AXES = [None, 0, -1, (0, 2), (2, 0), [1], ()]


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "all", "any"])
def test_axes_are_those_of_numpy(name, axis, keepdims):
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4))
    x = x > 0 if name in {"all", "any"} else x
    found = getattr(rp, name)(rp.asarray(x), axis=axis, keepdims=keepdims)
    axes = tuple(axis) if isinstance(axis, list) else axis
    expected = getattr(np, name)(x, axis=axes, keepdims=keepdims)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)


@given(st.lists(st.sampled_from([0.0, 0.5, -1.0, 2.0, 3.0]), max_size=9))
def test_product_gradient_is_exact_with_any_zeros(numbers):
    x = rp.tensor(np.array(numbers), requires_grad=True)
    ops.prod(x).backward()
    expected = [np.prod(np.delete(numbers, i)) for i in range(len(numbers))]
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-14)


def test_small_integers_do_not_overflow():
    assert rp.sum(rp.asarray(np.full(200, 100, np.int8))).item() == 20_000
    assert rp.sum(rp.asarray(np.full(200, 200, np.uint8))).dtype == rp.uint64
    assert rp.sum(rp.asarray([True, True])).dtype == rp.int64


def test_half_precision_accumulates_in_float32():
    y = rp.sum(rp.asarray(np.full(5000, 0.1, np.float16)))
    assert y.dtype == rp.float16
    assert y.item() == pytest.approx(500, rel=1e-3)


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_share_the_gradient(name):
    x = rp.tensor([[1.0, 1.0], [1.0, 1.0]], requires_grad=True)
    getattr(ops, name)(x, axis=1).sum().backward()
    assert x.grad.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_empty_axes():
    empty = rp.asarray(np.zeros((0, 3), np.float32))
    assert rp.sum(empty).item() == 0
    assert rp.prod(empty, axis=0).tolist() == [1, 1, 1]
    assert rp.all(rp.astype(empty, rp.bool)).item() is True
    assert rp.max(empty, axis=1).shape == (0,)
    with pytest.raises(ShapeError, match=r"max: no elements along axis 0 of shape \(0, 3\)"):
        rp.max(empty, axis=0)


def test_an_axis_named_twice():
    with pytest.raises(ArgumentError, match="names an axis twice"):
        rp.sum(rp.asarray(np.zeros((2, 3))), axis=(0, -2))


def test_sum_keeps_nothing_of_its_operand():
    x = rp.tensor(np.zeros((2, 3)), requires_grad=True)
    assert rp.sum(x).value.node.kept == {}


def test_broadcast_to_repeats_without_copying():
    y = rp.broadcast_to(rp.asarray([1.0, 2.0]), (1000, 2))
    assert y.numpy().strides[0] == 0


def test_sum_to_and_spread_undo_each_other_in_shape():
    g = np.ones((4, 2, 3))
    assert sum_to(g, (2, 1)).tolist() == [[12], [12]]
    assert sum_to(g, (4, 2, 3)) is g
    assert spread(np.ones(2), (4, 2, 3), (0, 2)).shape == (4, 2, 3)
