"""Along an axis: what is taken, and what is added there."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import ops


def test_a_sum_at_some_places_is_that_with_zeros_elsewhere():
    base = rp.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    x = rp.tensor([[10.0, 20.0], [30.0, 40.0]], requires_grad=True, dtype=rp.float64)
    indices = rp.asarray([[0, 0], [2, -2]])
    y = ops.plus_along_axis(base, x, indices, axis=1)
    assert y.tolist() == [[30.0, 1.0, 2.0], [3.0, 44.0, 35.0]]
    (y * rp.asarray(np.arange(6.0).reshape(2, 3))).sum().backward()
    assert base.grad.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert x.grad.tolist() == [[0.0, 0.0], [5.0, 4.0]]


def test_taking_and_adding_are_adjoints():
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    indices = rng.integers(0, 4, (3, 2))
    taken = ops.take_along_axis(x, indices, axis=1)
    added = ops.add_along_axis(g, indices, axis=1, shape=(3, 4))
    np.testing.assert_allclose(np.sum(taken * g), np.sum(x * added))
