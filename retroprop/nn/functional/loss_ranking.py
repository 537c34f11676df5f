"""Losses over pairs, triplets and batches of embeddings: what is alike shall be close.

Arguments are PyTorch's; those that stand behind its `size_average` and `reduce`, which are gone,
are given by name.
"""

from __future__ import annotations

import math
from typing import Any

from retroprop import dtypes, ops
from retroprop.array.creation import arange, asarray, zeros
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
from retroprop.nn.functional.distance import normalize, pairwise_distance
from retroprop.nn.functional.loss_classification import cross_entropy
from retroprop.nn.functional.loss_margin import clamped

__all__ = [
    "arcface_loss",
    "cosine_embedding_loss",
    "info_nce_loss",
    "margin_ranking_loss",
    "triplet_margin_loss",
]

_EPS = 1e-12  # added to squared lengths, as in PyTorch


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - target * (input1 - input2)): which of two shall rank higher.

    Args:
        input1:    floating, any shape: scores.
        input2:    the same shape.
        target:    the same shape: 1 where input1 shall be larger, -1 where input2.
        margin:    by how much.
        reduction: "mean", "sum" or "none".

    Example:
        >>> margin_ranking_loss(Tensor([2.0, 1.0]), Tensor([1.0, 1.5]), Tensor([1, 1])).item()
        0.25
    """
    op = "margin_ranking_loss"
    x, z, y = floating(op, input1=input1, input2=input2, target=target)
    same_shape(op, input1=x, input2=z, target=y)
    signs(op, y)
    return reduced(clamped(margin - astype(y, x.dtype) * (x - z)), reduction)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """1 - cos of the angle between two alike, max(0, cos - margin) of two that differ.

    Args:
        input1:    (batch, features) or (features,) floating.
        input2:    the same shape.
        target:    (batch,) or (): 1 for alike, -1 for different.
        margin:    the cosine up to which two that differ cost nothing, from -1 to 1.
        reduction: "mean", "sum" or "none".

    Example:
        >>> a, b = Tensor([[1.0, 0.0], [1.0, 0.0]]), Tensor([[0.0, 2.0], [3.0, 0.0]])
        >>> cosine_embedding_loss(a, b, Tensor([1, -1]), reduction="none").tolist()
        [1.0, 1.0]
    """
    op = "cosine_embedding_loss"
    x, z = floating(op, input1=input1, input2=input2)
    y = asarray(target)
    if x.ndim not in (1, 2):
        raise ShapeError(f"{op}: input1 must be (batch, features) or (features,), it is {x.shape}")
    same_shape(op, input1=x, input2=z)
    _one_per_row(op, "target", y, x)
    signs(op, y)
    lengths = (ops.sum(ops.square(x), axis=-1) + _EPS) * (ops.sum(ops.square(z), axis=-1) + _EPS)
    cosine = ops.sum(x * z, axis=-1) / ops.sqrt(lengths)
    return reduced(ops.where(ops.greater(y, 0), 1.0 - cosine, clamped(cosine - margin)), reduction)


def _one_per_row(op: str, name: str, y: Tensor, x: Tensor) -> None:
    if y.shape != x.shape[:-1]:
        raise ShapeError(
            f"{op}: {name} has shape {y.shape}, rows {described(x.shape)} need {x.shape[:-1]}",
            fix="give one value for each row",
        )


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """max(0, |anchor - positive| - |anchor - negative| + margin), distances in the p-norm.

    Args:
        anchor:    (..., features) floating.
        positive:  the same shape: like the anchor.
        negative:  the same shape: unlike it.
        margin:    how much farther away the negative shall be; > 0.
        p:         of the norm, >= 1.
        eps:       added to each difference, so that its length has a gradient at 0.
        swap:      take the negative's distance to the positive where that is smaller.
        reduction: "mean", "sum" or "none".

    Example:
        >>> a, b, c = Tensor([[0.0]]), Tensor([[1.0]]), Tensor([[1.5]])
        >>> round(triplet_margin_loss(a, b, c).item(), 3)
        0.5

    Source: Balntas et al. 2016, "Learning local feature descriptors with triplets"; Schroff et al.
        2015, arXiv:1503.03832.
    """
    op = "triplet_margin_loss"
    a, b, c = floating(op, anchor=anchor, positive=positive, negative=negative)
    same_shape(op, anchor=a, positive=b, negative=c)
    if not margin > 0:
        raise ArgumentError(f"{op}: margin must be > 0, it is {margin}")
    if not p >= 1:
        raise ArgumentError(f"{op}: p must be at least 1, it is {p}")
    if a.ndim == 0:
        raise ShapeError(f"{op}: the inputs need an axis of features")
    near, far = pairwise_distance(a, b, p, eps), pairwise_distance(a, c, p, eps)
    if swap:
        far = ops.minimum(far, pairwise_distance(b, c, p, eps))
    return reduced(clamped(near - far + margin), reduction)


def info_nce_loss(
    query: Any,
    positive: Any,
    negatives: Any = None,
    temperature: float = 0.1,
    *,
    symmetric: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """InfoNCE: which candidate belongs to each query, as a classification by cosine.

        -log(exp(cos(q, p) / t) / sum over the candidates c of exp(cos(q, c) / t))

    Args:
        query:       (batch, features) floating.
        positive:    the same shape: row i belongs to query i.
        negatives:   the candidates that are wrong: (count, features) for all queries, or (batch,
                     count, features) for each; None takes the positives of the other queries.
        temperature: t, > 0; the smaller, the more the closest wrong candidate counts.
        symmetric:   average with the loss of finding the query of each positive (None negatives
                     only).
        reduction:   "mean", "sum" or "none".

    Example:
        >>> x = Tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> round(info_nce_loss(x, x, temperature=1.0).item(), 3)
        0.313

    Source: van den Oord, Li, Vinyals 2018, arXiv:1807.03748; Chen et al. 2020, arXiv:2002.05709;
        symmetric: Radford et al. 2021, arXiv:2103.00020.
    """
    op = "info_nce_loss"
    check_reduction(reduction)
    q, p = floating(op, query=query, positive=positive)
    same_shape(op, query=q, positive=p)
    if q.ndim != 2:
        raise ShapeError(f"{op}: query must be (batch, features), it is {q.shape}")
    if not temperature > 0:
        raise ArgumentError(f"{op}: temperature must be > 0, it is {temperature}")
    q, p = normalize(q, dim=-1), normalize(p, dim=-1)
    if negatives is None:
        scores = ops.matmul(q, ops.permute_dims(p, (1, 0))) / temperature
        loss = _find(scores, reduction)
        if symmetric:
            loss = (loss + _find(ops.permute_dims(scores, (1, 0)), reduction)) * 0.5
        return loss
    if symmetric:
        raise ArgumentError(f"{op}: symmetric=True takes no negatives of its own")
    wrong = normalize(_negatives(op, negatives, q), dim=-1)
    right = ops.sum(q * p, axis=-1, keepdims=True)
    others = ops.reshape(
        ops.matmul(wrong, ops.reshape(q, (*q.shape, 1))), (q.shape[0], wrong.shape[-2])
    )
    scores = ops.concatenate(right, others, axis=1) / temperature
    first = zeros(q.shape[:1], dtype=dtypes.int64)
    return cross_entropy(scores, first, reduction=reduction, check_logits=False)


def _find(scores: Tensor, reduction: str) -> Tensor:
    """Cross-entropy of the diagonal."""
    right = arange(scores.shape[0])
    return cross_entropy(scores, right, reduction=reduction, check_logits=False)


def _negatives(op: str, negatives: Any, q: Tensor) -> Tensor:
    (x,) = floating(op, negatives=negatives)
    batch, features = q.shape
    fits = x.ndim in (2, 3) and x.shape[-1] == features and x.shape[:-2] in ((), (batch,))
    if not fits:
        raise ShapeError(
            f"{op}: negatives {x.shape} do not fit query {described(q.shape)}",
            fix=f"give (count, {features}) or ({batch}, count, {features})",
        )
    return x


def arcface_loss(
    input: Any,
    target: Any,
    scale: float = 64.0,
    margin: float = 0.5,
    *,
    easy_margin: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """ArcFace: softmax over cosines, where the right class has to win by an angle.

        cross_entropy(scale * cos(angle + margin at the right class))

    Args:
        input:       (batch, classes) floating: cosines between embeddings and class centres, in
                     [-1, 1].
        target:      (batch,) integers: class indices.
        scale:       factor of the cosines, > 0.
        margin:      radians, from 0 to pi / 2.
        easy_margin: add the margin only where the angle is below 90 degrees.
        reduction:   "mean", "sum" or "none".

    Numerics: cos(angle + margin) = cos cos(margin) - sin sin(margin), without an arc cosine. Where
        angle + margin would pass 180 degrees the cosine falls on in a straight line, cos - margin
        sin(margin). The gradient of sin is taken as 0 where the cosine is 1 or -1.

    Raises:
        ArgumentError:   an input is no cosine.
        IndexRangeError: an index is outside 0..classes-1; names it and its row.

    Example:
        >>> cosines = Tensor([[0.5, 0.0]])
        >>> round(arcface_loss(cosines, Tensor([0]), scale=1.0, margin=0.0).item(), 3)
        0.474

    Source: Deng et al. 2019, arXiv:1801.07698.
    """
    op = "arcface_loss"
    (x,) = floating(op, input=input)
    if x.ndim != 2:
        raise ShapeError(f"{op}: input must be (batch, classes), it is {described(x.shape)}")
    if not scale > 0 or not 0 <= margin <= math.pi / 2:
        raise ArgumentError(
            f"{op}: scale must be > 0 and margin from 0 to pi / 2, they are {scale} and {margin}"
        )
    within(op, "input", x, -1.0, 1.0, "divide by the lengths, or use nn.ArcFace", slack=1e-3)
    labels = class_indices(op, target, x.shape[:1], x.shape)
    label_range(op, labels, x.shape[1])
    index = ops.reshape(labels, (-1, 1))
    moved = _with_margin(ops.take_along_axis(x, index, axis=1), margin, easy_margin)
    right = ops.equal(arange(x.shape[1]), index)
    scores = ops.where(right, moved, x) * scale
    return cross_entropy(scores, labels, reduction=reduction, check_logits=False)


def _with_margin(cosine: Tensor, margin: float, easy: bool) -> Tensor:
    """cos(angle + margin) as far as it falls, then on in a straight line."""
    rest = 1.0 - ops.square(cosine)
    inside = ops.greater(rest, 0.0)
    sine = ops.where(inside, ops.sqrt(ops.where(inside, rest, 1.0)), 0.0)
    moved = cosine * math.cos(margin) - sine * math.sin(margin)
    if easy:
        return ops.where(ops.greater(cosine, 0.0), moved, cosine)
    falls = ops.greater(cosine, math.cos(math.pi - margin))
    return ops.where(falls, moved, cosine - math.sin(margin) * margin)
