"""Losses between scores and classes, or between distributions.

`cross_entropy` and `binary_cross_entropy_with_logits` take raw scores: they apply the softmax or
the sigmoid themselves, which keeps both tails exact. Arguments are PyTorch's; those that stand
behind its `size_average` and `reduce`, which are gone, are given by name.
"""

from __future__ import annotations

from typing import Any

from retroprop import dtypes, ops
from retroprop.array.creation import asarray
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
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "kl_div",
    "nll_loss",
]

_FLOOR = -100.0  # of the logarithm of a probability
_TINY = 1e-12  # below it that logarithm has the slope 1 / _TINY


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    check_logits: bool = True,
) -> Tensor:
    """Cross-entropy of the target under the softmax of the input.

        indices        -weight[y] * log_softmax(x)[y]
        probabilities  -sum(weight * p * log_softmax(x)) over the classes

    With `label_smoothing` s the target becomes (1 - s) target + s / classes.

    Args:
        input:           (batch, classes, ...) or (classes,) floating: logits, no probabilities.
        target:          class indices, integers of the input's shape without the classes; or
                         probabilities, floating of the input's shape.
        weight:          (classes,) factors of the classes.
        ignore_index:    rows with this index count nothing.
        reduction:       "mean" (indices: weighted mean over the rows that count; probabilities:
                         over all rows), "sum" or "none".
        label_smoothing: between 0 and 1.
        check_logits:    raise when a batch of two rows or more looks like probabilities: all
                         numbers in [0, 1] and each row sums to 1 within 1e-4. False lets such
                         logits through.

    Returns:
        One number, or with "none" the shape of the input without the classes.

    Raises:
        ArgumentError:   the input holds probabilities.
        IndexRangeError: an index is outside 0..classes-1; names it and its row.
        DTypeError:      the target is of the indices' shape but floating.
        ShapeError:      the target fits neither way.

    Example:
        >>> logits = Tensor([[2.0, 0.0], [0.0, 0.0]])
        >>> cross_entropy(logits, Tensor([0, 1]), reduction="none").numpy().round(3)
        array([0.127, 0.693], dtype=float32)
    """
    op = "cross_entropy"
    check_reduction(reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"{op}: label_smoothing lies between 0 and 1, it is {label_smoothing}")
    x, labels = floating(op, input=input, target=target)
    axis = class_axis(op, x)
    weights = class_weight(op, weight, x, axis)
    if check_logits:
        no_probabilities(op, x, axis)
    if labels.shape == x.shape and dtypes.is_floating(labels.dtype):
        return _soft_cross_entropy(x, labels, weights, axis, reduction, label_smoothing)
    chosen = Labels(op, x, labels, weights, axis, ignore_index)
    z, total = normaliser(x, axis)
    total = ops.reshape(total, chosen.counted.shape)
    loss = chosen.settle(total - chosen.pick(z), reduction)
    if label_smoothing:
        smooth = ops.where(chosen.counted, _smooth_loss(z, total, weights, axis), 0.0)
        share = label_smoothing / x.shape[axis]
        smooth = reduced(smooth, reduction, chosen.weight) * share
        loss = loss * (1.0 - label_smoothing) + smooth
    return loss


def _smooth_loss(z: Tensor, total: Tensor, weight: Tensor | None, axis: int) -> Tensor:
    """-sum(weight * log_softmax) over the classes."""
    if weight is None:
        return total * z.shape[axis] - ops.sum(z, axis=axis)
    weighted = ops.sum(z * _along(weight, z.ndim, axis), axis=axis)
    return total * ops.sum(weight) - weighted


def _along(weight: Tensor, ndim: int, axis: int) -> Tensor:
    return ops.reshape(weight, (-1, *(1,) * (ndim - axis - 1)))


def _soft_cross_entropy(
    x: Tensor, target: Tensor, weight: Tensor | None, axis: int, reduction: str, smoothing: float
) -> Tensor:
    """The loss with a distribution as target; its mean is over rows, whatever their weights."""
    within("cross_entropy", "target", target, 0.0, 1.0, _PROBABILITY_TARGET, slack=1e-4)
    z, total = normaliser(x, axis)
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / x.shape[axis]
    if weight is not None:
        target = target * _along(weight, x.ndim, axis)
    return reduced(ops.sum(target * (total - z), axis=axis), reduction)


_PROBABILITY_TARGET = "a floating target of the input's shape holds probabilities"


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of class indices, from log-probabilities: -weight[y] * input[y].

    Args:
        input:        (batch, classes, ...) or (classes,) floating: log-probabilities.
        target:       class indices, integers of the input's shape without the classes.
        weight:       (classes,) factors of the classes.
        ignore_index: rows with this index count nothing.
        reduction:    "mean" (weighted, over the rows that count), "sum" or "none".

    Raises:
        IndexRangeError: an index is outside 0..classes-1; names it and its row.

    Example:
        >>> nll_loss(Tensor([[-0.5, -1.0], [-2.0, -0.25]]), Tensor([0, 1])).item()
        0.375
    """
    check_reduction(reduction)
    (x,) = floating("nll_loss", input=input)
    axis = class_axis("nll_loss", x)
    weights = class_weight("nll_loss", weight, x, axis)
    chosen = Labels("nll_loss", x, target, weights, axis, ignore_index)
    return chosen.settle(-chosen.pick(x), reduction)


def _clamped_log(p: Tensor, *, complement: bool) -> Tensor:
    """log(p), or log(1 - p), not below -100; its slope at the clamp is finite, as in PyTorch."""
    near = ops.subtract(1.0, p) if complement else p
    tiny = max(_TINY, dtypes.finfo(p.dtype).smallest_normal)
    positive = ops.greater(near, 0.0)
    if complement:
        logarithm = ops.log1p(-ops.where(positive, p, 0.0))
    else:
        logarithm = ops.log(ops.where(positive, p, 1.0))
    lowest = ops.maximum(ops.where(positive, logarithm.detach(), _FLOOR), _FLOOR)
    ramp = (p - p.detach()) * ((-1.0 if complement else 1.0) / tiny)
    return ops.where(ops.greater_equal(near, tiny), logarithm, lowest + ramp)


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy of two classes, from probabilities: -(t log(p) + (1 - t) log(1 - p)).

    From raw scores use `binary_cross_entropy_with_logits`, which is exact in both tails.

    Args:
        input:     floating, any shape: probabilities, in [0, 1].
        target:    the same shape, in [0, 1].
        weight:    factors, which broadcast to the shape.
        reduction: "mean" (over all elements, also with weights), "sum" or "none".

    Raises:
        ArgumentError: a number is outside [0, 1]; names it and its place.

    Numerics: logarithms are not below -100, so a wrong certainty costs 100 and has a finite
        gradient.

    Example:
        >>> binary_cross_entropy(Tensor([0.5, 0.0]), Tensor([1.0, 1.0]), reduction="none").numpy()
        array([  0.6931472, 100.       ], dtype=float32)
    """
    op = "binary_cross_entropy"
    p, t = floating(op, input=input, target=target)
    same_shape(op, input=p, target=t)
    raw = "raw scores belong in binary_cross_entropy_with_logits; or apply a sigmoid first"
    within(op, "input", p, 0.0, 1.0, raw)
    within(op, "target", t, 0.0, 1.0, _TWO_CLASSES, slack=1e-4)
    t = astype(t, dtypes.promote(p.dtype, t.dtype))
    loss = -(t * _clamped_log(p, complement=False) + (1.0 - t) * _clamped_log(p, complement=True))
    return reduced(_element_weighted(op, loss, weight), reduction)


_TWO_CLASSES = "label the two classes 0 and 1; signs -1 and 1 become (target + 1) / 2"


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """Cross-entropy of two classes, from raw scores.

        -(w t log(s) + (1 - t) log(1 - s))        s = sigmoid(x)

    Numerics: w t softplus(-x) + (1 - t) softplus(x), which keeps its digits in both tails.

    Args:
        input:      floating, any shape: raw scores.
        target:     the same shape, in [0, 1].
        weight:     factors, which broadcast to the shape.
        reduction:  "mean" (over all elements, also with weights), "sum" or "none".
        pos_weight: w, which broadcasts to the shape: how much class 1 counts against class 0.

    Raises:
        ArgumentError: a target is outside [0, 1]; names it and its place.

    Example:
        >>> binary_cross_entropy_with_logits(Tensor([0.0, 1000.0]), Tensor([1.0, 0.0])).item() > 500
        True
    """
    op = "binary_cross_entropy_with_logits"
    x, t = floating(op, input=input, target=target)
    same_shape(op, input=x, target=t)
    within(op, "target", t, 0.0, 1.0, _TWO_CLASSES, slack=1e-4)
    t = astype(t, dtypes.promote(x.dtype, t.dtype))
    positive = t if pos_weight is None else t * _broadcast_weight(op, "pos_weight", pos_weight, x)
    loss = positive * ops.softplus(-x) + (1.0 - t) * ops.softplus(x)
    return reduced(_element_weighted(op, loss, weight), reduction)


def _element_weighted(op: str, loss: Tensor, weight: Any) -> Tensor:
    return loss if weight is None else loss * _broadcast_weight(op, "weight", weight, loss)


def _broadcast_weight(op: str, name: str, weight: Any, x: Tensor) -> Tensor:
    """A weight that stretches to the shape of the losses, never the other way round."""
    factor = asarray(weight)
    aligned = zip(factor.shape[::-1], x.shape[::-1], strict=False)
    if factor.ndim > x.ndim or any(n not in (1, m) for n, m in aligned):
        raise ShapeError(
            f"{op}: {name} {factor.shape} does not broadcast to input {described(x.shape)}",
            fix="align it at the right: one weight for each output has shape (outputs,)",
        )
    return factor


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence of the target from the input: target * (log(target) - input).

    Args:
        input:      floating, any shape: log-probabilities.
        target:     the same shape: probabilities, or log-probabilities with `log_target`.
        reduction:  "mean" (over elements), "batchmean" (sum / rows: the divergence itself), "sum"
                    or "none".
        log_target: the target holds logarithms.

    Example:
        >>> kl_div(Tensor([[-1.0, -2.0]]), Tensor([[0.0, 1.0]]), reduction="batchmean").item()
        2.0

    Source: Kullback, Leibler 1951, "On information and sufficiency".
    """
    check_reduction(reduction, also=("batchmean",))
    x, t = floating("kl_div", input=input, target=target)
    same_shape("kl_div", input=x, target=t)
    if log_target:
        loss = ops.exp(t) * (t - x)
    else:
        t = floating("kl_div", target=t)[0]
        positive = ops.greater(t, 0.0)
        entropy = t * ops.log(ops.where(positive, t, 1.0))
        loss = ops.where(positive, entropy, 0.0) - t * x
    if reduction == "batchmean":
        return reduced(loss, "sum") / (x.shape[0] if x.ndim else 1)
    return reduced(loss, reduction)
