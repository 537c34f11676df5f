"""Losses between numbers: hand values, tails, derivatives; PyTorch's are in the torch test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F

RNG = np.random.default_rng(0)
X, T = RNG.normal(0.0, 2.0, (4, 3)), RNG.normal(0.0, 2.0, (4, 3))


def f64(*values: float) -> Any:
    return rp.asarray(np.array(values))


@pytest.mark.parametrize(
    "function",
    [
        F.mse_loss,
        F.smooth_l1_loss,
        F.huber_loss,
        F.log_cosh_loss,
        lambda x, t: F.poisson_nll_loss(x, rp.exp(t), full=True),
        lambda x, t: F.gaussian_nll_loss(x, t, rp.exp(x)),
        lambda x, t: F.quantile_loss(x, t, 0.3),
        F.l1_loss,
    ],
)
def test_gradients_to_second_order(function: Any) -> None:
    assert rp.gradcheck(function, [X, T])


def test_log_cosh_near_zero_and_far() -> None:
    errors = f64(1e-9, 1e-4, 0.5, 1.0, 3.0, 700.0, 1e6)
    loss = F.log_cosh_loss(errors, f64(*[0.0] * 7), reduction="none").numpy()
    expected = [5e-19, 0.5e-8 - 1e-16 / 12]
    expected += [math.log(math.cosh(e)) for e in (0.5, 1.0, 3.0, 700.0)] + [1e6 - math.log(2)]
    np.testing.assert_allclose(loss, expected, rtol=1e-14)


@pytest.mark.parametrize("error", [0.0, 1e-30, -1e-4, 0.999, 1.0, -1.0, 50.0, -1e4, 1e30])
def test_derivative_of_log_cosh_is_tanh(error: float) -> None:
    x = rp.tensor(np.array(error), requires_grad=True)
    F.log_cosh_loss(x, np.array(0.0)).backward()
    assert x.grad.item() == pytest.approx(math.tanh(error), rel=1e-14, abs=0.0)


@pytest.mark.parametrize("function", [F.smooth_l1_loss, F.huber_loss])
def test_a_huge_error_does_not_overflow(function: Any) -> None:
    x = rp.tensor([1e30, -1e30], requires_grad=True)
    with np.errstate(all="raise"):
        loss = function(x, rp.zeros(2), reduction="none")
        loss.sum().backward()
    assert loss.tolist() == [np.float32(1e30)] * 2
    assert x.grad.tolist() == [1.0, -1.0]


def test_the_best_constant_of_a_quantile_loss_is_the_quantile() -> None:
    data = rp.asarray(np.arange(101.0))
    for level in (0.1, 0.5, 0.9):
        losses = [F.quantile_loss(rp.full(101, float(g)), data, level).item() for g in range(101)]
        assert abs(int(np.argmin(losses)) - 100 * level) <= 1


def test_several_quantiles_are_the_mean_of_single_ones() -> None:
    levels = (0.1, 0.5, 0.9)
    predictions = np.random.default_rng(1).normal(size=(4, 3, 3))
    together = F.quantile_loss(rp.asarray(predictions), T, levels, reduction="none")
    assert together.shape == (4, 3, 3)
    for i, level in enumerate(levels):
        single = F.quantile_loss(rp.asarray(predictions[..., i]), T, level, reduction="none")
        np.testing.assert_allclose(together.numpy()[..., i], single.numpy())
    assert rp.gradcheck(lambda x: F.quantile_loss(x, T, levels), [predictions])


def test_poisson_hand_values() -> None:
    loss = F.poisson_nll_loss(f64(0.5), f64(4.0), full=True).item()
    stirling = 4 * math.log(4) - 4 + 0.5 * math.log(2 * math.pi * 4)
    assert loss == pytest.approx(math.exp(0.5) - 2.0 + stirling)
    assert F.poisson_nll_loss(f64(0.5), f64(1.0), full=True).item() == pytest.approx(
        math.exp(0.5) - 0.5
    )
    assert F.poisson_nll_loss(f64(2.0), f64(3.0), log_input=False).item() == pytest.approx(
        2.0 - 3.0 * math.log(2.0 + 1e-8)
    )


def test_gaussian_hand_value_and_clamped_variance() -> None:
    loss = F.gaussian_nll_loss(f64(1.0), f64(3.0), f64(2.0), full=True).item()
    assert loss == pytest.approx(0.5 * (math.log(2.0) + 2.0 + math.log(2 * math.pi)))
    variance = rp.tensor(np.array([0.0]), requires_grad=True)
    F.gaussian_nll_loss(f64(1.0), f64(1.0), variance, eps=0.1).backward()
    assert variance.grad.item() == pytest.approx(5.0)  # d/dv log(v) / 2 at the bound


def test_integer_targets_meet_the_type_of_the_input() -> None:
    loss = F.mse_loss(rp.asarray([1.5]), rp.asarray([1]))
    assert loss.dtype == rp.float32
    assert loss.item() == 0.25


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.smooth_l1_loss(X, T, beta=-1.0), ArgumentError, "beta must not be negative"),
    (lambda: F.huber_loss(X, T, delta=0.0), ArgumentError, "delta must be > 0"),
    (lambda: F.quantile_loss(X, T, 1.5), ArgumentError, "quantiles lie between 0 and 1"),
    (lambda: F.quantile_loss(X, T, ()), ArgumentError, "quantiles lie between 0 and 1"),
    (
        lambda: F.quantile_loss(np.zeros((8, 2)), np.zeros(8), (0.1, 0.5, 0.9)),
        ShapeError,
        r"input \(batch 8, quantiles 2\) does not hold 3 quantiles of target \(batch 8\)",
    ),
    (lambda: F.gaussian_nll_loss(X, T, np.full((4, 3), -1.0)), ArgumentError, "var must be at lea"),
    (lambda: F.gaussian_nll_loss(X, T, np.ones(3)), ShapeError, "var .* does not fit input"),
    (lambda: F.gaussian_nll_loss(X, T, 1.0, eps=0.0), ArgumentError, "eps must be > 0"),
    (lambda: F.mse_loss(X, T, weight=np.ones(4)), ShapeError, "weight .* differ in shape"),
    (lambda: F.huber_loss(X, T, weight=np.ones(4)), ShapeError, "weight .* differ in shape"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
