"""Pooling by p-norms."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import functional as F


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_norms(p: float) -> None:
    x = np.random.default_rng(0).uniform(0.1, 1.0, size=(2, 3, 4, 6))
    blocks = x.reshape(2, 3, 2, 2, 3, 2)
    expected = (blocks**p).sum((3, 5)) ** (1 / p)
    np.testing.assert_allclose(F.lp_pool2d(rp.asarray(x), p, 2).numpy(), expected, rtol=1e-9)
    assert rp.gradcheck(lambda a: F.lp_pool2d(a, p, 2), [rp.tensor(x, requires_grad=True)])


def test_one_and_three_axes() -> None:
    assert F.lp_pool1d(rp.ones((1, 1, 8)), 2, 4).tolist() == [[[2.0, 2.0]]]
    assert F.lp_pool3d(rp.ones((1, 1, 2, 2, 2)), 1, 2).tolist() == [[[[[8.0]]]]]


def test_negative_sums_give_zero() -> None:
    assert F.lp_pool1d(rp.asarray([[[-1.0, -2.0]]]), 1, 2).tolist() == [[[0.0]]]
