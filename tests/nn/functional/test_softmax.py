"""Softmax and its family: sums, infinities, axes, and draws that gradients flow through."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError
from retroprop.nn import functional as F

ROWS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(1, 5)), elements=st.floats(-1e6, 1e6)
)


@given(ROWS)
def test_shares_sum_to_one_and_agree_with_their_logarithm(x: Any) -> None:
    y = F.softmax(rp.asarray(x), dim=1).numpy()
    np.testing.assert_allclose(y.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.exp(F.log_softmax(rp.asarray(x), dim=1).numpy()), y, atol=1e-9)


@given(ROWS, st.floats(-1e6, 1e6))
def test_a_constant_changes_only_the_sum_of_exponentials(x: Any, shift: float) -> None:
    before, after = (F.logsumexp(rp.asarray(each), 1).numpy() for each in (x, x + shift))
    np.testing.assert_allclose(after, before + shift, atol=1e-8)


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax, F.softmin, F.logsumexp])
def test_gradients_to_second_order(function: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 4))
    assert rp.gradcheck(lambda x: function(x, 1), [x])
    assert rp.gradcheck(lambda x: function(x, 0), [x])


def test_logsumexp_of_nothing_but_minus_infinity() -> None:
    x = rp.tensor([[-math.inf, -math.inf], [0.0, -math.inf]], requires_grad=True)
    y = F.logsumexp(x, dim=1)
    assert y.tolist() == [-math.inf, 0.0]
    y.backward(rp.ones(2))
    assert x.grad.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert F.logsumexp(rp.zeros((2, 0)), dim=1).tolist() == [-math.inf, -math.inf]
    assert F.logsumexp(rp.asarray([math.inf, 0.0])).item() == math.inf


def test_zero_size() -> None:
    assert F.softmax(rp.zeros((0, 3)), dim=1).shape == (0, 3)
    assert F.log_softmax(rp.zeros((3, 0)), dim=1).shape == (3, 0)


def test_without_dim_only_where_there_is_no_doubt() -> None:
    assert F.softmax(rp.zeros(4)).tolist() == [0.25] * 4
    assert F.softmax(rp.zeros((2, 2))).tolist() == [[0.5, 0.5]] * 2
    with pytest.raises(ArgumentError, match="dim= must name the axis of the classes"):
        F.softmax(rp.zeros((2, 2, 2)))
    with pytest.raises(DTypeError, match="must be floating numbers"):
        F.softmax(rp.asarray([1, 2]))


def test_gumbel_softmax_draws_by_the_probabilities() -> None:
    p = np.array([0.2, 0.5, 0.3])
    logits = rp.asarray(np.tile(np.log(p), (20_000, 1)))
    drawn = F.gumbel_softmax(logits, hard=True, generator=rp.random.Generator(3)).numpy()
    assert set(drawn.ravel()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    np.testing.assert_allclose(drawn.mean(axis=0), p, atol=0.015)


def test_a_hard_draw_has_the_gradient_of_the_soft_one() -> None:
    gradients = []
    for hard in (False, True):
        x = rp.tensor(np.random.default_rng(0).normal(size=(4, 3)), requires_grad=True)
        y = F.gumbel_softmax(x, 0.7, hard, generator=rp.random.Generator(5))
        (y * np.arange(3.0)).sum().backward()
        gradients.append(x.grad.numpy())
    np.testing.assert_allclose(gradients[0], gradients[1])


def test_gumbel_softmax_along_another_axis() -> None:
    drawn = F.gumbel_softmax(rp.zeros((3, 5)), hard=True, dim=0).numpy()
    assert drawn.sum(axis=0).tolist() == [1.0] * 5
    with pytest.raises(ArgumentError, match="tau must be > 0"):
        F.gumbel_softmax(rp.zeros(3), 0.0)
