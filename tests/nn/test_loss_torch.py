"""Loss modules take PyTorch's arguments under the same names, and give its default results."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.nn import loss, loss_margin

torch = pytest.importorskip("torch")

GONE = {"self", "size_average", "reduce"}
OURS_ALONE = {"check_logits"}
SHARED = sorted(n for n in [*loss.__all__, *loss_margin.__all__] if hasattr(torch.nn, n))

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(2, 5, 4)).astype(np.float32)
HALVES = RNG.uniform(0.1, 0.9, (5, 4)).astype(np.float32)
LABELS = np.array([0, 3, 1, 2, 2])
SIGNS = np.where(X < 0, -1.0, 1.0).astype(np.float32)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "MSELoss": (X, T),
    "L1Loss": (X, T),
    "SmoothL1Loss": (X, T),
    "HuberLoss": (X, T),
    "PoissonNLLLoss": (X, HALVES),
    "GaussianNLLLoss": (X, T, HALVES),
    "CrossEntropyLoss": (X, LABELS),
    "NLLLoss": (X, LABELS),
    "BCELoss": (HALVES, HALVES[::-1].copy()),
    "BCEWithLogitsLoss": (X, HALVES),
    "KLDivLoss": (X, HALVES),
    "CTCLoss": (X[:, None] - 2.0, np.array([[1, 3]]), np.array([5]), np.array([2])),
    "SoftMarginLoss": (X, SIGNS),
    "HingeEmbeddingLoss": (X, SIGNS),
    "MultiMarginLoss": (X, LABELS),
    "MultiLabelSoftMarginLoss": (X, HALVES.round()),
    "MarginRankingLoss": (X, T, SIGNS),
    "CosineEmbeddingLoss": (X, T, SIGNS[:, 0]),
    "TripletMarginLoss": (X, T, HALVES),
}


def options(cls: Any) -> dict[str, Any]:
    found = inspect.signature(cls.__init__).parameters.items()
    return {name: each.default for name, each in found if name not in GONE}


@pytest.mark.parametrize("name", SHARED)
def test_signature(name: str) -> None:
    ours, theirs = options(getattr(nn, name)), options(getattr(torch.nn, name))
    assert {k: v for k, v in ours.items() if k not in OURS_ALONE} == theirs


def test_all_of_pytorch_that_was_asked_for() -> None:
    assert set(SHARED) == set(ARGUMENTS)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize("name", ARGUMENTS)
def test_default_module(name: str) -> None:
    arguments = ARGUMENTS[name]
    y = getattr(nn, name)()(*(rp.asarray(each) for each in arguments))
    expected = getattr(torch.nn, name)()(*(torch.tensor(each) for each in arguments))
    np.testing.assert_allclose(y.item(), expected.item(), rtol=2e-5)
