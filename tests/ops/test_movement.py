"""Shapes, axes and types: what is special to each; the rest is in test_conformance.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import retroprop as rp
from retroprop import ops
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError


def counting(shape):
    return np.arange(float(np.prod(shape))).reshape(shape)


@given(st.data())
def test_permutation_and_its_gradient_are_inverse(data):
    shape = data.draw(arrays.array_shapes(max_dims=4, max_side=3))
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    x = rp.tensor(counting(shape), requires_grad=True)
    y = rp.permute_dims(x, axes)
    np.testing.assert_array_equal(y.numpy(), np.transpose(counting(shape), axes))
    y.backward(y.detach())
    np.testing.assert_array_equal(x.grad.numpy(), counting(shape))


@given(arrays.array_shapes(max_dims=4, max_side=4), st.data())
def test_slices_and_their_adjoint_are_those_of_numpy(shape, data):
    key = data.draw(arrays.basic_indices(shape, allow_ellipsis=False, allow_newaxis=True))
    key = key if isinstance(key, tuple) else (key,)
    x = rp.tensor(counting(shape), requires_grad=True)
    y = ops.take_slice(x, key=key)
    np.testing.assert_array_equal(y.numpy(), counting(shape)[key])
    y.backward(np.ones(y.shape))
    expected = np.zeros(shape)
    expected[key] = 1
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_slices_out_of_range():
    x = rp.asarray(counting((2, 3)))
    with pytest.raises(IndexRangeError, match="index: 3 is out of range for axis 1 of 3 elements"):
        ops.take_slice(x, key=(0, 3))
    with pytest.raises(IndexRangeError, match="more parts than the 2 axes"):
        ops.take_slice(x, key=(0, 0, 0))


def test_reshape_works_out_one_size():
    x = rp.asarray(counting((2, 3, 4)))
    assert rp.reshape(x, (4, -1)).shape == (4, 6)
    with pytest.raises(ArgumentError, match="at most one size may be -1"):
        rp.reshape(x, (-1, -1))
    with pytest.raises(ShapeError, match=r"24 elements of \(2, 3, 4\) do not fill \(5, -1\)"):
        rp.reshape(x, (5, -1))


def test_reshape_reads_row_by_row_whatever_the_memory():
    x = np.asfortranarray(counting((2, 3)))
    assert rp.reshape(rp.asarray(x), (6,)).tolist() == [0, 1, 2, 3, 4, 5]


def test_cast_truncates_and_passes_gradients_between_floats():
    assert rp.astype(rp.asarray([1.9, -1.9]), rp.int32).tolist() == [1, -1]
    x = rp.tensor([1.0], dtype=rp.float32, requires_grad=True)
    y = rp.astype(x, rp.float64)
    (y * y).backward()
    assert x.grad.tolist() == [2.0]
    assert x.grad.dtype == rp.float32


def test_cast_to_integers_ends_the_gradient():
    x = rp.tensor([1.5], requires_grad=True)
    assert not rp.astype(x, rp.int64).requires_grad


def test_complex_does_not_become_real_in_silence():
    with pytest.raises(DTypeError, match="cast: complex numbers do not fit into float32"):
        rp.astype(rp.asarray([1j]), rp.float32)


def test_concatenate_gives_each_part_its_gradient():
    parts = [rp.tensor(counting((n, 2)), requires_grad=True) for n in (1, 0, 3)]
    y = ops.concatenate(*parts, axis=0)
    y.backward(counting((4, 2)))
    assert parts[0].grad.tolist() == [[0, 1]]
    assert parts[1].grad.shape == (0, 2)
    assert parts[2].grad.tolist() == [[2, 3], [4, 5], [6, 7]]


def test_pad_writes_its_value_in_the_type_of_the_tensor():
    y = ops.pad(rp.asarray([1.0, 2.0]), widths=((2, 1),), value=-1.0)
    assert y.tolist() == [-1, -1, 1, 2, -1]
    assert y.dtype == rp.float32


def test_flip_of_all_axes():
    assert rp.flip(rp.asarray(counting((2, 2)))).tolist() == [[3, 2], [1, 0]]
    assert rp.flip(rp.asarray(counting((2, 2))), axis=-1).tolist() == [[1, 0], [3, 2]]


def test_parts_that_are_not_used_get_a_gradient_of_zero():
    x = rp.tensor(counting((5, 2)), requires_grad=True)
    first, _, last = ops.split(x, sizes=(2, 1, 2), axis=0)
    (first.sum() + 3 * last.sum()).backward()
    assert x.grad.numpy()[:, 0].tolist() == [1, 1, 0, 3, 3]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(-2, 1))
def test_split_is_undone_by_concatenate(sizes, axis):
    shape = [2, 2]
    shape[axis] = sum(sizes)
    x = rp.tensor(counting(tuple(shape)), requires_grad=True)
    parts = ops.split(x, sizes=tuple(sizes), axis=axis)
    assert [part.shape[axis] for part in parts] == sizes
    y = ops.concatenate(*parts, axis=axis)
    np.testing.assert_array_equal(y.numpy(), x.numpy())
    y.backward(y.detach())
    np.testing.assert_array_equal(x.grad.numpy(), x.numpy())
