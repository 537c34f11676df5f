"""Activations of straight pieces: corners, options, in-place, misuse; values: the torch test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, ShapeError, TapeError
from retroprop.nn import functional as F

FUNCTIONS = [
    F.relu, F.relu6, F.leaky_relu, F.hardtanh, F.hardsigmoid, F.hardswish, F.softshrink,
    F.hardshrink, lambda x: F.threshold(x, 0.3, -1.0), F.rrelu, lambda x: F.prelu(x, 0.25),
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients_to_second_order(function: Any) -> None:
    x = np.array([[-4.0, -2.2, -0.8, -0.2], [0.2, 0.7, 2.4, 7.0]])
    assert rp.gradcheck(function, [x])


def test_prelu_trains_its_slopes() -> None:
    x, weight = np.array([[-1.0, 2.0, -3.0], [0.5, -0.5, -2.0]]), np.array([0.1, 0.2, 0.3])
    assert rp.gradcheck(F.prelu, [x, weight])
    assert rp.gradcheck(F.prelu, [x, np.array(0.25)])


def test_derivative_at_a_corner() -> None:
    expected = {"relu": 0.0, "relu6": 0.0, "leaky_relu": 0.01, "hardshrink": 0.0}
    for name, slope in expected.items():
        x = rp.tensor(0.0, requires_grad=True)
        getattr(F, name)(x).backward()
        assert x.grad.item() == pytest.approx(slope), name


def test_hardswish_does_not_overflow() -> None:
    x = rp.tensor([1e30, -1e30], requires_grad=True)
    y = F.hardswish(x)
    y.sum().backward()
    assert y.tolist() == [np.float32(1e30), 0.0]
    assert x.grad.tolist() == [1.0, 0.0]


def test_rrelu_draws_its_slopes_in_training() -> None:
    x = rp.tensor(np.full(2000, -1.0), requires_grad=True)
    y = F.rrelu(x, 0.25, 0.75, training=True, generator=rp.random.Generator(1))
    slopes = -y.detach().numpy()
    assert slopes.min() >= 0.25
    assert slopes.max() < 0.75
    assert abs(slopes.mean() - 0.5) < 0.02
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), slopes)
    positive = F.rrelu(rp.ones(3), training=True)
    assert positive.tolist() == [1.0, 1.0, 1.0]


def test_rrelu_is_reproducible() -> None:
    x = rp.asarray(np.full(5, -1.0))
    first = F.rrelu(x, training=True, generator=rp.random.Generator(7))
    again = F.rrelu(x, training=True, generator=rp.random.Generator(7))
    assert first.tolist() == again.tolist()


def test_in_place_changes_the_cell_of_the_input() -> None:
    x = rp.asarray([-1.0, 2.0])
    y = F.relu(x, inplace=True)
    assert y is x
    assert x.tolist() == [0.0, 2.0]


def test_in_place_keeps_the_gradient() -> None:
    leaf = rp.tensor([-1.0, 2.0], requires_grad=True)
    x = leaf * 3.0
    F.leaky_relu(x, 0.5, inplace=True).sum().backward()
    assert leaf.grad.tolist() == [1.5, 3.0]


def test_in_place_on_a_leaf_is_refused() -> None:
    with pytest.raises(TapeError, match="cannot be changed in place"):
        F.relu(rp.tensor([1.0], requires_grad=True), inplace=True)
    with pytest.raises(ArgumentError, match="needs a Tensor"):
        F.relu([1.0], inplace=True)


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.hardtanh(rp.ones(2), 1.0, -1.0), ArgumentError, "min_val 1.0 is above max_val"),
    (lambda: F.softshrink(rp.ones(2), -0.5), ArgumentError, "lambd must not be negative"),
    (lambda: F.rrelu(rp.ones(2), 0.5, 0.1), ArgumentError, "lower 0.5 is above upper"),
    (lambda: F.leaky_relu(rp.asarray([1, 2])), DTypeError, "must be floating numbers"),
    (
        lambda: F.prelu(rp.ones((2, 4)), rp.ones(3)),
        ShapeError,
        r"3 slopes, input \(2, 4\) has 4 channels",
    ),
    (lambda: F.prelu(rp.ones(2), rp.ones((1, 2))), ShapeError, r"must be \(\) or \(channels,\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_integers_pass_the_relu() -> None:
    assert F.relu(rp.asarray([-1, 2])).dtype == rp.int64


def test_arrays_and_lists_are_taken() -> None:
    assert F.hardtanh(np.array([2.0])).tolist() == [1.0]
    assert F.leaky_relu([-1.0], 0.5).tolist() == [-0.5]
