"""Pooling to a given size against its definition."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.nn import functional as F


@pytest.mark.parametrize("n", [1, 4, 6, 7])
@pytest.mark.parametrize("m", [1, 2, 3, 4, 6, 9])
def test_windows_cover_the_input_evenly(n: int, m: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, n))
    spans = [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
    means = np.stack([x[..., a:b].mean(-1) for a, b in spans], axis=-1)
    largest = np.stack([x[..., a:b].max(-1) for a, b in spans], axis=-1)
    np.testing.assert_allclose(F.adaptive_avg_pool1d(rp.asarray(x), m).numpy(), means, rtol=1e-9)
    np.testing.assert_array_equal(F.adaptive_max_pool1d(rp.asarray(x), m).numpy(), largest)


def test_axes_are_pooled_apart() -> None:
    x = np.random.default_rng(0).normal(size=(1, 2, 4, 5, 6))
    y = F.adaptive_avg_pool3d(rp.asarray(x), (2, None, 1)).numpy()
    expected = x.reshape(1, 2, 2, 2, 5, 6).mean((3, 5))[..., None]
    np.testing.assert_allclose(y, expected)
    values, index = F.adaptive_max_pool3d(rp.asarray(x), 1, return_indices=True)
    assert x[0, 1].reshape(-1)[index.numpy()[0, 1].item()] == values.numpy()[0, 1].item()


@pytest.mark.parametrize("output", [1, 2, 3, (3, 5)])
def test_gradients(output: object) -> None:
    x = rp.tensor(
        np.random.default_rng(0).permutation(48).reshape(1, 2, 4, 6) * 1.0, requires_grad=True
    )
    assert rp.gradcheck(lambda a: F.adaptive_avg_pool2d(a, output), [x])
    assert rp.gradcheck(lambda a: F.adaptive_max_pool2d(a, output), [x])


def test_misuse() -> None:
    x = rp.ones((1, 1, 4, 4))
    with pytest.raises(ArgumentError, match="for 2 spatial axes"):
        F.adaptive_avg_pool2d(x, (1, 2, 3))
    with pytest.raises(ArgumentError, match="must be positive"):
        F.adaptive_avg_pool2d(x, 0)
