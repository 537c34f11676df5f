"""Layers that resample."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def test_nearest_repeats() -> None:
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    y = nn.Upsample(scale_factor=(2, 3))(rp.asarray(x)).numpy()
    np.testing.assert_array_equal(y, x.repeat(2, axis=2).repeat(3, axis=3))
    assert nn.UpsamplingNearest2d((4, 3))(rp.asarray(x)).shape == (1, 1, 4, 3)


def test_linear_modes_keep_straight_lines() -> None:
    x = rp.asarray(np.linspace(0.0, 1.0, 5)[None, None])
    y = nn.Upsample(9, mode="linear", align_corners=True)(x).numpy()
    np.testing.assert_allclose(y[0, 0], np.linspace(0.0, 1.0, 9), atol=1e-12)
    plane = rp.asarray(np.add.outer(np.arange(3.0), np.arange(4.0))[None, None])
    up = nn.UpsamplingBilinear2d((5, 7))(plane).numpy()[0, 0]
    np.testing.assert_allclose(up, np.add.outer(np.arange(5) / 2, np.arange(7) / 2), atol=1e-12)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
def test_constants_stay(mode: str) -> None:
    y = nn.Upsample((5, 7), mode=mode)(rp.full((1, 2, 3, 4), 2.0)).numpy()
    np.testing.assert_allclose(y, np.full((1, 2, 5, 7), 2.0), rtol=1e-6)


def test_misuse() -> None:
    x = rp.ones((1, 1, 4))
    with pytest.raises(ArgumentError, match="did you mean 'bilinear'"):
        nn.Upsample(2, mode="bilinaer")
    with pytest.raises(ShapeError, match="mode 'bilinear' does not take"):
        nn.Upsample(2, mode="bilinear")(x)
    with pytest.raises(ArgumentError, match="either size or scale_factor"):
        nn.Upsample()(x)
    with pytest.raises(ArgumentError, match="align_corners has no meaning"):
        nn.Upsample(2, align_corners=True)(x)
    with pytest.raises(ArgumentError, match="cannot become"):
        nn.Upsample(scale_factor=0.1)(x)
    with pytest.raises(ArgumentError, match="for 1 spatial axes"):
        nn.Upsample((2, 3))(x)
