"""Making tensors, against NumPy and the standard."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError


def test_asarray_copies_when_told_and_only_then():
    array = np.ones(2, np.float32)
    assert np.shares_memory(rp.asarray(array).numpy(), array)
    assert not np.shares_memory(rp.asarray(array, copy=True).numpy(), array)
    assert not np.shares_memory(rp.tensor(array).numpy(), array)
    x = rp.asarray(array)
    assert rp.asarray(x) is x
    assert rp.asarray(x, dtype=rp.float64).dtype == rp.float64
    with pytest.raises(ArgumentError, match="needs a copy"):
        rp.asarray([1.0], copy=False)
    with pytest.raises(ArgumentError, match="needs a copy"):
        rp.asarray(x, dtype=rp.float64, copy=False)


@pytest.mark.parametrize("make", [rp.zeros, rp.ones, rp.empty])
def test_filled(make):
    assert make((2, 3)).shape == (2, 3)
    assert make(3, dtype=rp.int32).dtype == rp.int32
    assert make((), requires_grad=True).requires_grad
    assert make((2, 0)).size == 0


def test_full_takes_the_type_of_its_value():
    assert rp.full(2, True).dtype == rp.bool
    assert rp.full(2, 1).dtype == rp.int64
    assert rp.full(2, 1.5).dtype == rp.float32
    assert rp.full(2, 1j).dtype == rp.complex64


@pytest.mark.parametrize("shape", [-1, (2, -3), 1.5, "a"])
def test_what_is_no_shape(shape):
    with pytest.raises(ShapeError, match="not a shape"):
        rp.zeros(shape)


def test_like():
    x = rp.asarray([1, 2])
    assert rp.zeros_like(x).dtype == rp.int64
    assert rp.ones_like(x, dtype=rp.float32).tolist() == [1.0, 1.0]
    assert rp.full_like(x, 7).tolist() == [7, 7]
    assert rp.empty_like(x).shape == (2,)


def test_arange():
    assert rp.arange(3).tolist() == [0, 1, 2]
    assert rp.arange(1, 7, 2).tolist() == [1, 3, 5]
    assert rp.arange(0.0, 1.0, 0.25).dtype == rp.float32
    assert rp.arange(5, 0, -2).tolist() == [5, 3, 1]
    assert rp.arange(3, dtype=rp.float64).dtype == rp.float64
    with pytest.raises(ArgumentError, match="step"):
        rp.arange(0, 1, 0)


def test_linspace():
    np.testing.assert_allclose(rp.linspace(0, 1, 5).numpy(), np.linspace(0, 1, 5))
    assert rp.linspace(0, 1, 4, endpoint=False).tolist() == [0.0, 0.25, 0.5, 0.75]
    assert rp.linspace(0, 1, 0).shape == (0,)
    with pytest.raises(ArgumentError, match="num"):
        rp.linspace(0, 1, -1)


def test_eye_and_triangles():
    np.testing.assert_array_equal(rp.eye(2, 3, k=1).numpy(), np.eye(2, 3, k=1))
    matrix = np.arange(24.0).reshape(2, 3, 4)
    for k in (-1, 0, 2):
        np.testing.assert_array_equal(rp.tril(rp.asarray(matrix), k=k).numpy(), np.tril(matrix, k))
        np.testing.assert_array_equal(rp.triu(rp.asarray(matrix), k=k).numpy(), np.triu(matrix, k))
    with pytest.raises(ShapeError, match="two axes"):
        rp.tril(rp.zeros(3))


def test_triangles_pass_gradients_where_they_keep():
    x = rp.ones((2, 2), requires_grad=True)
    rp.tril(x).sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_meshgrid(indexing):
    arrays = [np.arange(2), np.arange(3), np.arange(4)]
    ours = rp.meshgrid(*map(rp.asarray, arrays), indexing=indexing)
    for mine, reference in zip(ours, np.meshgrid(*arrays, indexing=indexing), strict=True):
        np.testing.assert_array_equal(mine.numpy(), reference)
    with pytest.raises(ArgumentError, match="xy"):
        rp.meshgrid(rp.arange(2), indexing="yx")


def test_other_devices_are_refused():
    with pytest.raises(rp.ArgumentError, match="cuda"):
        rp.zeros(1, device="cuda")
