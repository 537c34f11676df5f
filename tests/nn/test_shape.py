"""Layers that rearrange: each against the index arithmetic it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def counting(*shape: int) -> Any:
    return np.arange(float(np.prod(shape))).reshape(shape)


def test_flatten_and_back() -> None:
    x = counting(2, 3, 4, 5)
    flat = nn.Flatten()(rp.asarray(x))
    np.testing.assert_array_equal(flat.numpy(), x.reshape(2, 60))
    np.testing.assert_array_equal(nn.Unflatten(1, (3, -1, 5))(flat).numpy(), x)
    assert nn.Flatten(0, 2)(rp.asarray(x)).shape == (24, 5)
    assert nn.Flatten()(rp.ones((4,))[None]).shape == (1, 4)


def test_pixels_and_channels() -> None:
    x = counting(2, 8, 3, 5)
    y = nn.PixelShuffle(2)(rp.asarray(x)).numpy()
    assert y.shape == (2, 2, 6, 10)
    for c, i, j in [(0, 0, 0), (1, 3, 7), (0, 5, 4)]:
        assert y[1, c, i, j] == x[1, c * 4 + (i % 2) * 2 + j % 2, i // 2, j // 2]
    np.testing.assert_array_equal(nn.PixelUnshuffle(2)(rp.asarray(y)).numpy(), x)
    mixed = nn.ChannelShuffle(4)(rp.asarray(x)).numpy()
    np.testing.assert_array_equal(mixed[:, :4], x[:, [0, 2, 4, 6]])


def test_unfold_and_fold() -> None:
    x = counting(1, 2, 4, 5)
    columns = nn.Unfold((2, 3))(rp.asarray(x)).numpy()
    assert columns.shape == (1, 12, 9)
    np.testing.assert_array_equal(columns[0, :, 4], x[0, :, 1:3, 1:4].reshape(-1))
    counted = nn.Fold((4, 5), (2, 3))(nn.Unfold((2, 3))(rp.ones((1, 2, 4, 5)))).numpy()
    assert counted[0, 0, 0, 0] == 1
    assert counted[0, 1, 1, 2] == 6
    assert nn.Fold(4, 2, stride=2)(rp.ones((12, 4))).shape == (3, 4, 4)


@pytest.mark.parametrize(
    ("layer", "shape", "match"),
    [
        (nn.Unflatten(1, (2, 3)), (2, 7), "7 elements, which do not fill"),
        (nn.PixelShuffle(2), (1, 6, 2, 2), "no multiple of 2²"),
        (nn.PixelUnshuffle(2), (1, 6, 3, 2), "no multiples of 2"),
        (nn.ChannelShuffle(4), (1, 6, 2), "do not split into 4 groups"),
        (nn.Fold(4, 2), (1, 12, 8), r"no \(batch, channels x 4, 9\)"),
        (nn.Unfold(2), (3, 4), "unfold expects"),
        (nn.Flatten(2, 1), (2, 3, 4), "lies before"),
    ],
    ids=repr,
)
def test_misfits(layer: Any, shape: tuple[int, ...], match: str) -> None:
    with pytest.raises((ShapeError, ArgumentError), match=match):
        layer(rp.ones(shape))
