"""Norms, angles and distances against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.nn import functional as F

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("p", [1, 2, 3.0, np.inf, -np.inf])
def test_normalize_and_distance(p: float) -> None:
    x, z = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    y = F.normalize(rp.asarray(x), p, dim=-1).numpy()
    np.testing.assert_allclose(y, x / np.linalg.norm(x, ord=p, axis=-1, keepdims=True))
    d = F.pairwise_distance(rp.asarray(x), rp.asarray(z), p).numpy()
    np.testing.assert_allclose(d, np.linalg.norm(x - z + 1e-6, ord=p, axis=-1))
    assert rp.gradcheck(lambda a: F.normalize(a, p), [rp.tensor(x, requires_grad=True)])


def test_counting_norm() -> None:
    d = F.pairwise_distance(rp.asarray([[1.0, 2.0]]), rp.asarray([[1.0, 3.0]]), 0, eps=0.0)
    assert d.tolist() == [1.0]


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim: int) -> None:
    x, z = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    y = F.cosine_similarity(rp.asarray(x), rp.asarray(z), dim).numpy()
    norms = np.linalg.norm(x, axis=dim) * np.linalg.norm(z, axis=dim)
    np.testing.assert_allclose(y, (x * z).sum(dim) / norms)
    cells = [rp.tensor(v, requires_grad=True) for v in (x, z)]
    assert rp.gradcheck(lambda a, b: F.cosine_similarity(a, b, dim), cells)


def test_zeros_have_finite_gradients() -> None:
    x = rp.zeros((2, 3), requires_grad=True)
    y = F.normalize(x)
    y.sum().backward()
    assert not y.detach().numpy().any()
    assert np.isfinite(x.grad.numpy()).all()
    x.grad = None
    F.cosine_similarity(x, rp.ones((2, 3))).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_vectors_broadcast() -> None:
    assert F.cosine_similarity(rp.ones((4, 1, 3)), rp.ones((5, 3)), dim=-1).shape == (4, 5)
    assert F.pairwise_distance(rp.ones((4, 3)), rp.ones(3), keepdim=True).shape == (4, 1)
    with pytest.raises(ArgumentError, match="dim must be one axis"):
        F.cosine_similarity(rp.ones((2, 2)), rp.ones((2, 2)), dim=(0, 1))  # type: ignore[arg-type]
