"""Resampling: exactness on what each mode keeps, gradients, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F


def test_nearest_reads_elements() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    up = F.interpolate(rp.asarray(x), scale_factor=3).numpy()
    np.testing.assert_array_equal(up, x.repeat(3, axis=2))
    np.testing.assert_array_equal(F.interpolate(rp.asarray(x), 2).numpy(), x[..., ::2])
    odd = F.interpolate(rp.asarray(x), 6).numpy()
    np.testing.assert_array_equal(odd, x[..., [0, 0, 1, 2, 2, 3]])
    exact = F.interpolate(rp.asarray(x), 2, mode="nearest-exact").numpy()
    np.testing.assert_array_equal(exact, x[..., 1::2])


@pytest.mark.parametrize("size", [2, 5, 9])
def test_linear_is_interpolation(size: int) -> None:
    x = np.random.default_rng(0).normal(size=(1, 1, 5))
    y = F.interpolate(rp.asarray(x), size, mode="linear", align_corners=True).numpy()
    expected = np.interp(np.linspace(0, 4, size), np.arange(5), x[0, 0])
    np.testing.assert_allclose(y[0, 0], expected, atol=1e-12)
    y = F.interpolate(rp.asarray(x), size, mode="linear").numpy()
    places = (np.arange(size) + 0.5) * 5 / size - 0.5
    np.testing.assert_allclose(y[0, 0], np.interp(places, np.arange(5), x[0, 0]), atol=1e-12)


def test_cubic_passes_through_the_elements() -> None:
    x = np.random.default_rng(0).normal(size=(1, 1, 4, 5))
    y = F.interpolate(rp.asarray(x), (7, 9), mode="bicubic", align_corners=True).numpy()
    np.testing.assert_allclose(y[..., ::2, ::2], x, atol=1e-12)


def test_area_is_adaptive_pooling() -> None:
    x = rp.random.normal((1, 2, 6, 7))
    y = F.interpolate(x, (3, 2), mode="area")
    np.testing.assert_array_equal(y.numpy(), F.adaptive_avg_pool2d(x, (3, 2)).numpy())


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize("size", [(6, 8), (5, 3)])
def test_gradients(mode: str, size: tuple[int, int]) -> None:
    x = rp.tensor(np.random.default_rng(0).normal(size=(1, 2, 3, 4)), requires_grad=True)
    assert rp.gradcheck(lambda a: F.interpolate(a, size, mode=mode), [x])


def test_factors_round_down_and_may_be_recomputed() -> None:
    x = rp.random.normal((1, 1, 5))
    y = F.interpolate(x, scale_factor=1.7, mode="linear")
    assert y.shape == (1, 1, 8)
    again = F.interpolate(x, scale_factor=1.7, mode="linear", recompute_scale_factor=True)
    np.testing.assert_allclose(again.numpy(), F.interpolate(x, 8, mode="linear").numpy())
    assert not np.allclose(y.numpy(), again.numpy())


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda x: F.interpolate(x, 3, mode="cubic"), ArgumentError, "did you mean 'bicubic'"),
        (lambda x: F.interpolate(x, 3, mode="bilinear"), ShapeError, "does not take an input"),
        (lambda x: F.interpolate(x), ArgumentError, "either size or scale_factor"),
        (lambda x: F.interpolate(x, 3, 2.0), ArgumentError, "either size or scale_factor"),
        (lambda x: F.interpolate(x, (3, 3)), ArgumentError, "for 1 spatial axes"),
        (lambda x: F.interpolate(x, 0), ArgumentError, "cannot become"),
        (lambda x: F.interpolate(x, 3, align_corners=False), ArgumentError, "has no meaning"),
        (lambda x: F.interpolate(x[0], 3), ShapeError, "does not take an input"),
    ],
)
def test_misuse(use: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        use(rp.ones((1, 1, 4)))
