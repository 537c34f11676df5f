"""Losses of detection and segmentation: focal, overlap of masks, overlap of boxes.

`sigmoid_focal_loss` and the losses of boxes follow torchvision, whose default is reduction="none".
"""

from __future__ import annotations

import math
from typing import Any

from retroprop import dtypes, ops
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional._checks import (
    described,
    floating,
    no_probabilities,
    same_shape,
    within,
)
from retroprop.nn.functional._labels import Labels, class_axis, class_weight
from retroprop.nn.functional._reduction import check_reduction, reduced
from retroprop.nn.functional.softmax import normaliser

__all__ = [
    "ciou_loss",
    "dice_loss",
    "diou_loss",
    "giou_loss",
    "iou_loss",
    "sigmoid_focal_loss",
    "softmax_focal_loss",
]


def _focused(loss: Tensor, miss: Tensor, gamma: float) -> Tensor:
    """loss * miss^gamma; the gradient at miss = 0 is finite for exponents below 1 too."""
    if gamma == 0:
        return loss
    if gamma < 1:
        miss = ops.maximum(miss, dtypes.finfo(miss.dtype).smallest_normal)
    return loss * ops.power(miss, gamma)


def sigmoid_focal_loss(
    inputs: Any,
    targets: Any,
    alpha: float = 0.25,
    gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    """Cross-entropy of two classes in which what is easy counts little.

        alpha_t (1 - p_t)^gamma * -log(p_t)         p_t: the probability given to the right class

    Args:
        inputs:    floating, any shape: raw scores.
        targets:   the same shape, in [0, 1].
        alpha:     weight of class 1, 1 - alpha that of class 0; negative: no weights.
        gamma:     >= 0; how little the easy counts; 0 is plain cross-entropy.
        reduction: "none", "mean" or "sum".

    Example:
        >>> sigmoid_focal_loss(Tensor([0.0, 5.0]), Tensor([1.0, 1.0])).numpy().round(4).tolist()
        [0.0432..., 0.0]

    Source: Lin et al. 2017, arXiv:1708.02002.
    """
    op = "sigmoid_focal_loss"
    x, t = floating(op, inputs=inputs, targets=targets)
    same_shape(op, inputs=x, targets=t)
    _need_gamma(op, gamma)
    if alpha > 1:
        raise ArgumentError(f"{op}: alpha lies between 0 and 1 (or is negative), it is {alpha}")
    within(op, "targets", t, 0.0, 1.0, "label the two classes 0 and 1", slack=1e-4)
    t = astype(t, dtypes.promote(x.dtype, t.dtype))
    other = 1.0 - t
    loss = t * ops.softplus(-x) + other * ops.softplus(x)
    miss = t * ops.sigmoid(-x) + other * ops.sigmoid(x)
    loss = _focused(loss, miss, gamma)
    if alpha >= 0:
        loss = loss * (t * alpha + other * (1.0 - alpha))
    return reduced(loss, reduction)


def _need_gamma(op: str, gamma: float) -> None:
    if gamma < 0:
        raise ArgumentError(f"{op}: gamma must not be negative, it is {gamma}")


def softmax_focal_loss(
    input: Any,
    target: Any,
    gamma: float = 2.0,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy over classes in which what is easy counts little.

        -weight[y] (1 - p[y])^gamma log(p[y])        p = softmax(x)

    Args:
        input:        (batch, classes, ...) or (classes,) floating: logits.
        target:       class indices, integers of the input's shape without the classes.
        gamma:        >= 0; 0 is cross-entropy.
        weight:       (classes,) factors of the classes.
        ignore_index: rows with this index count nothing.
        reduction:    "mean" (over the rows that count, weighted as in cross_entropy), "sum" or
                      "none".

    Example:
        >>> round(softmax_focal_loss(Tensor([[0.0, 0.0]]), Tensor([0])).item(), 4)
        0.1733

    Source: Lin et al. 2017, arXiv:1708.02002, carried over to the softmax.
    """
    op = "softmax_focal_loss"
    check_reduction(reduction)
    _need_gamma(op, gamma)
    (x,) = floating(op, input=input)
    axis = class_axis(op, x)
    weights = class_weight(op, weight, x, axis)
    no_probabilities(op, x, axis)
    labels = Labels(op, x, target, weights, axis, ignore_index)
    z, total = normaliser(x, axis)
    loss = ops.reshape(total, labels.counted.shape) - labels.pick(z)
    loss = ops.where(labels.counted, loss, 0.0)  # before the power, where inf would become NaN
    return labels.settle(_focused(loss, -ops.expm1(-loss), gamma), reduction)


def dice_loss(input: Any, target: Any, smooth: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """1 - Dice's coefficient: how little two masks overlap, for each example and class.

        1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)       sums over the pixels

    Args:
        input:     (batch, classes, ...) floating: probabilities, in [0, 1]; or (batch, pixels) of
                   one class.
        target:    the same shape, in [0, 1]: the masks (one-hot over the classes).
        smooth:    keeps the loss of two empty masks at 0, in pixels; >= 0.
        reduction: "mean" (over examples and classes), "sum" or "none".

    Returns:
        One number, or with "none" (batch, classes), or (batch,) for (batch, pixels).

    Raises:
        ArgumentError: a number is outside [0, 1]: apply a sigmoid or softmax first.

    Example:
        >>> round(
        ...     dice_loss(Tensor([[1.0, 1.0, 0.0]]), Tensor([[1.0, 0.0, 0.0]]), smooth=0.0).item(),
        ...     3,
        ... )
        0.333

    Source: Milletari, Navab, Ahmadi 2016, arXiv:1606.04797. Differs: sums, not sums of squares,
        below.
    """
    op = "dice_loss"
    p, t = floating(op, input=input, target=target)
    same_shape(op, input=p, target=t)
    if p.ndim < 2:
        raise ShapeError(
            f"{op}: input {described(p.shape)} must be (batch, classes, ...) or (batch, pixels)"
        )
    if smooth < 0:
        raise ArgumentError(f"{op}: smooth must not be negative, it is {smooth}")
    within(op, "input", p, 0.0, 1.0, "apply a sigmoid or a softmax to the scores", slack=1e-4)
    within(op, "target", t, 0.0, 1.0, "give masks of 0 and 1", slack=1e-4)
    axes = tuple(range(2 if p.ndim > 2 else 1, p.ndim))
    both, either = ops.sum(p * t, axis=axes), ops.sum(p + t, axis=axes)
    return reduced(1.0 - (both * 2.0 + smooth) / (either + smooth), reduction)


class _Boxes:
    """Two sets of boxes taken apart: their sides, where they meet, and what encloses them."""

    def __init__(self, op: str, boxes1: Any, boxes2: Any) -> None:
        a, b = floating(op, boxes1=boxes1, boxes2=boxes2)
        if a.shape[-1:] != (4,):
            raise ShapeError(
                f"{op}: boxes1 must be (..., 4), it is {a.shape}", fix="a box is x1, y1, x2, y2"
            )
        same_shape(op, boxes1=a, boxes2=b)
        self.first, self.second = _corners(a), _corners(b)
        (x1, y1, x2, y2), (u1, v1, u2, v2) = self.first, self.second
        width = ops.minimum(x2, u2) - ops.maximum(x1, u1)
        height = ops.minimum(y2, v2) - ops.maximum(y1, v1)
        meet = ops.logical_and(ops.greater(width, 0.0), ops.greater(height, 0.0))
        self.common = ops.where(meet, width * height, 0.0)
        self.union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - self.common
        self.width = ops.maximum(x2, u2) - ops.minimum(x1, u1)
        self.height = ops.maximum(y2, v2) - ops.minimum(y1, v1)

    def overlap(self, eps: float) -> Tensor:
        return self.common / (self.union + eps)

    def distance(self, eps: float) -> Tensor:
        """Squared distance of the centres over the squared diagonal of what encloses both."""
        (x1, y1, x2, y2), (u1, v1, u2, v2) = self.first, self.second
        across, along = (x1 + x2) * 0.5 - (u1 + u2) * 0.5, (y1 + y2) * 0.5 - (v1 + v2) * 0.5
        diagonal = ops.square(self.width) + ops.square(self.height) + eps
        return (ops.square(across) + ops.square(along)) / diagonal


def _corners(boxes: Tensor) -> tuple[Tensor, ...]:
    every = (slice(None),) * (boxes.ndim - 1)
    return tuple(ops.take_slice(boxes, key=(*every, i)) for i in range(4))


def _boxes_reduced(loss: Tensor, reduction: str) -> Tensor:
    """As `reduced`, but the mean over no boxes is 0: an image may hold none."""
    empty = reduction == "mean" and not loss.size
    return reduced(loss, "sum" if empty else reduction)


def iou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - intersection over union of boxes.

    Args:
        boxes1:    (..., 4) floating: x1, y1, x2, y2 with x1 <= x2 and y1 <= y2.
        boxes2:    the same shape: box i is compared with box i.
        reduction: "none", "mean" (0 over no boxes) or "sum".
        eps:       added to the union.

    Example:
        >>> iou_loss(Tensor([[0.0, 0.0, 2.0, 2.0]]), Tensor([[0.0, 0.0, 1.0, 2.0]])).tolist()
        [0.5]

    Source: Yu et al. 2016, arXiv:1608.01471. Differs: 1 - IoU, not -log(IoU).
    """
    return _boxes_reduced(1.0 - _Boxes("iou_loss", boxes1, boxes2).overlap(eps), reduction)


def giou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - generalised IoU: also tells boxes apart that do not meet.

        1 - IoU + (enclosing area - union) / enclosing area

    Args:
        boxes1:    (..., 4) floating: x1, y1, x2, y2.
        boxes2:    the same shape.
        reduction: "none", "mean" (0 over no boxes) or "sum".
        eps:       added to the areas.

    Example:
        >>> giou_loss(Tensor([[0.0, 0.0, 1.0, 1.0]]), Tensor([[2.0, 0.0, 3.0, 1.0]])).numpy().round(
        ...     3
        ... )
        array([1.333], dtype=float32)

    Source: Rezatofighi et al. 2019, arXiv:1902.09630; torchvision's generalized_box_iou_loss.
    """
    boxes = _Boxes("giou_loss", boxes1, boxes2)
    area = boxes.width * boxes.height
    return _boxes_reduced(1.0 - boxes.overlap(eps) + (area - boxes.union) / (area + eps), reduction)


def diou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - IoU + the squared distance of the centres over the squared diagonal of the enclosing box.

    Args:
        boxes1:    (..., 4) floating: x1, y1, x2, y2.
        boxes2:    the same shape.
        reduction: "none", "mean" (0 over no boxes) or "sum".
        eps:       added to the union and the diagonal.

    Example:
        >>> diou_loss(Tensor([[0.0, 0.0, 1.0, 1.0]]), Tensor([[2.0, 0.0, 3.0, 1.0]])).numpy().round(
        ...     3
        ... )
        array([1.4], dtype=float32)

    Source: Zheng et al. 2020, arXiv:1911.08287; torchvision's distance_box_iou_loss.
    """
    boxes = _Boxes("diou_loss", boxes1, boxes2)
    return _boxes_reduced(1.0 - boxes.overlap(eps) + boxes.distance(eps), reduction)


def ciou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """The DIoU loss + a v, where v compares the aspect ratios: complete IoU.

        v = (2 / pi (atan(w2 / h2) - atan(w1 / h1)))^2
        a = v / (1 - IoU + v), a constant for gradients

    Args:
        boxes1:    (..., 4) floating: x1, y1, x2, y2.
        boxes2:    the same shape.
        reduction: "none", "mean" (0 over no boxes) or "sum".
        eps:       added to the denominators.

    Example:
        >>> ciou_loss(Tensor([[0.0, 0.0, 2.0, 1.0]]), Tensor([[0.0, 0.0, 2.0, 1.0]])).tolist()
        [0.0]

    Source: Zheng et al. 2020, arXiv:1911.08287; torchvision's complete_box_iou_loss.
    """
    boxes = _Boxes("ciou_loss", boxes1, boxes2)
    overlap = boxes.overlap(eps)
    shape = ops.square(_ratio(boxes.second) - _ratio(boxes.first)) * (4.0 / math.pi**2)
    share = shape.detach() / (1.0 - overlap.detach() + shape.detach() + eps)
    return _boxes_reduced(1.0 - overlap + boxes.distance(eps) + share * shape, reduction)


def _ratio(corners: tuple[Tensor, ...]) -> Tensor:
    """The angle of a box's diagonal from upright; a box without height lies flat."""
    x1, y1, x2, y2 = corners
    width, height = x2 - x1, y2 - y1
    point = ops.logical_and(ops.equal(width, 0.0), ops.equal(height, 0.0))  # has no angle
    return ops.atan2(width, ops.where(point, 1.0, height))
