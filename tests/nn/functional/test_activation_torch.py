"""All activations against PyTorch: values and gradients, at corners, zeros and far out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

ORDINARY = np.random.default_rng(0).normal(0.0, 2.0, (5, 6))
CORNERS = np.array([[0.0, -0.0, 1.0, -1.0, 0.5, -0.5], [3.0, -3.0, 6.0, -6.0, 20.0, -20.0]])
EXTREMES = np.array(
    [[100.0, -100.0, 1e4, -1e4, 88.8, -88.8], [1e-6, -1e-6, 30.0, -30.0, 1e-30, 0.0]]
)
GRIDS = {"ordinary": ORDINARY, "corners": CORNERS, "extremes": EXTREMES}

CASES: dict[str, tuple[Any, Any]] = {
    "sigmoid": (F.sigmoid, torch.sigmoid),
    "tanh": (F.tanh, torch.tanh),
    "relu": (F.relu, TF.relu),
    "relu6": (F.relu6, TF.relu6),
    "leaky_relu": (F.leaky_relu, TF.leaky_relu),
    "leaky_relu 0.3": (lambda x: F.leaky_relu(x, 0.3), lambda x: TF.leaky_relu(x, 0.3)),
    "rrelu": (F.rrelu, TF.rrelu),
    "elu": (F.elu, TF.elu),
    "elu 1.7": (lambda x: F.elu(x, 1.7), lambda x: TF.elu(x, 1.7)),
    "celu": (F.celu, TF.celu),
    "celu 0.7": (lambda x: F.celu(x, 0.7), lambda x: TF.celu(x, 0.7)),
    "selu": (F.selu, TF.selu),
    "gelu": (F.gelu, TF.gelu),
    "gelu tanh": (
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: TF.gelu(x, approximate="tanh"),
    ),
    "silu": (F.silu, TF.silu),
    "mish": (F.mish, TF.mish),
    "softplus": (F.softplus, TF.softplus),
    "softplus 2 3": (lambda x: F.softplus(x, 2.0, 3.0), lambda x: TF.softplus(x, 2.0, 3.0)),
    "softsign": (F.softsign, TF.softsign),
    "hardtanh": (F.hardtanh, TF.hardtanh),
    "hardtanh -0.5 3": (lambda x: F.hardtanh(x, -0.5, 3.0), lambda x: TF.hardtanh(x, -0.5, 3.0)),
    "hardsigmoid": (F.hardsigmoid, TF.hardsigmoid),
    "hardswish": (F.hardswish, TF.hardswish),
    "softshrink": (F.softshrink, TF.softshrink),
    "softshrink 1": (lambda x: F.softshrink(x, 1.0), lambda x: TF.softshrink(x, 1.0)),
    "hardshrink": (F.hardshrink, TF.hardshrink),
    "tanhshrink": (F.tanhshrink, TF.tanhshrink),
    "threshold": (lambda x: F.threshold(x, 0.5, -2.0), lambda x: TF.threshold(x, 0.5, -2.0)),
    "logsigmoid": (F.logsigmoid, TF.logsigmoid),
    "glu": (F.glu, TF.glu),
    "glu 0": (lambda x: F.glu(x[:2], 0), lambda x: TF.glu(x[:2], 0)),
    "softmax": (lambda x: F.softmax(x, 1), lambda x: TF.softmax(x, 1)),
    "softmax 0": (lambda x: F.softmax(x, dim=0), lambda x: TF.softmax(x, dim=0)),
    "log_softmax": (lambda x: F.log_softmax(x, 1), lambda x: TF.log_softmax(x, 1)),
    "softmin": (lambda x: F.softmin(x, -1), lambda x: TF.softmin(x, -1)),
    "logsumexp": (lambda x: F.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1)),
    "logsumexp all": (lambda x: F.logsumexp(x, (0, 1)), lambda x: torch.logsumexp(x, (0, 1))),
    "logsumexp keep": (lambda x: F.logsumexp(x, 0, True), lambda x: torch.logsumexp(x, 0, True)),
}

# PyTorch computes these with a factor (1 / alpha, 1 / 6) that it holds in single precision.
ROUNDED = {"celu 0.7", "hardsigmoid"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name: str, grid: str, dtype: str) -> None:
    rounded = dtype == "float64" and name in ROUNDED
    tolerance = (1e-7, 1e-7) if rounded else None
    agree(torch, *CASES[name], [GRIDS[grid]], dtype=dtype, tolerance=tolerance)


@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3), (2, 4, 2, 3)])
@pytest.mark.parametrize("slopes", [1, 4])
def test_prelu(shape: tuple[int, ...], slopes: int) -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=shape), rng.uniform(0.1, 0.5, slopes)
    x.reshape(-1)[0] = 0.0
    agree(torch, F.prelu, TF.prelu, [x, weight])


def test_nan_is_not_swallowed() -> None:
    nan = np.full((2, 2), np.nan, np.float32)
    for name, (function, _) in CASES.items():
        assert np.isnan(function(rp.asarray(nan)).numpy()).any(), name


def test_softmax_with_excluded_classes() -> None:
    x = np.array([[1.0, -np.inf, 2.0], [0.5, 0.25, -np.inf]])
    agree(torch, lambda x: F.softmax(x, 1), lambda x: TF.softmax(x, 1), [x])
    agree(torch, lambda x: F.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1), [x])


def test_softmax_computes_in_a_chosen_dtype() -> None:
    x = ORDINARY.astype(np.float32)
    y = F.softmax(rp.asarray(x), 1, dtype=rp.float64)
    expected = TF.softmax(torch.tensor(x), 1, dtype=torch.float64)
    assert y.dtype == rp.float64
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-12)
