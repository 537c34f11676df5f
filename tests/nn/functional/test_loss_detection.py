"""Focal, Dice and box losses: hand values, derivatives, edges; formulas in PyTorch are apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F

X = np.random.default_rng(0).normal(0.0, 2.0, (4, 3))
T = (np.random.default_rng(1).uniform(size=(4, 3)) < 0.5).astype(float)
LABELS = np.array([0, 2, 1, 1])
BOXES = ["iou_loss", "giou_loss", "diou_loss", "ciou_loss"]


def boxes(*rows: tuple[float, float, float, float]) -> Any:
    return rp.asarray(np.array(rows, float))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.sigmoid_focal_loss(x, T),
        lambda x: F.sigmoid_focal_loss(x, T, -1.0, 0.5, "mean"),
        lambda x: F.softmax_focal_loss(x, LABELS),
        lambda x: F.softmax_focal_loss(x, LABELS, 1.5, np.array([1.0, 2.0, 3.0])),
        lambda x: F.dice_loss(F.sigmoid(x), T, 0.5),
    ],
)
def test_gradients_to_second_order(function: Any) -> None:
    assert rp.gradcheck(function, [X])


@pytest.mark.parametrize("name", BOXES[:3])
def test_gradients_of_boxes(name: str) -> None:
    a = np.array([[0.0, 0.1, 2.0, 1.9], [3.0, 3.2, 5.0, 4.0], [0.0, 0.0, 1.0, 1.0]])
    b = np.array([[0.5, 0.3, 2.7, 2.5], [3.3, 3.0, 4.0, 4.4], [5.0, 5.5, 6.0, 7.0]])
    assert rp.gradcheck(lambda a, b: getattr(F, name)(a, b), [a, b])


def test_focal_without_focus_is_cross_entropy() -> None:
    plain = F.binary_cross_entropy_with_logits(X, T).item()
    assert F.sigmoid_focal_loss(X, T, -1.0, 0.0, "mean").item() == pytest.approx(plain)
    assert F.sigmoid_focal_loss(X, T, 0.5, 0.0, "mean").item() == pytest.approx(plain / 2)
    several = F.cross_entropy(X, LABELS).item()
    assert F.softmax_focal_loss(X, LABELS, 0.0).item() == pytest.approx(several)


def test_focal_by_hand() -> None:
    p = 1 / (1 + math.exp(-1.0))
    loss = F.sigmoid_focal_loss(rp.asarray(np.array([1.0])), rp.asarray(np.array([1.0]))).item()
    assert loss == pytest.approx(0.25 * (1 - p) ** 2 * -math.log(p))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_in_both_tails(gamma: float) -> None:
    x = rp.tensor([1e4, -1e4, 100.0, -100.0], requires_grad=True)
    F.sigmoid_focal_loss(x, rp.asarray([1.0, 0.0, 0.0, 1.0]), gamma=gamma).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    z = rp.tensor([[1e4, 0.0], [-1e4, 0.0]], requires_grad=True)
    F.softmax_focal_loss(z, rp.asarray([0, 0]), gamma).backward()
    assert np.isfinite(z.grad.numpy()).all()


def test_dice_of_equal_and_of_disjoint_masks() -> None:
    mask = np.zeros((1, 2, 4, 4))
    mask[0, 0, :2], mask[0, 1, 2:] = 1.0, 1.0
    same = F.dice_loss(rp.asarray(mask), rp.asarray(mask), 0.0, reduction="none")
    assert same.tolist() == [[0.0, 0.0]]
    apart = F.dice_loss(rp.asarray(mask), rp.asarray(mask[:, ::-1].copy()), 0.0)
    assert apart.item() == 1.0
    empty = np.zeros((1, 5))
    assert F.dice_loss(rp.asarray(empty), rp.asarray(empty)).item() == 0.0


def test_boxes_by_hand() -> None:
    a, b = boxes((0, 0, 2, 2)), boxes((1, 1, 3, 3))
    iou = 1 / 7
    assert F.iou_loss(a, b).item() == pytest.approx(1 - iou)
    assert F.giou_loss(a, b).item() == pytest.approx(1 - iou + 2 / 9)
    assert F.diou_loss(a, b).item() == pytest.approx(1 - iou + 2 / 18)
    assert F.ciou_loss(a, b).item() == pytest.approx(1 - iou + 2 / 18)
    wide = boxes((0, 0, 4, 1))
    v = 4 / math.pi**2 * (math.atan(1.0) - math.atan(4.0)) ** 2
    overlap = 2 / 6
    centres = (1.0**2 + 0.5**2) / (4**2 + 2**2)
    expected = 1 - overlap + centres + v * v / (1 - overlap + v)
    assert F.ciou_loss(wide, a).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", BOXES)
def test_boxes_at_the_edges(name: str) -> None:
    function = getattr(F, name)
    same = boxes((1, 1, 2, 3))
    assert function(same, same).item() == pytest.approx(0.0, abs=1e-6)
    flat = rp.tensor(np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 2.0, 0.0]]), requires_grad=True)
    loss = function(flat, boxes((1, 1, 1, 1), (0, 0, 2, 2)), "sum")
    loss.backward()
    assert np.isfinite(loss.item())
    assert np.isfinite(flat.grad.numpy()).all()
    far = function(boxes((0, 0, 1, 1)), boxes((5, 5, 6, 6))).item()
    assert far >= 1.0 - 1e-6
    assert function(rp.zeros((0, 4)), rp.zeros((0, 4)), "mean").item() == 0.0


def test_boxes_that_do_not_meet_still_pull() -> None:
    for name, pulls in zip(BOXES, [False, True, True, True], strict=True):
        a = rp.tensor([[0.0, 0.0, 1.0, 1.0]], requires_grad=True)
        getattr(F, name)(a, rp.asarray([[4.0, 4.0, 5.0, 5.0]]), "sum").backward()
        assert bool(np.abs(a.grad.numpy()).max() > 0) is pulls, name


MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.sigmoid_focal_loss(X, T, gamma=-1.0), ArgumentError, "gamma must not be negative"),
    (lambda: F.sigmoid_focal_loss(X, T, alpha=2.0), ArgumentError, "alpha lies between"),
    (lambda: F.sigmoid_focal_loss(X, T * 2), ArgumentError, r"targets must be in \[0, 1\]"),
    (lambda: F.softmax_focal_loss(X, LABELS, -1.0), ArgumentError, "gamma must not be negative"),
    (lambda: F.dice_loss(T[0], T[0]), ShapeError, r"must be \(batch, classes, ...\)"),
    (lambda: F.dice_loss(T, T, -1.0), ArgumentError, "smooth must not be negative"),
    (
        lambda: F.iou_loss(np.zeros((2, 5)), np.zeros((2, 5))),
        ShapeError,
        r"boxes1 must be \(..., 4",
    ),
    (lambda: F.giou_loss(np.zeros((2, 4)), np.zeros((1, 4))), ShapeError, "differ in shape"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
