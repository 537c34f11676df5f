"""Losses of margins against PyTorch: values and gradients, also exactly at the margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

REDUCTIONS = ["mean", "sum", "none"]
DTYPES = ["float32", "float64"]
X = np.random.default_rng(0).normal(0.0, 2.0, (5, 4))
SIGNS = np.where(np.random.default_rng(1).uniform(size=(5, 4)) < 0.5, -1.0, 1.0)
X[0, 0], X[1, 1] = 1.0, 0.5
SIGNS[0, 0], SIGNS[1, 1] = -1.0, -1.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("margin", [1.0, 0.5])
def test_hinge_embedding(margin: float, reduction: str, dtype: str) -> None:
    agree(
        torch,
        lambda x, t: F.hinge_embedding_loss(x, t, margin, reduction=reduction),
        lambda x, t: TF.hinge_embedding_loss(x, t, margin, reduction=reduction),
        [X],
        [SIGNS.astype(dtype)],
        dtype=dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_soft_margin(reduction: str, dtype: str) -> None:
    x = X.copy()
    x[2] = [100.0, -100.0, 50.0, -50.0]
    agree(
        torch,
        lambda x, t: F.soft_margin_loss(x, t, reduction=reduction),
        lambda x, t: TF.soft_margin_loss(x, t, reduction=reduction),
        [x[:, :2] if dtype == "float32" else x],
        [SIGNS.astype(dtype)[:, :2] if dtype == "float32" else SIGNS],
        dtype=dtype,
        tolerance=(1e-5, 1e-6) if dtype == "float32" else None,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("margin", [1.0, 0.3])
@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin(p: int, margin: float, weighted: bool, reduction: str, dtype: str) -> None:
    weight = np.array([0.5, 1.0, 2.0, 0.25], dtype) if weighted else None
    options: dict[str, Any] = {"p": p, "margin": margin, "reduction": reduction}
    agree(
        torch,
        lambda x, t: F.multi_margin_loss(x, t, weight=weight, **options),
        lambda x, t: TF.multi_margin_loss(
            x, t, weight=None if weight is None else torch.tensor(weight), **options
        ),
        [X],
        [np.array([0, 3, 1, 2, 2])],
        dtype=dtype,
    )


def test_multi_margin_of_one_example() -> None:
    agree(torch, F.multi_margin_loss, TF.multi_margin_loss, [X[0]], [np.array(2)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_multilabel_soft_margin(weighted: bool, reduction: str, dtype: str) -> None:
    weight = np.array([0.5, 1.0, 2.0, 0.25], dtype) if weighted else None
    agree(
        torch,
        lambda x, t: F.multilabel_soft_margin_loss(x, t, weight, reduction=reduction),
        lambda x, t: TF.multilabel_soft_margin_loss(
            x, t, None if weight is None else torch.tensor(weight), reduction=reduction
        ),
        [X],
        [(SIGNS.astype(dtype) + 1) / 2],
        dtype=dtype,
    )
