"""Losses between numbers against PyTorch: values, gradients, options, reductions, dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

RNG = np.random.default_rng(0)
X, T = RNG.normal(0.0, 2.0, (5, 3)), RNG.normal(0.0, 2.0, (5, 3))
T[0, 0], T[1, 1], T[2, 2] = X[0, 0], X[1, 1] - 1.0, X[2, 2] + 0.5  # ties, and the knees below
COUNTS = RNG.poisson(3.0, (5, 3)).astype(float)
WEIGHT = RNG.uniform(0.1, 2.0, (5, 3))
REDUCTIONS = ["mean", "sum", "none"]
DTYPES = ["float32", "float64"]

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "mse_loss": [{}],
    "l1_loss": [{}],
    "smooth_l1_loss": [{}, {"beta": 0.5}, {"beta": 0.0}, {"beta": 3.0}],
    "huber_loss": [{}, {"delta": 0.5}, {"delta": 4.0}],
}
GRID = [(name, options) for name, choices in OPTIONS.items() for options in choices]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "options"), GRID)
def test_of_errors(name: str, options: dict[str, Any], reduction: str, dtype: str) -> None:
    ours, theirs = getattr(F, name), getattr(TF, name)
    agree(
        torch,
        lambda x, t: ours(x, t, reduction=reduction, **options),
        lambda x, t: theirs(x, t, reduction=reduction, **options),
        [X, T],
        dtype=dtype,
    )


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_with_weights(name: str, reduction: str) -> None:
    ours, theirs = getattr(F, name), getattr(TF, name)
    agree(
        torch,
        lambda x, t, w: ours(x, t, weight=w, reduction=reduction),
        lambda x, t, w: theirs(x, t, weight=w, reduction=reduction),
        [X, T, WEIGHT],
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("log_input", [False, True])
def test_poisson(log_input: bool, full: bool, reduction: str, dtype: str) -> None:
    options = {"full": full, "reduction": reduction, "eps": 1e-6}
    agree(
        torch,
        lambda x: F.poisson_nll_loss(x, COUNTS.astype(dtype), log_input, **options),
        lambda x: TF.poisson_nll_loss(x, torch.tensor(COUNTS.astype(dtype)), log_input, **options),
        [X if log_input else np.abs(X)],
        dtype=dtype,
    )


VARIANCES = {
    "all": (5, 3),
    "last axis 1": (5, 1),
    "no last axis": (5,),
    "first axis 1": (1, 3),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", VARIANCES)
def test_gaussian(shape: str, full: bool, reduction: str, dtype: str) -> None:
    variance = np.random.default_rng(1).uniform(0.1, 2.0, VARIANCES[shape])
    variance.reshape(-1)[0] = 0.0  # below eps, where the gradient passes all the same
    options: dict[str, Any] = {"full": full, "eps": 0.05, "reduction": reduction}
    agree(
        torch,
        lambda x, t, v: F.gaussian_nll_loss(x, t, v, **options),
        lambda x, t, v: TF.gaussian_nll_loss(x, t, v, **options),
        [X, T, variance],
        dtype=dtype,
    )


def test_gaussian_with_one_variance() -> None:
    agree(
        torch,
        lambda x, t: F.gaussian_nll_loss(x, t, 0.5),
        lambda x, t: TF.gaussian_nll_loss(x, t, 0.5),
        [X, T],
    )


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_of_single_numbers_and_of_nothing(name: str) -> None:
    ours, theirs = getattr(F, name), getattr(TF, name)
    agree(torch, ours, theirs, [np.array(1.5), np.array(-0.5)])
    empty = np.zeros((0, 3))
    agree(
        torch,
        lambda x, t: ours(x, t, reduction="sum"),
        lambda x, t: theirs(x, t, reduction="sum"),
        [empty, empty],
    )
