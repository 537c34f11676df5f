"""Focal, Dice and box losses against their formulas in PyTorch: values and gradients.

The references restate torchvision's `sigmoid_focal_loss` and losses of boxes, formula by formula.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

DTYPES = ["float32", "float64"]
X = np.random.default_rng(0).normal(0.0, 3.0, (5, 4))
T = (np.random.default_rng(1).uniform(size=(5, 4)) < 0.3).astype(float)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 3.7])
@pytest.mark.parametrize("alpha", [0.25, 0.9, -1.0])
def test_sigmoid_focal(alpha: float, gamma: float, dtype: str) -> None:
    def reference(x: Any, t: Any) -> Any:
        p = torch.sigmoid(x)
        plain = TF.binary_cross_entropy_with_logits(x, t, reduction="none")
        p_t = p * t + (1 - p) * (1 - t)
        loss = plain * (1 - p_t) ** gamma
        return (alpha * t + (1 - alpha) * (1 - t)) * loss if alpha >= 0 else loss

    tolerance = (2e-4, 1e-5) if dtype == "float32" else None
    agree(
        torch,
        lambda x, t: F.sigmoid_focal_loss(x, t, alpha, gamma),
        reference,
        [X],
        [T.astype(dtype)],
        dtype=dtype,
        tolerance=tolerance,
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_softmax_focal(weighted: bool, gamma: float) -> None:
    labels = np.array([0, 3, -100, 1, 2])
    weight = np.array([0.5, 1.0, 2.0, 0.25])

    def reference(x: Any, t: Any) -> Any:
        kept = t != -100
        log_p = TF.log_softmax(x[kept], 1).gather(1, t[kept][:, None])[:, 0]
        factor = torch.tensor(weight)[t[kept]] if weighted else torch.ones(int(kept.sum()))
        return (-factor * (1 - log_p.exp()) ** gamma * log_p).sum() / factor.sum()

    agree(
        torch,
        lambda x, t: F.softmax_focal_loss(x, t, gamma, weight if weighted else None),
        reference,
        [X],
        [labels],
    )


@pytest.mark.parametrize("shape", [(3, 5), (3, 2, 5), (2, 3, 4, 4)])
def test_dice(shape: tuple[int, ...]) -> None:
    axes = tuple(range(2 if len(shape) > 2 else 1, len(shape)))
    p = np.random.default_rng(0).uniform(0.05, 0.95, shape)
    t = (np.random.default_rng(1).uniform(size=shape) < 0.5).astype(float)

    def reference(p: Any, t: Any) -> Any:
        both, either = (p * t).sum(axes), p.sum(axes) + t.sum(axes)
        return 1 - (2 * both + 0.5) / (either + 0.5)

    agree(torch, lambda p, t: F.dice_loss(p, t, 0.5, reduction="none"), reference, [p, t])


def inter_union(a: Any, b: Any) -> tuple[Any, Any]:
    x1, y1, x2, y2 = a.unbind(-1)
    u1, v1, u2, v2 = b.unbind(-1)
    left, top = torch.max(x1, u1), torch.max(y1, v1)
    right, bottom = torch.min(x2, u2), torch.min(y2, v2)
    common = torch.zeros_like(x1)
    mask = (bottom > top) & (right > left)
    common[mask] = (right[mask] - left[mask]) * (bottom[mask] - top[mask])
    return common, (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - common


def enclosing(a: Any, b: Any) -> tuple[Any, Any]:
    x1, y1, x2, y2 = a.unbind(-1)
    u1, v1, u2, v2 = b.unbind(-1)
    width = torch.max(x2, u2) - torch.min(x1, u1)
    return width, torch.max(y2, v2) - torch.min(y1, v1)


def iou(a: Any, b: Any, eps: float) -> Any:
    common, union = inter_union(a, b)
    return 1 - common / (union + eps)


def giou(a: Any, b: Any, eps: float) -> Any:
    common, union = inter_union(a, b)
    width, height = enclosing(a, b)
    area = width * height
    return 1 - (common / (union + eps) - (area - union) / (area + eps))


def diou(a: Any, b: Any, eps: float) -> Any:
    width, height = enclosing(a, b)
    diagonal = width**2 + height**2 + eps
    centre = (a[..., :2] + a[..., 2:]) / 2 - (b[..., :2] + b[..., 2:]) / 2
    return iou(a, b, eps) + (centre**2).sum(-1) / diagonal


def ciou(a: Any, b: Any, eps: float) -> Any:
    ratios = [torch.atan((x[..., 2] - x[..., 0]) / (x[..., 3] - x[..., 1])) for x in (b, a)]
    v = (4 / math.pi**2) * (ratios[0] - ratios[1]) ** 2
    with torch.no_grad():
        alpha = v / (iou(a, b, eps) + v + eps)
    return diou(a, b, eps) + alpha * v


def boxes(seed: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0.0, 3.0, (12, 2))
    return np.concatenate([corner, corner + rng.uniform(0.2, 3.0, (12, 2))], axis=1)


BOXES = {"iou_loss": iou, "giou_loss": giou, "diou_loss": diou, "ciou_loss": ciou}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", BOXES)
def test_boxes(name: str, reduction: str, dtype: str) -> None:
    def reference(a: Any, b: Any) -> Any:
        loss = BOXES[name](a, b, 1e-7)
        return {"none": lambda: loss, "mean": loss.mean, "sum": loss.sum}[reduction]()

    agree(
        torch,
        lambda a, b: getattr(F, name)(a, b, reduction),
        reference,
        [boxes(0), boxes(1)],
        dtype=dtype,
    )
