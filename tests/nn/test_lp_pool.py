"""Layers that pool by p-norms."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn


@pytest.mark.parametrize("count", [1, 2, 3])
def test_norms_of_windows(count: int) -> None:
    x = np.random.default_rng(0).uniform(0.1, 2, size=(2, 3, *(4,) * count))
    layer: nn.Module = getattr(nn, f"LPPool{count}d")(2, 4)
    expected = np.sqrt((x**2).sum(tuple(range(2, count + 2))))
    np.testing.assert_allclose(layer(rp.asarray(x)).numpy().reshape(2, 3), expected)


def test_strides_and_sums() -> None:
    x = rp.asarray([[[1.0, 2.0, 3.0, 4.0, 5.0]]])
    assert nn.LPPool1d(1, 2, stride=1)(x).tolist() == [[[3.0, 5.0, 7.0, 9.0]]]
