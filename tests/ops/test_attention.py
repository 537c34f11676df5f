"""Attention as one op: the same as its parts, with masks, and to the second derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.nn import functional as F


def rand(*shape: int, seed: int) -> rp.Tensor:
    return rp.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def plain(q: Any, k: Any, v: Any, mask: Any, *, scale: float, causal: bool) -> Any:
    """Score by score."""
    scores = rp.matmul(q, rp.matrix_transpose(k)) * scale + mask
    if causal:
        scores = rp.where(rp.asarray(np.tri(*scores.shape[-2:], dtype=bool)), scores, -np.inf)
    return F.softmax(scores, dim=-1) @ v, F.logsumexp(scores, dim=-1)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [(), (4, 5), (1, 5), (2, 1, 1, 5)])
def test_it_is_what_its_parts_are(causal: bool, mask: tuple[int, ...]):
    q, k, v = rand(2, 3, 4, 6, seed=0), rand(2, 3, 5, 6, seed=1), rand(2, 1, 5, 2, seed=2)
    added = rand(*mask, seed=3) if mask else rp.asarray(np.zeros(()))
    leaves = [q, k, v, added] if mask else [q, k, v]
    weight, other = rand(2, 3, 4, 2, seed=4).detach(), rand(2, 3, 4, seed=5).detach()
    found = []
    for function in (ops.attend, plain):
        for leaf in leaves:
            leaf.grad = None
        y, level = function(q, k, v, added, scale=0.4, causal=causal)
        ((y * weight).sum() + (level * other).sum()).backward()
        found.append([y, level, *(leaf.grad for leaf in leaves)])
    for one, expected in zip(*found, strict=True):
        np.testing.assert_allclose(one.numpy(), expected.numpy(), rtol=1e-10, atol=1e-12)


def test_second_derivatives_are_those_of_its_parts():
    q, k, v = rand(3, 2, seed=0), rand(3, 2, seed=1), rand(3, 2, seed=2)
    zero = rp.asarray(np.zeros(()))

    def slope(function: Any) -> Any:
        def loss(q: Any, k: Any, v: Any) -> Any:
            y, level = function(q, k, v, zero, scale=0.7, causal=True)
            return (y**3).sum() + (level**2).sum()

        def norm(q: Any, k: Any, v: Any) -> Any:
            return sum((g**2).sum() for g in rp.grad(loss, argnums=(0, 1, 2))(q, k, v))

        return rp.grad(norm, argnums=(0, 1, 2))(q, k, v)

    for one, expected in zip(slope(ops.attend), slope(plain), strict=True):
        np.testing.assert_allclose(one.numpy(), expected.numpy(), rtol=1e-8, atol=1e-10)


def test_a_query_without_keys_gets_zeros_and_gives_no_gradient():
    q, k, v = (rand(3, 2, seed=seed) for seed in range(3))
    mask = rp.asarray(np.array([[0.0] * 3, [-np.inf] * 3, [0.0, -np.inf, 0.0]]))
    y, level = ops.attend(q, k, v, mask, scale=1.0)
    (y * y).sum().backward()
    assert y[1].tolist() == [0.0, 0.0]
    assert level[1].item() == 0.0
    assert q.grad[1].tolist() == [0.0, 0.0]
    for leaf in (q, k, v):
        assert np.isfinite(leaf.grad.numpy()).all()
