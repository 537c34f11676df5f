"""Affine and bilinear maps against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (2, 0), (2, 3, 4)], ids=str)
def test_linear(lead: tuple[int, ...], dtype: str) -> None:
    x = normal(*lead, 5)
    agree(torch, F.linear, TF.linear, [x, normal(4, 5), normal(4)], dtype=dtype)
    agree(torch, F.linear, TF.linear, [x, normal(4, 5)], dtype=dtype)


@pytest.mark.parametrize("lead", [(3,), (2, 3)], ids=str)
def test_bilinear(lead: tuple[int, ...]) -> None:
    floats = [normal(*lead, 5), normal(*lead, 2), normal(4, 5, 2), normal(4)]
    agree(torch, F.bilinear, TF.bilinear, floats)
