"""Pooling over all spatial axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ShapeError


@pytest.mark.parametrize("count", [1, 2, 3])
def test_means_and_maxima(count: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, *(4,) * count)).astype(np.float32)
    axes = tuple(range(2, count + 2))
    mean: Any = getattr(nn, f"GlobalAvgPool{count}d")()
    largest: Any = getattr(nn, f"GlobalMaxPool{count}d")()
    np.testing.assert_allclose(mean(rp.asarray(x)).numpy(), x.mean(axes), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(largest(rp.asarray(x)).numpy(), x.max(axes))


def test_it_feeds_a_linear_layer() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GlobalAvgPool2d(), nn.Linear(4, 2))
    net(rp.random.normal((5, 1, 6, 6))).sum().backward()
    assert net[0].weight.grad is not None


def test_other_ranks_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"GlobalAvgPool2d expects \(batch, channels, height, wid"):
        nn.GlobalAvgPool2d()(rp.ones((2, 3, 4)))
