"""Gather and scatter: repeated positions, types, errors; the rest is in test_conformance.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop import ops
from retroprop.errors import DTypeError, IndexRangeError

INDEX_TYPES = [rp.int8, rp.int16, rp.int32, rp.int64, rp.uint8, rp.uint32, rp.uint64]


@pytest.mark.parametrize("dtype", INDEX_TYPES)
def test_indices_of_every_integer_type(dtype):
    x = rp.tensor(np.arange(12.0).reshape(4, 3), requires_grad=True)
    i = rp.asarray(np.array([3, 0, 3], dtype))
    y = ops.take(x, i, axis=0)
    assert y.tolist() == [[9, 10, 11], [0, 1, 2], [9, 10, 11]]
    y.sum().backward()
    assert x.grad.tolist() == [[1] * 3, [0] * 3, [0] * 3, [2] * 3]


@given(st.lists(st.integers(-7, 6), max_size=30), st.integers(0, 2))
def test_take_add_counts_every_position(indices, width):
    g = np.random.default_rng(0).normal(size=(len(indices), width)).astype(np.float32)
    found = ops.take_add(rp.asarray(g), rp.asarray(np.array(indices, np.int64)), axis=0, length=7)
    expected = np.zeros((7, width), np.float32)
    for index, row in zip(indices, g, strict=True):
        expected[index] += row
    np.testing.assert_array_equal(found.numpy(), expected)  # the very bits: added in order


def test_embedding_gradient_in_half_precision_accumulates_in_float32():
    table = rp.tensor(np.zeros((2, 1), np.float16), requires_grad=True)
    rows = ops.take(table, rp.asarray(np.zeros(4096, np.int64)), axis=0)
    rows.backward(np.full((4096, 1), 0.1, np.float16))
    assert table.grad.dtype == rp.float16
    assert table.grad[0, 0].item() == pytest.approx(409.6, rel=1e-3)


@pytest.mark.parametrize("index", [4, -5])
def test_out_of_range_names_axis_and_index(index):
    x = rp.asarray(np.zeros((2, 4)))
    message = f"index {index} is out of range for axis 1 of 4 elements"
    with pytest.raises(IndexRangeError, match=f"take: {message}"):
        ops.take(x, rp.asarray([0, index]), axis=1)
    with pytest.raises(IndexRangeError, match=f"take_along_axis: {message}"):
        ops.take_along_axis(x, rp.asarray([[0], [index]]), axis=1)
    with pytest.raises(IndexRangeError, match=f"put: {message}"):
        ops.put(x, rp.asarray([0, index]), 1.0, axis=1)


def test_taking_from_nothing():
    empty = rp.asarray(np.zeros((0, 3)))
    assert ops.take(empty, rp.asarray(np.zeros(0, np.int64)), axis=0).shape == (0, 3)
    with pytest.raises(IndexRangeError, match="take: index 0 is out of range for axis 0 of 0"):
        ops.take(empty, rp.asarray([0]), axis=0)
    with pytest.raises(IndexRangeError, match="take: index 3"):
        ops.take(empty, rp.asarray([3]), axis=1)


def test_float_indices_are_refused():
    with pytest.raises(DTypeError, match=r"take: indices must be .*integer"):
        ops.take(rp.asarray([1.0]), rp.asarray([0.0]), axis=0)


def test_take_needs_no_axis_on_a_vector():
    assert rp.take(rp.asarray([1, 2, 3]), rp.asarray([2, -3])).tolist() == [3, 1]


def test_indices_of_any_shape():
    x = rp.asarray(np.arange(24).reshape(2, 3, 4))
    i = np.array([[2, 0], [1, 1], [0, 2]])
    found = ops.take(x, rp.asarray(i), axis=1)
    np.testing.assert_array_equal(found.numpy(), np.take(x.numpy(), i, axis=1))
    assert found.shape == (2, 3, 2, 4)


def test_the_last_of_several_writes_stays_and_gets_the_gradient():
    x = rp.tensor(np.zeros(3), requires_grad=True)
    z = rp.tensor(np.array([1.0, 2.0, 3.0, 4.0]), requires_grad=True)
    y = ops.put(x, rp.asarray([0, 2, 0, -1]), z, axis=0)
    assert y.tolist() == [3, 0, 4]
    y.backward(np.array([10.0, 20.0, 30.0]))
    assert x.grad.tolist() == [0, 20, 0]
    assert z.grad.tolist() == [0, 0, 10, 30]


def test_scatter_leaves_its_operand_alone():
    x = rp.asarray(np.zeros(3))
    ops.put(x, rp.asarray([0]), 5.0, axis=0)
    ops.set_slice(x, 5.0, key=(slice(0, 2),))
    assert x.tolist() == [0, 0, 0]


def test_take_along_axis_broadcasts_and_so_does_its_gradient():
    x = rp.tensor(np.array([[1.0, 2.0, 3.0]]), requires_grad=True)
    y = ops.take_along_axis(x, rp.asarray([[0, 2], [2, 2]]), axis=1)
    assert y.tolist() == [[1, 3], [3, 3]]
    y.sum().backward()
    assert x.grad.tolist() == [[1, 0, 3]]


@given(st.data())
def test_flat_index_is_ravel_multi_index(data):
    sizes = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    rows = [data.draw(st.lists(st.integers(0, n - 1), min_size=3, max_size=3)) for n in sizes]
    found = ops.flat_index(*[rp.asarray(row) for row in rows], sizes=sizes)
    assert found.tolist() == np.ravel_multi_index(rows, sizes).tolist()
    mirrored = [rp.asarray(np.array(row) - n) for row, n in zip(rows, sizes, strict=True)]
    assert ops.flat_index(*mirrored, sizes=sizes).tolist() == found.tolist()
