"""Losses between numbers and numbers.

The target has the shape of the input: (batch, 1) against (batch,) is an error, never a broadcast.
Arguments are PyTorch's; those that stand behind its `size_average` and `reduce`, which are gone,
are given by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retroprop import ops
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional._checks import above, described, floating, same_shape
from retroprop.nn.functional._reduction import reduced

__all__ = [
    "gaussian_nll_loss",
    "huber_loss",
    "l1_loss",
    "log_cosh_loss",
    "mse_loss",
    "poisson_nll_loss",
    "quantile_loss",
    "smooth_l1_loss",
]


def _error(op: str, input: Any, target: Any) -> Tensor:
    """input - target, after both were checked."""
    x, z = floating(op, input=input, target=target)
    same_shape(op, input=x, target=z)
    return x - z


def _weighted(op: str, loss: Tensor, weight: Any, reduction: str) -> Tensor:
    """The reduction of losses, each multiplied by a weight where there are weights."""
    if weight is None:
        return reduced(loss, reduction)
    weights = asarray(weight)
    same_shape(op, input=loss, weight=weights)
    return reduced(loss * weights, reduction, weights)


def mse_loss(input: Any, target: Any, *, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Mean squared error: (input - target)^2.

    Args:
        input:     floating, any shape.
        target:    the same shape.
        reduction: "mean", "sum" or "none".
        weight:    the same shape; the mean divides by its sum.

    Raises:
        ShapeError: "mse_loss: input (batch 8, features 1) and target (batch 8) differ in shape".

    Example:
        >>> mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        2.0
    """
    error = _error("mse_loss", input, target)
    return _weighted("mse_loss", ops.square(error), weight, reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Mean absolute error: |input - target|; its derivative at 0 is 0.

    Args:
        input:     floating, any shape.
        target:    the same shape.
        reduction: "mean", "sum" or "none".
        weight:    the same shape; the mean divides by its sum.

    Example:
        >>> l1_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        1.0
    """
    return _weighted("l1_loss", ops.abs(_error("l1_loss", input, target)), weight, reduction)


def _rounded(error: Tensor, knee: float) -> Tensor:
    """a^2 / 2 up to a = knee, knee (a - knee / 2) beyond, a = |error|; c (a - c / 2) is both."""
    size = ops.abs(error)
    inner = ops.minimum(size, knee)
    return inner * (size - inner * 0.5)


def smooth_l1_loss(
    input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Absolute error with a rounded tip: e^2 / (2 beta) where |e| < beta, |e| - beta / 2 elsewhere.

    Args:
        input:     floating, any shape.
        target:    the same shape.
        reduction: "mean", "sum" or "none".
        beta:      where the parabola ends, in units of the target; 0 is the l1_loss.

    Example:
        >>> smooth_l1_loss(Tensor([0.5, 3.0]), Tensor([0.0, 0.0]), reduction="none").tolist()
        [0.125, 2.5]

    Source: Girshick 2015, arXiv:1504.08083.
    """
    if beta < 0:
        raise ArgumentError(f"smooth_l1_loss: beta must not be negative, it is {beta}")
    error = _error("smooth_l1_loss", input, target)
    return reduced(_rounded(error, beta) / beta if beta else ops.abs(error), reduction)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Tensor:
    """Squared error near 0, absolute far.

        e^2 / 2 where |e| <= delta, delta (|e| - delta / 2) elsewhere        e = input - target

    Args:
        input:     floating, any shape.
        target:    the same shape.
        reduction: "mean", "sum" or "none".
        delta:     where the parabola ends, in units of the target; > 0.
        weight:    the same shape; here the mean divides by the number of elements, as in PyTorch.

    Example:
        >>> huber_loss(Tensor([1.0, 4.0]), Tensor([0.0, 0.0]), "none", 2.0).tolist()
        [0.5, 6.0]

    Source: Huber 1964, "Robust estimation of a location parameter".
    """
    if not delta > 0:
        raise ArgumentError(f"huber_loss: delta must be > 0, it is {delta}")
    error = _error("huber_loss", input, target)
    loss = _rounded(error, delta)
    if weight is not None:
        weights = asarray(weight)
        same_shape("huber_loss", input=loss, weight=weights)
        loss = loss * weights
    return reduced(loss, reduction)


def log_cosh_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """log(cosh(e)) of the error: e^2 / 2 near 0, |e| - log 2 far; its derivative is tanh(e).

    Args:
        input:     floating, any shape.
        target:    the same shape.
        reduction: "mean", "sum" or "none".

    Numerics: log1p(2 sinh(e / 2)^2) near 0, where log(cosh(e)) would round to nothing, and
        |e| + log(1 + exp(-2 |e|)) - log 2 far from it, where cosh overflows.

    Example:
        >>> round(log_cosh_loss(Tensor([1000.0]), Tensor([0.0])).item(), 3)
        999.307
    """
    error = _error("log_cosh_loss", input, target)
    size = ops.abs(error)
    near = ops.less(size, 1.0)
    half = ops.sinh(ops.where(near, error, 0.0) * 0.5)
    inner = ops.log1p(ops.square(half) * 2.0)
    outer = size + ops.softplus(size * -2.0) - math.log(2.0)
    return reduced(ops.where(near, inner, outer), reduction)


def quantile_loss(
    input: Any,
    target: Any,
    quantile: float | Sequence[float] = 0.5,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Pinball loss, smallest when the input is a quantile of the target.

        quantile * e where e = target - input >= 0, (quantile - 1) * e elsewhere

    Args:
        input:     floating; of the target's shape for one quantile, (*target.shape, quantiles) for
                   several.
        target:    any shape.
        quantile:  a number between 0 and 1, or several.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: "quantile_loss: input (batch 8, quantiles 2) ... 3 quantiles of target (batch
                    8)".

    Example:
        >>> quantile_loss(Tensor([0.0, 0.0]), Tensor([1.0, -1.0]), 0.9, reduction="none").numpy()
        array([0.9, 0.1], dtype=float32)
        >>> round(quantile_loss(Tensor([[0.0, 2.0]]), Tensor([1.0]), (0.1, 0.9)).item(), 3)
        0.1

    Source: Koenker, Bassett 1978, "Regression quantiles".
    """
    several = not isinstance(quantile, int | float)
    levels = (float(quantile),) if isinstance(quantile, int | float) else tuple(quantile)
    if not levels or not all(0 < level < 1 for level in levels):
        raise ArgumentError(f"quantile_loss: quantiles lie between 0 and 1, got {quantile}")
    x, z = floating("quantile_loss", input=input, target=target)
    if several:
        if x.shape != (*z.shape, len(levels)):
            names = ("batch", "features", "length")[: z.ndim]
            shown = described(x.shape, axes=(*names, "quantiles") if x.ndim == z.ndim + 1 else ())
            raise ShapeError(
                f"quantile_loss: input {shown} does not hold {len(levels)} quantiles "
                f"of target {described(z.shape)}",
                fix=f"the input needs the shape {(*z.shape, len(levels))}",
            )
        z = ops.reshape(z, (*z.shape, 1))
    else:
        same_shape("quantile_loss", input=x, target=z)
    level = Tensor(levels, x.dtype) if several else levels[0]
    error = z - x
    return reduced(ops.maximum(error * level, error * (level - 1.0)), reduction)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of counts under a Poisson distribution.

        exp(input) - target * input                     with log_input
        input - target * log(input + eps)               without

    Args:
        input:     floating, any shape: the logarithm of the mean, or the mean.
        target:    the same shape: counts.
        log_input: the input is the logarithm of the mean.
        full:      add Stirling's approximation of log(target!), for targets above 1.
        eps:       keeps log(input) finite where the input is 0.
        reduction: "mean", "sum" or "none".

    Example:
        >>> poisson_nll_loss(
        ...     Tensor([0.0, 1.0]), Tensor([2.0, 0.0]), reduction="none"
        ... ).numpy().round(3)
        array([1.   , 2.718], dtype=float32)
    """
    x, z = floating("poisson_nll_loss", input=input, target=target)
    same_shape("poisson_nll_loss", input=x, target=z)
    loss = ops.exp(x) - z * x if log_input else x - z * ops.log(x + eps)
    if full:
        large = ops.greater(z, 1)
        count = ops.where(large, z, 2)
        stirling = count * ops.log(count) - count + ops.log(count * (2.0 * math.pi)) * 0.5
        loss = loss + ops.where(large, stirling, 0.0)
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood under a normal distribution of predicted mean and variance.

        (log(max(var, eps)) + (input - target)^2 / max(var, eps)) / 2

    Args:
        input:     floating, any shape: the mean.
        target:    the same shape.
        var:       the variance, not negative: the same shape, or with one axis of size 1, or
                   without the last axis (one variance for all features of a row), or one number.
        full:      add log(2 pi) / 2.
        eps:       lower bound of the variance; gradients pass it as if it were not there.
        reduction: "mean", "sum" or "none".

    Example:
        >>> gaussian_nll_loss(Tensor([0.0]), Tensor([2.0]), Tensor([1.0])).item()
        2.0

    Source: Nix, Weigend 1994, "Estimating the mean and variance of the target probability
        distribution".
    """
    op = "gaussian_nll_loss"
    x, z = floating(op, input=input, target=target)
    same_shape(op, input=x, target=z)
    if not eps > 0:
        raise ArgumentError(f"{op}: eps must be > 0, it is {eps}")
    variance = _variance(op, x, var)
    above(op, "var", variance, 0.0, "predict a logarithm and take exp, or apply softplus")
    raised = ops.maximum(variance.detach(), eps) - variance.detach()
    variance = variance + raised
    loss = (ops.log(variance) + ops.square(x - z) / variance) * 0.5
    return reduced(loss + 0.5 * math.log(2.0 * math.pi) if full else loss, reduction)


def _variance(op: str, x: Tensor, var: Any) -> Tensor:
    """The variance in a shape that meets the mean's on purpose."""
    variance = Tensor(float(var), x.dtype) if isinstance(var, int | float) else asarray(var)
    paired = zip(variance.shape, x.shape, strict=False)
    stretched = [n for n, m in paired if n != m]
    if variance.shape == () or (variance.ndim == x.ndim and stretched in ([], [1])):
        return variance
    if variance.shape == x.shape[:-1]:
        return ops.reshape(variance, (*variance.shape, 1))
    raise ShapeError(
        f"{op}: var {described(variance.shape)} does not fit input {described(x.shape)}",
        fix=f"give var the shape {x.shape}, {(*x.shape[:-1], 1)} or {x.shape[:-1]}",
    )
