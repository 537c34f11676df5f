"""Gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, DivergedError

Array = np.ndarray[Any, Any]
numbers = st.floats(-3, 3, width=32)
shapes = st.sampled_from([(), (3,), (2, 2)])
gradients = st.lists(arrays(np.float32, shapes, elements=numbers), min_size=1)
CLIPS: list[Callable[[Any], Any]] = [
    lambda ps: optim.clip_grad_norm_(ps, 1.0),
    lambda ps: optim.clip_grad_norm_(ps, 1.0, norm_type=math.inf),
    lambda ps: optim.clip_grad_norm_(ps, 1.0, norm_type=3.0),
    lambda ps: optim.clip_grad_norms_(ps, 1.0),
    lambda ps: optim.clip_grad_value_(ps, 0.5),
    lambda ps: optim.clip_grad_adaptive_(ps, 0.1),
]


def with_gradients(*grads: Any) -> list[rp.Tensor]:
    params = []
    for g in grads:
        array = np.asarray(g)
        params.append(rp.tensor(np.ones(array.shape, array.dtype), requires_grad=True))
        params[-1].grad = rp.asarray(array)
    return params


def norm(params: list[rp.Tensor], order: float = 2.0) -> float:
    parts = [p.grad.numpy().ravel().astype(float) for p in params if p.grad is not None]
    return float(np.linalg.norm(np.concatenate([np.zeros(1), *parts]), order))


@given(gradients, st.sampled_from([1.0, 2.0, 3.0, math.inf]), st.floats(0.05, 20.0))
def test_norm_is_at_most_the_bound(grads: list[Array], order: float, ratio: float) -> None:
    params = [*with_gradients(*grads), rp.ones(2, requires_grad=True)]
    before = norm(params, order)
    bound = max(before, 0.1) * ratio
    total = optim.clip_grad_norm_(params, bound, norm_type=order)
    assert total.item() == pytest.approx(before, rel=1e-5, abs=1e-6)
    assert norm(params, order) == pytest.approx(min(before, bound), rel=2e-5, abs=1e-6)


@given(gradients, st.sampled_from(range(len(CLIPS))))
def test_clipping_keeps_signs_and_lengthens_nothing(grads: list[Array], which: int) -> None:
    params = with_gradients(*grads, np.ones(1, np.float32))
    before = [param.grad.numpy() for param in params]
    CLIPS[which](params)
    for param, g in zip(params, before, strict=True):
        clipped = param.grad.numpy()
        assert clipped.dtype == g.dtype
        assert clipped.shape == g.shape
        assert (np.abs(clipped) <= np.abs(g) * (1 + 1e-6)).all()
        assert (clipped * g >= 0).all()


@pytest.mark.parametrize("clip", CLIPS)
def test_never_looks_at_values(
    clip: Callable[[Any], Any], blind: AbstractContextManager[None]
) -> None:
    params = with_gradients(np.ones((2, 3), np.float32), np.ones(2, np.float32))
    with blind:
        clip(params)


def test_value() -> None:
    params = with_gradients(np.array([-3.0, 0.25, 3.0]))
    optim.clip_grad_value_(params, 1.5)
    assert params[0].grad.tolist() == [-1.5, 0.25, 1.5]


def test_each_norm_by_itself() -> None:
    params = with_gradients(np.array([3.0, 4.0]), np.array([0.3, 0.4]))
    optim.clip_grad_norms_(params, 1.0)
    np.testing.assert_allclose(params[0].grad.numpy(), [0.6, 0.8], rtol=1e-5)
    assert params[1].grad.tolist() == [0.3, 0.4]


def test_adaptive_by_unit() -> None:
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=(2, 4, 2, 2, 2))
    g[0] *= 100
    w[1] = 0.0
    param = rp.tensor(w, requires_grad=True)
    param.grad = rp.asarray(g)
    optim.clip_grad_adaptive_([param], clipping=0.1, eps=1e-3)
    for unit in range(4):
        size, slope = np.linalg.norm(w[unit]), np.linalg.norm(g[unit])
        bound = 0.1 * max(size, 1e-3)
        expected = g[unit] * min(1.0, bound / slope)
        np.testing.assert_allclose(param.grad.numpy()[unit], expected, rtol=1e-12)


def test_adaptive_of_vectors_and_numbers() -> None:
    params = with_gradients(np.array([30.0, 40.0]), np.array(10.0), np.zeros(0))
    optim.clip_grad_adaptive_(params, clipping=0.1)
    size = 0.1 * math.sqrt(2.0)
    np.testing.assert_allclose(params[0].grad.numpy(), [0.6 * size, 0.8 * size], rtol=1e-12)
    assert params[1].grad.item() == pytest.approx(0.1)


def test_gradients_are_replaced_not_changed() -> None:
    params = with_gradients(np.array([3.0, 4.0]))
    shared = params[0].grad
    other = rp.ones(2, dtype=rp.float64, requires_grad=True)
    other.grad = shared  # one Tensor may be the gradient of two
    optim.clip_grad_norm_([params[0], other], 1.0)
    assert shared.tolist() == [3.0, 4.0]
    assert norm([params[0], other]) == pytest.approx(1.0, rel=1e-6)


def test_half_precision_does_not_overflow() -> None:
    params = with_gradients(np.array([300.0, 400.0], np.float16))
    assert optim.clip_grad_norm_(params, 5.0).item() == 500.0
    assert params[0].grad.tolist() == [3.0, 4.0]


def test_norm_without_clipping() -> None:
    params = with_gradients(np.array([3.0, 4.0]), np.array(12.0))
    assert optim.grad_norm(params).item() == 13.0
    assert optim.grad_norm(params, norm_type=1).item() == 19.0
    assert params[0].grad.tolist() == [3.0, 4.0]


def test_without_gradients() -> None:
    w = rp.ones(2, requires_grad=True)
    assert optim.clip_grad_norm_([w], 1.0).item() == 0.0
    assert optim.clip_grad_norm_(w, 1.0).item() == 0.0
    assert w.grad is None


def test_not_finite() -> None:
    params = with_gradients(np.array([1.0, math.nan]))
    with pytest.raises(DivergedError, match="the norm of the gradients is nan"):
        optim.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert params[0].grad.numpy()[0] == 1.0
    assert math.isnan(optim.clip_grad_norm_(params, 1.0).item())
    assert np.isnan(params[0].grad.numpy()).all()


def test_refused() -> None:
    w = rp.ones(2, requires_grad=True)
    with pytest.raises(ArgumentError, match="max_norm is 0, it must be a finite number above 0"):
        optim.clip_grad_norm_([w], 0)
    with pytest.raises(ArgumentError, match="norm_type is -1"):
        optim.clip_grad_norm_([w], 1.0, norm_type=-1)
    with pytest.raises(ArgumentError, match="clip_value is -1"):
        optim.clip_grad_value_([w], -1)
    with pytest.raises(ArgumentError, match="clip_grad_norm_: there are no parameters"):
        optim.clip_grad_norm_(iter([]), 1.0)
    with pytest.raises(ArgumentError, match="parameter 1 is a int"):
        optim.clip_grad_value_([w, 3], 1.0)


def test_parameters_go_by_pytorchs_name():
    w = rp.tensor([3.0, 4.0], requires_grad=True)
    (w * w / 2).sum().backward()
    assert optim.clip_grad_norm_(parameters=[w], max_norm=1.0).item() == 5.0
    optim.clip_grad_value_(parameters=w, clip_value=0.5)
    assert w.grad.tolist() == [0.5, 0.5]
