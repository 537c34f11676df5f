"""Moving elements about, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError

X = np.arange(24.0).reshape(2, 3, 4)


def same(ours: rp.Tensor, reference: np.ndarray) -> None:
    np.testing.assert_array_equal(ours.numpy(), reference)


def test_joining():
    x = rp.asarray(X)
    same(rp.concat([x, x], axis=1), np.concatenate([X, X], axis=1))
    same(rp.concat([x, x], axis=None), np.concatenate([X, X], axis=None))
    same(rp.stack([x, x], axis=-1), np.stack([X, X], axis=-1))
    assert [part.shape for part in rp.unstack(x, axis=1)] == [(2, 4)] * 3
    with pytest.raises(ShapeError, match="differ outside axis 0"):
        rp.concat([x, rp.zeros((2, 3, 5))])
    with pytest.raises(ShapeError, match=r"rp\.concat"):
        rp.stack([x, rp.zeros(2)])
    for function in (rp.concat, rp.stack):
        with pytest.raises(ArgumentError, match="no tensors"):
            function([])


def test_joining_promotes():
    assert rp.concat([rp.asarray([1]), rp.asarray([0.5])]).dtype == rp.float32


def test_axes_of_size_one():
    x = rp.asarray(X)
    same(rp.expand_dims(x, axis=(0, -1)), np.expand_dims(X, (0, -1)))
    same(rp.squeeze(rp.expand_dims(x, axis=1), axis=1), X)
    assert rp.squeeze(rp.zeros((1, 2, 1))).shape == (2,)
    with pytest.raises(ShapeError, match="3 elements, not 1"):
        rp.squeeze(x, axis=1)
    with pytest.raises(IndexRangeError):
        rp.expand_dims(x, axis=5)


@pytest.mark.parametrize(("source", "to"), [(0, 2), (-1, 0), ((0, 1), (2, 0))])
def test_moveaxis(source, to):
    same(rp.moveaxis(rp.asarray(X), source, to), np.moveaxis(X, source, to))


def test_swapaxes_flatten_flip():
    x = rp.asarray(X)
    same(rp.swapaxes(x, 0, -1), np.swapaxes(X, 0, -1))
    same(rp.flatten(x, 1), X.reshape(2, 12))
    same(rp.flip(x, axis=(0, 2)), np.flip(X, (0, 2)))
    assert rp.flatten(rp.asarray(1.0)).shape == (1,)
    with pytest.raises(ArgumentError, match="before"):
        rp.flatten(x, 2, 1)


@pytest.mark.parametrize(("shift", "axis"), [(1, None), (-2, 1), ((1, -1), (0, 2)), (9, 1), (0, 0)])
def test_roll(shift, axis):
    same(rp.roll(rp.asarray(X), shift, axis=axis), np.roll(X, shift, axis))


@pytest.mark.parametrize("times", [(2,), (1, 3, 1), (2, 1, 1, 2), ()])
def test_tile(times):
    same(rp.tile(rp.asarray(X), times), np.tile(X, times))


def test_repeat():
    x = rp.asarray(X)
    same(rp.repeat(x, 2), np.repeat(X, 2))
    same(rp.repeat(x, rp.asarray([1, 0, 2]), axis=1), np.repeat(X, [1, 0, 2], axis=1))
    with pytest.raises(ArgumentError, match="2 counts"):
        rp.repeat(x, rp.asarray([1, 2]), axis=1)


def test_broadcasting():
    a, b = rp.broadcast_arrays(rp.zeros((3, 1)), rp.zeros(4))
    assert a.shape == b.shape == (3, 4)
    assert rp.broadcast_shapes((3, 1), (4,)) == (3, 4)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: rp.roll(x, 2, axis=1),
        lambda x: rp.tile(x, (2, 1)),
        lambda x: rp.repeat(x, 3, axis=0),
        lambda x: rp.stack([x, x * x], axis=1),
        lambda x: rp.moveaxis(x, 0, 1),
    ],
)
def test_gradients(function):
    assert rp.gradcheck(function, [X[0] / 10])
