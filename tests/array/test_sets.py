"""Distinct elements, against NumPy."""

from __future__ import annotations

import numpy as np

import retroprop as rp


def test_as_numpy():
    x = np.array([[3, 1, 3], [2, 1, 1]])
    values, indices, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True
    )
    found = rp.unique_all(rp.asarray(x))
    np.testing.assert_array_equal(found.values.numpy(), values)
    np.testing.assert_array_equal(found.indices.numpy(), indices)
    np.testing.assert_array_equal(found.inverse_indices.numpy(), inverse.reshape(x.shape))
    np.testing.assert_array_equal(found.counts.numpy(), counts)
    assert rp.unique_values(rp.asarray(x)).tolist() == values.tolist()
    assert rp.unique_counts(rp.asarray(x)).counts.tolist() == counts.tolist()
    assert rp.unique_inverse(rp.asarray(x)).values.tolist() == values.tolist()


def test_every_nan_is_distinct():
    assert rp.unique_values(rp.asarray([float("nan"), float("nan")])).shape == (2,)
