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
