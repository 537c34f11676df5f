"""Functions behind a dot are the functions."""

from __future__ import annotations

import retroprop as rp


def test_methods_are_the_functions():
    x = rp.asarray([[1.0, 2.0], [3.0, 4.0]])
    assert x.sum(0).tolist() == rp.sum(x, axis=0).tolist()
    assert x.mean(axis=1, keepdims=True).shape == (2, 1)
    assert x.flatten().shape == (4,)
    assert x.clip(2, 3).tolist() == [[2.0, 2.0], [3.0, 3.0]]
    assert x.swapaxes(0, 1).tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert rp.Tensor.sum.__doc__ == rp.sum.__doc__


def test_sizes_and_axes_go_one_by_one_or_together():
    x = rp.zeros((2, 3, 4))
    assert x.reshape(6, -1).shape == x.reshape((6, -1)).shape == x.reshape([6, 4]).shape == (6, 4)
    assert x.reshape(shape=(6, 4)).shape == (6, 4)
    assert x.permute_dims(2, 0, 1).shape == x.permute_dims((2, 0, 1)).shape == (4, 2, 3)
    assert rp.asarray([7.0]).reshape(()).shape == ()
