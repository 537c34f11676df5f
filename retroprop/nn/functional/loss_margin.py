"""Losses that ask the right class to win by a margin, or two classes to lie on either side of 0.

Arguments are PyTorch's; those that stand behind its `size_average` and `reduce`, which are gone,
are given by name.
"""

from __future__ import annotations

from typing import Any

from retroprop import dtypes, ops
from retroprop.array.creation import arange, asarray
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional._checks import (
    class_indices,
    described,
    floating,
    label_range,
    same_shape,
    signs,
    within,
)
from retroprop.nn.functional._reduction import check_reduction, reduced

__all__ = [
    "hinge_embedding_loss",
    "hinge_loss",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
]


def clamped(x: Tensor) -> Tensor:
    """max(x, 0) whose derivative at 0 is 1, as that of PyTorch's clamp; relu takes 0 there."""
    return ops.where(ops.less(x, 0.0), 0.0, x)


def _signed(op: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Scores, and signs of the same shape and dtype."""
    x, y = floating(op, input=input, target=target)
    same_shape(op, input=x, target=y)
    signs(op, y)
    return x, astype(y, dtypes.promote(x.dtype, y.dtype))


def hinge_loss(input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """max(0, margin - target * input): the loss of a support vector machine.

    Args:
        input:     floating, any shape: scores.
        target:    the same shape: 1 or -1.
        margin:    how far on the right side a score costs nothing.
        reduction: "mean", "sum" or "none".

    Raises:
        ArgumentError: a target is neither 1 nor -1.

    Example:
        >>> hinge_loss(Tensor([2.0, 0.5, 0.5]), Tensor([1, 1, -1]), reduction="none").tolist()
        [0.0, 0.5, 1.5]

    Source: Cortes, Vapnik 1995, "Support-vector networks".
    """
    x, y = _signed("hinge_loss", input, target)
    return reduced(clamped(margin - y * x), reduction)


def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target * input)): the logistic loss for targets 1 and -1.

    Args:
        input:     floating, any shape: scores.
        target:    the same shape: 1 or -1.
        reduction: "mean", "sum" or "none".

    Example:
        >>> soft_margin_loss(Tensor([1000.0]), Tensor([-1])).item()
        1000.0
    """
    x, y = _signed("soft_margin_loss", input, target)
    return reduced(ops.softplus(-y * x), reduction)


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean"
) -> Tensor:
    """The distance of two alike, and what is missing to the margin of two that differ.

        input where target = 1, max(0, margin - input) where target = -1

    Args:
        input:     floating, any shape: distances.
        target:    the same shape: 1 or -1.
        margin:    the distance from which on two that differ cost nothing.
        reduction: "mean", "sum" or "none".

    Example:
        >>> hinge_embedding_loss(Tensor([0.5, 0.25]), Tensor([1, -1]), reduction="none").tolist()
        [0.5, 0.75]
    """
    x, y = _signed("hinge_embedding_loss", input, target)
    return reduced(ops.where(ops.greater(y, 0), x, clamped(margin - x)), reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """By how much wrong classes come within a margin of the right one.

        sum over the wrong classes c of max(0, margin - x[y] + x[c])^p, divided by the classes

    Args:
        input:     (batch, classes) or (classes,) floating: scores.
        target:    (batch,) or () integers: class indices.
        p:         1 or 2.
        margin:    by how much the right class has to win.
        weight:    (classes,) factors of the classes.
        reduction: "mean" (over the batch, also with weights), "sum" or "none".

    Raises:
        IndexRangeError: an index is outside 0..classes-1; names it and its row.

    Example:
        >>> multi_margin_loss(Tensor([[0.5, 1.0]]), Tensor([0])).item()
        0.75

    Source: Crammer, Singer 2001, "On the algorithmic implementation of multiclass kernel-based
        vector machines".
    """
    op = "multi_margin_loss"
    if p not in (1, 2):
        raise ArgumentError(f"{op}: p must be 1 or 2, it is {p}")
    (x,) = floating(op, input=input)
    if x.ndim not in (1, 2):
        raise ShapeError(f"{op}: input must be (batch, classes) or (classes,), it is {x.shape}")
    labels = class_indices(op, target, x.shape[:-1], x.shape)
    classes = x.shape[-1]
    label_range(op, labels, classes)
    index = ops.reshape(labels, (*labels.shape, 1))
    right = ops.take_along_axis(x, index, axis=-1)
    loss = ops.relu(x - right + margin)
    loss = ops.square(loss) if p == 2 else loss
    loss = ops.where(ops.equal(arange(classes), index), 0.0, loss)
    if weight is not None:
        weights = asarray(weight)
        if weights.shape != (classes,):
            raise ShapeError(f"{op}: weight has shape {weights.shape} for {classes} classes")
        loss = loss * ops.take(weights, index, axis=0)
    return reduced(ops.sum(loss, axis=-1) / classes, reduction)


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy of many yes-or-no labels, from raw scores, averaged over the labels.

    Args:
        input:     (..., classes) floating: raw scores.
        target:    the same shape, in [0, 1].
        weight:    factors, which broadcast to the shape.
        reduction: "mean" (over the rows), "sum" or "none".

    Example:
        >>> round(multilabel_soft_margin_loss(Tensor([[0.0, 1000.0]]), Tensor([[1, 1]])).item(), 3)
        0.347
    """
    check_reduction(reduction)
    op = "multilabel_soft_margin_loss"
    x, t = floating(op, input=input, target=target)
    same_shape(op, input=x, target=t)
    if x.ndim == 0:
        raise ShapeError(f"{op}: input needs an axis of classes, it is {described(x.shape)}")
    within(op, "target", t, 0.0, 1.0, "label yes 1 and no 0", slack=1e-4)
    t = astype(t, dtypes.promote(x.dtype, t.dtype))
    loss = t * ops.softplus(-x) + (1.0 - t) * ops.softplus(x)
    if weight is not None:
        loss = loss * asarray(weight)
        same_shape(op, input=x, weighted=loss)
    return reduced(ops.sum(loss, axis=-1) / x.shape[-1], reduction)
