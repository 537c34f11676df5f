"""Sliding blocks against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

OPTIONS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "stride": 2},
    {"kernel_size": 2, "padding": 1, "dilation": 2},
]


def of(module: Any, name: str, options: dict[str, Any]) -> Any:
    return lambda *xs: getattr(module, name)(*xs, **options)


@pytest.mark.parametrize("lead", [(2, 3), (3,)])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_unfold_and_fold(options: dict[str, Any], lead: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(*lead, 6, 5))
    agree(torch, of(F, "unfold", options), of(TF, "unfold", options), [x])
    columns = TF.unfold(torch.tensor(x), **options).numpy()
    back = {"output_size": (6, 5), **options}
    agree(torch, of(F, "fold", back), of(TF, "fold", back), [columns])
