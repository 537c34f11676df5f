"""Smooth activations: second derivatives, both tails, misuse; values: test_activation_torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F

FUNCTIONS = {
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "elu": F.elu,
    "elu 0.5": lambda x: F.elu(x, 0.5),
    "celu": lambda x: F.celu(x, 0.7),
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu tanh": lambda x: F.gelu(x, "tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": lambda x: F.softplus(x, 2.0),
    "softsign": F.softsign,
    "tanhshrink": F.tanhshrink,
    "logsigmoid": F.logsigmoid,
    "glu": F.glu,
    "swiglu": F.swiglu,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_to_second_order(name: str) -> None:
    x = np.array([[-4.0, -2.2, -0.8, -0.2], [0.2, 0.7, 2.4, 7.0]])
    assert rp.gradcheck(FUNCTIONS[name], [x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_tails_are_finite(name: str, dtype: str) -> None:
    far = np.array([[1e4, -1e4, 1e10, -1e10], [100.0, -100.0, 700.0, -700.0]], dtype)
    with np.errstate(all="raise", under="ignore"):
        x = rp.tensor(far, requires_grad=True)
        y = FUNCTIONS[name](x)
        y.sum().backward()
    assert np.isfinite(y.detach().numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


def test_hand_values() -> None:
    one = rp.asarray([1.0], dtype=rp.float64)
    assert F.gelu(one).item() == pytest.approx(0.5 * (1 + math.erf(math.sqrt(0.5))), rel=1e-14)
    assert F.silu(one).item() == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-14)
    assert F.mish(one).item() == pytest.approx(math.tanh(math.log1p(math.e)), rel=1e-14)
    assert F.softsign(one).item() == 0.5
    assert F.selu(-one).item() == pytest.approx(1.0507009873554805 * 1.6732632423543772 * (
        math.exp(-1) - 1), rel=1e-14)  # fmt: skip


def test_the_gate_is_the_first_half_in_swiglu_and_the_second_in_glu() -> None:
    x = rp.asarray([[2.0, 3.0]], dtype=rp.float64)
    sigmoid = lambda v: 1 / (1 + math.exp(-v))  # noqa: E731
    assert F.swiglu(x).item() == pytest.approx(2 * sigmoid(2) * 3)
    assert F.glu(x).item() == pytest.approx(2 * sigmoid(3))


def test_selu_keeps_mean_and_variance() -> None:
    x = rp.random.normal((200_000,), generator=rp.random.Generator(0))
    y = F.selu(x).numpy()
    assert abs(y.mean()) < 0.01
    assert abs(y.std() - 1) < 0.01


def test_a_softplus_beyond_its_threshold_is_the_input() -> None:
    x = rp.asarray([20.5, 19.5], dtype=rp.float64)
    y = F.softplus(x).tolist()
    assert y[0] == 20.5
    assert y[1] > 19.5


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.gelu(rp.ones(2), "tanj"), ArgumentError, "did you mean 'tanh'"),
    (lambda: F.celu(rp.ones(2), 0.0), ArgumentError, "alpha must be > 0"),
    (lambda: F.softplus(rp.ones(2), 0.0), ArgumentError, "beta must not be 0"),
    (lambda: F.glu(rp.ones((2, 3))), ShapeError, "has 3 elements, it must be an even number"),
    (lambda: F.swiglu(rp.ones((3, 2)), 0), ShapeError, "axis 0 of input"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
