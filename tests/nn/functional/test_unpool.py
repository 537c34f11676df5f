"""Maxima put back."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import IndexRangeError
from retroprop.nn import functional as F


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("how", [(2, None, 0), (3, 3, 1)])
def test_each_maximum_lands_where_it_was(count: int, how: tuple[int, int | None, int]) -> None:
    shape = (2, 3, *(4,) * count)
    x = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) + 1.0
    y, index = getattr(F, f"max_pool{count}d")(rp.asarray(x), *how, return_indices=True)
    back = getattr(F, f"max_unpool{count}d")(y, index, *how, output_size=shape).numpy()
    assert back.shape == shape
    np.testing.assert_array_equal(np.sort(back[back != 0]), np.sort(y.numpy().reshape(-1)))
    np.testing.assert_array_equal(x[back != 0], back[back != 0])


def test_gradients() -> None:
    index = rp.asarray([[[1, 2]]])
    x = rp.tensor([[[3.0, 4.0]]], dtype="float64", requires_grad=True)
    assert rp.gradcheck(lambda a: F.max_unpool1d(a, index, 2), [x])


def test_indices_outside() -> None:
    with pytest.raises(IndexRangeError, match="index 4 is outside"):
        F.max_unpool1d(rp.ones((1, 1, 1)), rp.asarray([[[4]]]), 2)
