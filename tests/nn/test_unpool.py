"""Layers that put maxima back."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import IndexRangeError, ShapeError


@pytest.mark.parametrize("count", [1, 2, 3])
def test_maxima_go_back(count: int) -> None:
    shape = (2, 3, *(4,) * count)
    x = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) + 1.0
    pool: nn.Module = getattr(nn, f"MaxPool{count}d")(2, return_indices=True)
    y = getattr(nn, f"MaxUnpool{count}d")(2)(*pool(rp.asarray(x))).numpy()
    kept = y != 0
    np.testing.assert_array_equal(y[kept], x[kept])
    assert kept.sum() == 6 * 2**count


def test_output_size_settles_what_is_open() -> None:
    y, index = nn.MaxPool1d(2, return_indices=True)(rp.asarray([[[1.0, 2.0, 3.0, 4.0, 0.0]]]))
    assert nn.MaxUnpool1d(2)(y, index).shape == (1, 1, 4)
    assert nn.MaxUnpool1d(2)(y, index, output_size=(5,)).tolist() == [[[0.0, 2.0, 0.0, 4.0, 0.0]]]


def test_misfits() -> None:
    y, index = rp.ones((1, 1, 2)), rp.asarray([[[0, 9]]])
    with pytest.raises(IndexRangeError, match=r"index 9 is outside an output of \(4,\)"):
        nn.MaxUnpool1d(2)(y, index)
    with pytest.raises(ShapeError, match="differ"):
        nn.MaxUnpool1d(2)(y, rp.asarray([[[0]]]))
