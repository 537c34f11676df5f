"""Losses of embeddings: hand values, derivatives, misuse; PyTorch's are in the torch test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError
from retroprop.nn import functional as F

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 5, 4))
SIGNS = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
COSINES = RNG.uniform(-0.9, 0.9, (5, 3))
LABELS = np.array([0, 1, 2, 1, 0])


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda x, z: F.margin_ranking_loss(x, z, SIGNS[:, None] * np.ones(4), 0.3), [A, B]),
        (lambda x, z: F.cosine_embedding_loss(x, z, SIGNS, 0.1), [A, B]),
        (F.triplet_margin_loss, [A, B, C]),
        (lambda a, b, c: F.triplet_margin_loss(a, b, c, p=3, swap=True), [A, B, C]),
        (lambda q, p: F.info_nce_loss(q, p, temperature=0.5), [A, B]),
        (lambda q, p: F.info_nce_loss(q, p, symmetric=True, temperature=0.5), [A, B]),
        (lambda q, p, n: F.info_nce_loss(q, p, n, 0.5), [A, B, C]),
        (lambda x: F.arcface_loss(x, LABELS, 4.0), [COSINES]),
    ],
)
def test_gradients_to_second_order(function: Any, inputs: Any) -> None:
    assert rp.gradcheck(function, inputs)


def test_margin_ranking_by_hand() -> None:
    x, z, y = rp.asarray([3.0, 1.0]), rp.asarray([1.0, 3.0]), rp.asarray([1, 1])
    assert F.margin_ranking_loss(x, z, y, 0.5, reduction="none").tolist() == [0.0, 2.5]


def test_cosine_embedding_by_hand() -> None:
    x, z = rp.asarray([[1.0, 0.0]] * 3), rp.asarray([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    alike = F.cosine_embedding_loss(x, z, rp.asarray([1] * 3), reduction="none").numpy()
    unlike = F.cosine_embedding_loss(x, z, rp.asarray([-1] * 3), 0.25, reduction="none").numpy()
    np.testing.assert_allclose(alike, [0.0, 1.0, 2.0], atol=1e-6)
    np.testing.assert_allclose(unlike, [0.75, 0.0, 0.0], atol=1e-6)


def test_triplet_by_hand_and_swapped() -> None:
    a, p, n = (rp.asarray([[v, 0.0]]) for v in (0.0, 1.0, 1.5))
    assert F.triplet_margin_loss(a, p, n).item() == pytest.approx(0.5, abs=1e-5)
    assert F.triplet_margin_loss(a, p, n, swap=True).item() == pytest.approx(1.5, abs=1e-5)
    assert F.triplet_margin_loss(a, p, n, margin=0.25).item() == 0.0


def test_equal_embeddings_have_finite_gradients() -> None:
    x = rp.tensor(np.ones((2, 3)), requires_grad=True)
    F.triplet_margin_loss(x, x * 1.0, rp.zeros((2, 3), dtype=rp.float64), 5.0).backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_info_nce_knows_the_diagonal() -> None:
    far = rp.asarray(np.eye(4))
    assert F.info_nce_loss(far, far, temperature=0.01).item() == pytest.approx(0.0, abs=1e-12)
    mixed = rp.asarray(np.eye(4)[[1, 0, 2, 3]])
    losses = F.info_nce_loss(far, mixed, temperature=0.1, reduction="none").numpy()
    assert (losses[:2] > 9).all()
    assert (losses[2:] < 0.1).all()
    assert F.info_nce_loss(far, far * 7.0).item() == pytest.approx(F.info_nce_loss(far, far).item())


def test_symmetric_info_nce_is_the_mean_of_both_ways() -> None:
    there, back = F.info_nce_loss(A, B).item(), F.info_nce_loss(B, A).item()
    assert F.info_nce_loss(A, B, symmetric=True).item() == pytest.approx((there + back) / 2)


def test_arcface_without_margin_is_cross_entropy() -> None:
    left = F.arcface_loss(COSINES, LABELS, 8.0, 0.0).item()
    assert left == pytest.approx(F.cross_entropy(COSINES * 8.0, LABELS).item())


def test_the_margin_is_an_angle_and_costs() -> None:
    x = np.array([[math.cos(0.7), 0.2]])
    moved = np.array([[math.cos(0.7 + 0.5), 0.2]])
    label = np.array([0])
    left = F.arcface_loss(x, label, 8.0, 0.5).item()
    assert left == pytest.approx(F.cross_entropy(moved * 8.0, label).item())
    assert left > F.arcface_loss(x, label, 8.0, 0.1).item()


def test_arcface_falls_with_the_angle_all_the_way() -> None:
    angles = np.linspace(0.0, math.pi, 50)
    x = np.stack([np.cos(angles), np.zeros(50)], axis=1)
    loss = F.arcface_loss(x, np.zeros(50, int), 4.0, 0.5, reduction="none").numpy()
    assert (np.diff(loss) > 0).all()


@pytest.mark.parametrize("cosine", [1.0, -1.0, 1.0001])
def test_arcface_at_the_ends_has_a_finite_gradient(cosine: float) -> None:
    x = rp.tensor(np.array([[cosine, 0.3]]), requires_grad=True)
    F.arcface_loss(x, np.array([0])).backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert x.grad.numpy()[0, 0] <= 0.0


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.margin_ranking_loss(A[:, 0], B[:, :1], SIGNS), ShapeError, "differ in shape"),
    (lambda: F.margin_ranking_loss(A[:, 0], B[:, 0], SIGNS * 2), ArgumentError, "must be 1 or -1"),
    (
        lambda: F.cosine_embedding_loss(A, B, SIGNS[:, None]),
        ShapeError,
        r"target has shape \(5, 1\), rows \(batch 5, features 4\) need \(5,\)",
    ),
    (lambda: F.cosine_embedding_loss(A[None], B[None], SIGNS), ShapeError, "input1 must be"),
    (lambda: F.triplet_margin_loss(A, B, C[:1]), ShapeError, "differ in shape"),
    (lambda: F.triplet_margin_loss(A, B, C, margin=0.0), ArgumentError, "margin must be > 0"),
    (lambda: F.triplet_margin_loss(A, B, C, p=0.5), ArgumentError, "p must be at least 1"),
    (lambda: F.info_nce_loss(A, B, temperature=0.0), ArgumentError, "temperature must be > 0"),
    (lambda: F.info_nce_loss(A, B, C[:, :3]), ShapeError, r"negatives \(5, 3\) do not fit"),
    (lambda: F.info_nce_loss(A, B, C, symmetric=True), ArgumentError, "takes no negatives"),
    (lambda: F.info_nce_loss(A[0], B[0]), ShapeError, r"\(batch, features\)"),
    (lambda: F.arcface_loss(COSINES * 9, LABELS), ArgumentError, r"input must be in \[-1, 1\]"),
    (lambda: F.arcface_loss(COSINES, LABELS + 2), IndexRangeError, "3 classes"),
    (lambda: F.arcface_loss(COSINES, LABELS, margin=2.0), ArgumentError, "margin from 0 to pi"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
