"""Gradient clipping beside PyTorch's; tolerance 1e-6 relative in float32, 1e-12 in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import retroprop as rp  # noqa: E402
from retroprop import optim  # noqa: E402

RTOL = {"float32": 1e-6, "float64": 1e-12}
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def params(dtype: str) -> tuple[list[Any], list[Any]]:
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for shape in ((3, 4), (5,), (), (2, 2)):
        w, g = rng.normal(size=(2, *shape)).astype(dtype)
        ours.append(rp.tensor(w, requires_grad=True))
        theirs.append(torch.tensor(w, requires_grad=True))
        if shape != (2, 2):
            ours[-1].grad, theirs[-1].grad = rp.asarray(g), torch.tensor(g)
    return ours, theirs


def compare(ours: list[Any], theirs: list[Any], dtype: str) -> None:
    for a, b in zip(ours, theirs, strict=True):
        if b.grad is None:
            assert a.grad is None
        else:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=RTOL[dtype])


@dtypes
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.1, 2.0, 1e3])
def test_norm(dtype: str, norm_type: float, max_norm: float) -> None:
    ours, theirs = params(dtype)
    a = optim.clip_grad_norm_(ours, max_norm, norm_type)
    b = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    np.testing.assert_allclose(a.item(), b.item(), rtol=RTOL[dtype])
    compare(ours, theirs, dtype)


@dtypes
@pytest.mark.parametrize("value", [0.0, 0.3, 10.0])
def test_value(dtype: str, value: float) -> None:
    ours, theirs = params(dtype)
    optim.clip_grad_value_(ours, value)
    torch.nn.utils.clip_grad_value_(theirs, value)
    compare(ours, theirs, dtype)
