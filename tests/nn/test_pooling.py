"""Pooling layers: shapes, values, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.MaxPool1d(3, 2), (2, 3, 10), (2, 3, 4)),
        (nn.MaxPool1d(3, 2, ceil_mode=True), (2, 3, 10), (2, 3, 5)),
        (nn.MaxPool2d(2), (2, 3, 7, 6), (2, 3, 3, 3)),
        (nn.MaxPool2d((3, 2), (2, 1), (1, 0)), (3, 7, 6), (3, 4, 5)),
        (nn.MaxPool3d(2), (1, 2, 4, 5, 6), (1, 2, 2, 2, 3)),
        (nn.AvgPool1d(2), (2, 3, 10), (2, 3, 5)),
        (nn.AvgPool2d(3, 1, 1), (2, 3, 7, 6), (2, 3, 7, 6)),
        (nn.AvgPool3d(2), (1, 2, 4, 5, 6), (1, 2, 2, 2, 3)),
        (nn.AdaptiveMaxPool1d(4), (2, 3, 10), (2, 3, 4)),
        (nn.AdaptiveMaxPool2d((None, 3)), (2, 3, 7, 6), (2, 3, 7, 3)),
        (nn.AdaptiveMaxPool3d(1), (1, 2, 4, 5, 6), (1, 2, 1, 1, 1)),
        (nn.AdaptiveAvgPool1d(4), (2, 3, 10), (2, 3, 4)),
        (nn.AdaptiveAvgPool2d(1), (3, 7, 6), (3, 1, 1)),
        (nn.AdaptiveAvgPool3d((2, None, 3)), (1, 2, 4, 5, 6), (1, 2, 2, 5, 3)),
    ],
    ids=repr,
)
def test_shapes(layer: Any, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert layer(rp.random.normal(shape)).shape == expected


def test_values() -> None:
    x = rp.asarray(np.arange(16.0).reshape(1, 1, 4, 4))
    assert nn.MaxPool2d(2)(x).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert nn.AvgPool2d(2)(x).tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    y, index = nn.MaxPool2d(2, return_indices=True)(x)
    assert index.tolist() == [[[[5, 7], [13, 15]]]]
    assert nn.MaxUnpool2d(2)(y, index).sum().item() == y.sum().item()
    padded = nn.AvgPool2d(3, 2, 1, count_include_pad=False)(rp.ones((1, 1, 4, 4)))
    assert padded.tolist() == [[[[1.0, 1.0], [1.0, 1.0]]]]


@pytest.mark.parametrize(
    ("layer", "shape", "error", "match"),
    [
        (nn.MaxPool2d(2), (4, 4), ShapeError, r"expects \(batch, channels, height, width\)"),
        (nn.MaxPool2d(9), (1, 1, 4, 4), ShapeError, "height has 4 elements"),
        (nn.MaxPool2d(2, padding=2), (1, 1, 4, 4), ArgumentError, "padding 2 does not suit"),
        (nn.AvgPool1d(2, 0), (1, 1, 4), ArgumentError, "stride 0"),
        (nn.AvgPool2d((1, 2, 3)), (1, 1, 4, 4), ArgumentError, "kernel_size is"),
        (nn.AvgPool2d(2, divisor_override=0), (1, 1, 4, 4), ArgumentError, "must not be 0"),
        (nn.AdaptiveAvgPool2d((1, 2, 3)), (1, 1, 4, 4), ArgumentError, "for 2 spatial axes"),
        (nn.AdaptiveMaxPool2d(0), (1, 1, 4, 4), ArgumentError, "must be positive"),
    ],
    ids=repr,
)
def test_misuse(layer: Any, shape: tuple[int, ...], error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        layer(rp.ones(shape))
