"""The normal quantile against the standard library's, which is the same published algorithm."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

import retroprop as rp
from retroprop.core.quantile import normal_quantile


def test_every_branch_agrees_with_the_standard_library() -> None:
    tails = np.logspace(-300, -1, 400)
    p = np.concatenate([tails, np.linspace(0.01, 0.99, 401), 1 - np.logspace(-15, -1, 60)])
    expected = [NormalDist().inv_cdf(one) for one in p]
    np.testing.assert_allclose(normal_quantile(rp.asarray(p)).numpy(), expected, rtol=1e-14)


def test_it_inverts_the_distribution_function() -> None:
    p = rp.asarray(np.linspace(0.001, 0.999, 99))
    back = 0.5 * rp.erfc(-normal_quantile(p) / 2**0.5)
    np.testing.assert_allclose(back.numpy(), p.numpy(), rtol=1e-13)


def test_the_middle_is_zero() -> None:
    assert normal_quantile(rp.asarray(np.array([0.5]))).tolist() == [0.0]
