"""Insertion points, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp


@pytest.mark.parametrize("side", ["left", "right"])
def test_as_numpy(side):
    x, z = np.array([3.0, 1.0, 2.0, 2.0]), np.array([[0.0, 2.0], [3.0, 9.0]])
    order = np.argsort(x)
    ours = rp.searchsorted(rp.asarray(x), rp.asarray(z), side=side, sorter=rp.asarray(order))
    np.testing.assert_array_equal(ours.numpy(), np.searchsorted(x, z, side=side, sorter=order))
    np.testing.assert_array_equal(rp.searchsorted(x[order], z, side=side).numpy(), ours.numpy())
