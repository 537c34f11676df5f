"""Mean and variance, and what normalisation makes of them."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import ShapeError


@pytest.mark.parametrize("axis", [None, 0, (0, 2), -1])
def test_moments_are_those_of_numpy(axis):
    x = np.random.default_rng(0).standard_normal((3, 4, 5))
    mean, variance = ops.moments(rp.asarray(x), axis=axis)
    np.testing.assert_allclose(mean.numpy(), x.mean(axis, keepdims=True))
    np.testing.assert_allclose(variance.numpy(), x.var(axis, keepdims=True))


def test_far_from_zero_the_variance_is_still_right():
    x = 1e6 + np.random.default_rng(0).standard_normal((1000, 2))
    _, variance = ops.moments(rp.asarray(x), axis=0)
    np.testing.assert_allclose(variance.numpy(), x.var(0, keepdims=True), rtol=1e-9)


def test_gradients_flow_through_both():
    x = rp.tensor([[1.0, 3.0], [2.0, 7.0]], requires_grad=True)
    mean, variance = ops.moments(x, axis=1)
    (mean + 2.0 * variance).sum().backward()
    # d mean = 1/2, d variance = 2 (x - mean) / 2
    assert x.grad.tolist() == [[-1.5, 2.5], [-4.5, 5.5]]


def test_standardize_broadcasts_and_names_what_does_not():
    y = ops.standardize(rp.ones((2, 3)), rp.asarray(0.5), rp.asarray([1.0, 2.0, 3.0]))
    assert y.tolist() == [[0.5, 1.0, 1.5]] * 2
    with pytest.raises(ShapeError, match="standardize"):
        ops.standardize(rp.ones((2, 3)), rp.ones(4), rp.ones(4))
