"""Losses of margins: hand values, derivatives, misuse; PyTorch's values are in the torch test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F

X = np.random.default_rng(0).normal(0.0, 2.0, (4, 3))
SIGNS = np.where(np.random.default_rng(1).uniform(size=(4, 3)) < 0.5, -1.0, 1.0)
LABELS = np.array([0, 2, 1, 1])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.hinge_loss(x, SIGNS),
        lambda x: F.soft_margin_loss(x, SIGNS),
        lambda x: F.hinge_embedding_loss(x, SIGNS),
        lambda x: F.multi_margin_loss(x, LABELS, 2),
        lambda x: F.multi_margin_loss(x, LABELS, 1, 0.5, np.array([1.0, 2.0, 3.0])),
        lambda x: F.multilabel_soft_margin_loss(x, (SIGNS + 1) / 2, np.array([1.0, 2.0, 3.0])),
    ],
)
def test_gradients_to_second_order(function: Any) -> None:
    assert rp.gradcheck(function, [X])


def test_hinge_by_hand() -> None:
    x = rp.asarray([2.0, 1.0, 0.25, -3.0])
    assert F.hinge_loss(x, rp.asarray([1, 1, 1, 1]), reduction="none").tolist() == [0, 0, 0.75, 4]
    assert F.hinge_loss(x, rp.asarray([-1] * 4), 0.5, reduction="none").tolist() == [
        2.5, 1.5, 0.75, 0.0,
    ]  # fmt: skip


def test_soft_margin_is_binary_cross_entropy_of_signs() -> None:
    left = F.soft_margin_loss(X, SIGNS).item()
    right = F.binary_cross_entropy_with_logits(X, (SIGNS + 1) / 2).item()
    assert left == pytest.approx(right, rel=1e-14)
    assert F.soft_margin_loss(rp.asarray([0.0]), rp.asarray([1])).item() == pytest.approx(
        math.log(2)
    )


def test_multi_margin_by_hand() -> None:
    x = rp.asarray([[0.1, 0.2, 0.4, 0.8]])
    loss = F.multi_margin_loss(x, rp.asarray([3])).item()
    assert loss == pytest.approx(0.25 * ((1 - 0.7) + (1 - 0.6) + (1 - 0.4)))


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.multi_margin_loss(X, LABELS, 3), ArgumentError, "p must be 1 or 2"),
    (lambda: F.multi_margin_loss(X[None], LABELS), ShapeError, r"\(batch, classes\)"),
    (
        lambda: F.multi_margin_loss(X, LABELS, weight=np.ones(2)),
        ShapeError,
        r"weight has shape \(2,\) for 3 classes",
    ),
    (lambda: F.multilabel_soft_margin_loss(X, SIGNS), ArgumentError, "label yes 1 and no 0"),
    (
        lambda: F.multilabel_soft_margin_loss(X, np.ones((4, 3)), np.ones((2, 4, 3))),
        ShapeError,
        "weight",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
