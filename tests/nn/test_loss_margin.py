"""Loss modules of margins, embeddings, masks, boxes: each calls its function as it should."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import ShapeError
from retroprop.nn import functional as F
from retroprop.nn import loss_margin

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 5, 4))
SIGNS = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
MATRIX = np.where(RNG.uniform(size=(5, 4)) < 0.5, -1.0, 1.0)
LABELS, WEIGHT = np.array([0, 3, 1, 2, 2]), np.array([0.5, 1.0, 2.0, 0.1])
HALVES = RNG.uniform(0.1, 0.9, (5, 4))
BOXES = np.array([[0.0, 0.0, 2.0, 1.0]] * 3), np.array([[0.5, 0.2, 2.5, 2.0]] * 3)

CASES: list[tuple[Any, tuple[Any, ...], Any]] = [
    (nn.SoftMarginLoss(), (A, MATRIX), F.soft_margin_loss),
    (nn.HingeLoss(0.4), (A, MATRIX), lambda *a, **k: F.hinge_loss(*a, 0.4, **k)),
    (
        nn.HingeEmbeddingLoss(0.4),
        (A, MATRIX),
        lambda *a, **k: F.hinge_embedding_loss(*a, 0.4, **k),
    ),
    (
        nn.MultiMarginLoss(2, 0.4, WEIGHT),
        (A, LABELS),
        lambda *a, **k: F.multi_margin_loss(*a, 2, 0.4, WEIGHT, **k),
    ),
    (
        nn.MultiLabelSoftMarginLoss(WEIGHT),
        (A, HALVES),
        lambda *a, **k: F.multilabel_soft_margin_loss(*a, WEIGHT, **k),
    ),
    (
        nn.MarginRankingLoss(0.4),
        (A, B, MATRIX),
        lambda *a, **k: F.margin_ranking_loss(*a, 0.4, **k),
    ),
    (
        nn.CosineEmbeddingLoss(0.1),
        (A, B, SIGNS),
        lambda *a, **k: F.cosine_embedding_loss(*a, 0.1, **k),
    ),
    (
        nn.TripletMarginLoss(0.4, 1.0, 1e-3, True),
        (A, B, C),
        lambda *a, **k: F.triplet_margin_loss(*a, 0.4, 1.0, 1e-3, True, **k),
    ),
    (
        nn.InfoNCELoss(0.3, symmetric=True),
        (A, B),
        lambda *a, **k: F.info_nce_loss(*a, None, 0.3, symmetric=True, **k),
    ),
    (
        nn.SigmoidFocalLoss(0.4, 1.5),
        (A, HALVES),
        lambda *a, **k: F.sigmoid_focal_loss(*a, 0.4, 1.5, **k),
    ),
    (
        nn.SoftmaxFocalLoss(1.5, WEIGHT, ignore_index=0),
        (A, LABELS),
        lambda *a, **k: F.softmax_focal_loss(*a, 1.5, WEIGHT, ignore_index=0, **k),
    ),
    (nn.DiceLoss(0.3), (HALVES, HALVES[::-1]), lambda *a, **k: F.dice_loss(*a, 0.3, **k)),
    (nn.IoULoss(eps=0.1), BOXES, lambda *a, **k: F.iou_loss(*a, eps=0.1, **k)),
    (nn.GIoULoss(), BOXES, F.giou_loss),
    (nn.DIoULoss(), BOXES, F.diou_loss),
    (nn.CIoULoss(), BOXES, F.ciou_loss),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("module", "arguments", "function"), CASES)
def test_a_module_is_its_function(
    module: Any, arguments: Any, function: Any, reduction: str
) -> None:
    assert module.reduction == "mean"
    single = copy.copy(module)
    single.reduction = reduction
    tensors = [rp.asarray(each) for each in arguments]
    expected = function(*tensors, reduction=reduction).numpy()
    np.testing.assert_array_equal(single(*tensors).numpy(), expected)


def test_every_module_is_here() -> None:
    tested = {type(module).__name__ for module, _, _ in CASES} | {"ArcFace"}
    assert tested == set(loss_margin.__all__)


def test_info_nce_with_negatives() -> None:
    left = nn.InfoNCELoss(0.3)(A, B, C).item()
    assert left == pytest.approx(F.info_nce_loss(A, B, C, 0.3).item())


def test_arcface_holds_its_centres() -> None:
    head = nn.ArcFace(4, 3, 8.0, 0.3)
    assert head.weight.shape == (3, 4)
    assert list(head.state_dict()) == ["weight"]
    x = rp.asarray(A.astype(np.float32))
    cosine = head.cosine(x).detach().numpy()
    weight = head.weight.detach().numpy()
    expected = A @ weight.T / np.outer(np.linalg.norm(A, axis=1), np.linalg.norm(weight, axis=1))
    np.testing.assert_allclose(cosine, expected, atol=1e-6)
    labels = rp.asarray(LABELS % 3)
    assert head(x, labels).item() == pytest.approx(
        F.arcface_loss(head.cosine(x), labels, 8.0, 0.3).item()
    )
    with pytest.raises(ShapeError, match=r"ArcFace expects \(batch, 4 features\), got \(5, 3\)"):
        head(x[:, :3], labels)


def test_arcface_separates_classes_by_angle() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 8))
    labels = rng.integers(0, 3, 120)
    data = (centres[labels] + 0.5 * rng.normal(size=(120, 8))).astype(np.float32)
    rp.manual_seed(0)
    embed, head = nn.Linear(8, 4), nn.ArcFace(4, 3, 16.0, 0.5)
    opt = optim.Adam([*embed.parameters(), *head.parameters()], lr=0.02)
    x, y = rp.asarray(data), rp.asarray(labels)
    for _ in range(60):
        opt.zero_grad()
        head(embed(x), y).backward()
        opt.step()
    found = head.cosine(embed(x)).detach().numpy().argmax(axis=1)
    assert (found == labels).mean() > 0.95
