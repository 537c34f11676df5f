"""Losses of embeddings against PyTorch: values and gradients over options and reductions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

REDUCTIONS = ["mean", "sum", "none"]
DTYPES = ["float32", "float64"]
RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 6, 4))
SIGNS = np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_margin_ranking(margin: float, reduction: str, dtype: str) -> None:
    x, z = A[:, 0].copy(), B[:, 0].copy()
    x[0] = z[0]  # a tie, exactly at the margin 0
    agree(
        torch,
        lambda x, z, t: F.margin_ranking_loss(x, z, t, margin, reduction=reduction),
        lambda x, z, t: TF.margin_ranking_loss(x, z, t, margin, reduction=reduction),
        [x, z],
        [SIGNS.astype(dtype)],
        dtype=dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("margin", [0.0, 0.3, -0.5])
def test_cosine_embedding(margin: float, reduction: str, dtype: str) -> None:
    agree(
        torch,
        lambda x, z, t: F.cosine_embedding_loss(x, z, t, margin, reduction=reduction),
        lambda x, z, t: TF.cosine_embedding_loss(x, z, t, margin, reduction=reduction),
        [A, B],
        [SIGNS.astype(dtype)],
        dtype=dtype,
    )


def test_cosine_embedding_of_one_pair_and_of_zeros() -> None:
    ours, theirs = F.cosine_embedding_loss, TF.cosine_embedding_loss
    agree(torch, ours, theirs, [A[0], B[0]], [np.array(-1.0)])
    zeros, ones = np.zeros((2, 3)), np.ones((2, 3))
    close = (1e-7, 1e-7)  # PyTorch holds the eps of 1e-12 in single precision
    agree(torch, ours, theirs, [zeros, ones], [np.array([1.0, 1.0])], tolerance=close)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("margin", [1.0, 0.2])
def test_triplet(margin: float, p: float, swap: bool, reduction: str) -> None:
    options: dict[str, Any] = {"margin": margin, "p": p, "swap": swap, "reduction": reduction}
    agree(
        torch,
        lambda a, b, c: F.triplet_margin_loss(a, b, c, **options),
        lambda a, b, c: TF.triplet_margin_loss(a, b, c, **options),
        [A, B, C],
    )


def test_triplet_in_single_precision() -> None:
    agree(torch, F.triplet_margin_loss, TF.triplet_margin_loss, [A, B, C], dtype="float32")
    agree(torch, F.triplet_margin_loss, TF.triplet_margin_loss, [A[0], B[0], C[0]])


@pytest.mark.parametrize("shape", [None, (7, 4), (6, 5, 4)])
def test_info_nce_as_cross_entropy_of_cosines(shape: tuple[int, ...] | None) -> None:
    wrong = [] if shape is None else [np.random.default_rng(3).normal(size=shape)]

    def reference(query: Any, positive: Any, negatives: Any = None) -> Any:
        q, p = TF.normalize(query, dim=-1), TF.normalize(positive, dim=-1)
        if negatives is None:
            return TF.cross_entropy(q @ p.T / 0.2, torch.arange(len(q)))
        n = TF.normalize(negatives, dim=-1).expand(len(q), -1, -1)
        scores = torch.cat([(q * p).sum(1, keepdim=True), (n @ q[:, :, None])[:, :, 0]], dim=1)
        return TF.cross_entropy(scores / 0.2, torch.zeros(len(q), dtype=torch.int64))

    def ours(query: Any, positive: Any, negatives: Any = None) -> Any:
        return F.info_nce_loss(query, positive, negatives, 0.2)

    agree(torch, ours, reference, [A, B, *wrong])


@pytest.mark.parametrize("easy", [False, True])
@pytest.mark.parametrize("margin", [0.0, 0.5, 1.2])
def test_arcface_as_angles(margin: float, easy: bool) -> None:
    cosines = np.random.default_rng(4).uniform(-0.99, 0.99, (8, 5))
    cosines[0, 0] = -0.98
    labels = np.array([0, 1, 2, 3, 4, 0, 1, 2])

    def reference(x: Any, t: Any) -> Any:
        angle = torch.arccos(x)
        if easy:
            moved = torch.where(x > 0, torch.cos(angle + margin), x)
        else:
            line = x - margin * math.sin(margin)
            moved = torch.where(angle + margin < math.pi, torch.cos(angle + margin), line)
        right = TF.one_hot(t, 5).bool()
        return TF.cross_entropy(16.0 * torch.where(right, moved, x), t)

    agree(
        torch,
        lambda x, t: F.arcface_loss(x, t, 16.0, margin, easy_margin=easy),
        reference,
        [cosines],
        [labels],
    )
