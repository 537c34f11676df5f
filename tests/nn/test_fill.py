"""Initialisers: what they return, reproducibility, moments, misuse; see the torch test too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import init

DRAWN = [
    "uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
    "kaiming_normal_", "lecun_uniform_", "lecun_normal_", "orthogonal_",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("name", DRAWN)
def test_the_cell_itself_is_filled_and_returned(name: str, dtype: str) -> None:
    weight = nn.Parameter(np.zeros((6, 4), dtype))
    filled = getattr(init, name)(weight, generator=rp.random.Generator(0))
    assert filled is weight
    assert weight.requires_grad
    assert weight.is_leaf
    assert weight.dtype == dtype
    assert len(set(weight.detach().numpy().ravel().tolist())) > 12


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_generator_draws_the_same(name: str) -> None:
    draws = [
        getattr(init, name)(rp.zeros((5, 4)), generator=rp.random.Generator(seed)).tolist()
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]
    rp.manual_seed(9)
    first = getattr(init, name)(rp.zeros((5, 4))).tolist()
    rp.manual_seed(9)
    assert getattr(init, name)(rp.zeros((5, 4))).tolist() == first


def test_constants() -> None:
    weight = nn.Parameter([[1.0, 2.0]])
    assert init.zeros_(weight).tolist() == [[0.0, 0.0]]
    assert init.ones_(weight).tolist() == [[1.0, 1.0]]
    assert init.constant_(weight, -0.5).tolist() == [[-0.5, -0.5]]


@pytest.mark.parametrize("shape", [(400, 300), (64, 40, 5, 5)])
def test_lecun_keeps_the_variance(shape: tuple[int, ...]) -> None:
    expected = 1 / math.sqrt(math.prod(shape[1:]))
    for name in ("lecun_normal_", "lecun_uniform_"):
        drawn = getattr(init, name)(rp.zeros(shape)).numpy()
        assert drawn.std() == pytest.approx(expected, rel=0.02)
        assert abs(drawn.mean()) < 0.02 * expected
    assert np.abs(drawn).max() <= math.sqrt(3.0) * expected


def test_he_keeps_the_size_of_a_signal_through_many_layers() -> None:
    x = rp.random.normal((64, 256), generator=rp.random.Generator(0))
    size = (x * x).mean().item()
    for seed in range(20):
        weight = init.kaiming_normal_(rp.zeros((256, 256)), generator=rp.random.Generator(seed))
        x = nn.functional.relu(x @ weight.mT)
    assert 0.1 < (x * x).mean().item() / size < 10.0  # Xavier would be left with 2^-20


def test_trunc_normal_stays_inside() -> None:
    drawn = init.trunc_normal_(rp.zeros(10_000), 1.0, 2.0, -0.5, 1.5).numpy()
    assert drawn.min() >= -0.5
    assert drawn.max() <= 1.5
    assert drawn.std() > 0.4


def test_sparse_places_its_zeros_anew_in_each_column() -> None:
    zeros = init.sparse_(rp.zeros((20, 10)), 0.5).numpy() == 0
    assert (zeros.sum(axis=0) == 10).all()
    assert len({tuple(column) for column in zeros.T.tolist()}) > 5


def test_a_dirac_convolution_returns_its_input() -> None:
    weight = init.dirac_(rp.zeros((3, 3, 3, 3)))
    x = rp.random.normal((2, 3, 5, 5))
    y = nn.functional.conv2d(x, weight, padding=1)
    np.testing.assert_allclose(y.numpy(), x.numpy(), rtol=1e-6)


def test_aliases_are_the_same_functions() -> None:
    assert init.he_normal_ is init.kaiming_normal_
    assert init.he_uniform_ is init.kaiming_uniform_
    assert init.glorot_normal_ is init.xavier_normal_
    assert init.glorot_uniform_ is init.xavier_uniform_


def test_nothing_to_fill() -> None:
    for name in DRAWN:
        assert getattr(init, name)(rp.zeros((0, 3))).shape == (0, 3)


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: init.xavier_uniform_(rp.zeros(3)), ShapeError, "fans need a weight of two axes"),
    (lambda: init.orthogonal_(rp.zeros(3)), ShapeError, "needs two axes or more"),
    (lambda: init.eye_(rp.zeros((2, 2, 2))), ShapeError, "needs a matrix"),
    (lambda: init.dirac_(rp.zeros((2, 2))), ShapeError, "3 to 5 axes"),
    (lambda: init.dirac_(rp.zeros((4, 2, 3)), groups=3), ArgumentError, "do not divide into 3"),
    (lambda: init.sparse_(rp.zeros((4, 2)), 1.5), ArgumentError, "sparsity lies between"),
    (lambda: init.sparse_(rp.zeros(4), 0.5), ShapeError, "needs a matrix"),
    (
        lambda: init.kaiming_normal_(rp.zeros((2, 2)), mode="fan_on"),
        ArgumentError,
        "'fan_out'|'fan_in'",
    ),
    (lambda: init.calculate_gain("rellu"), ArgumentError, "did you mean 'relu'"),
    (lambda: init.calculate_gain("leaky_relu", True), ArgumentError, "no number"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
