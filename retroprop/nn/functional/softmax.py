"""Softmax and its family: exponentials compared along one axis, never overflowing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop import ops
from retroprop.array.creation import arange
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.nn.functional._checks import floating
from retroprop.random import gumbel

__all__ = [
    "gumbel_softmax",
    "log_softmax",
    "logsumexp",
    "softmax",
    "softmin",
]


def _axis(op: str, x: Tensor, dim: int | None) -> int:
    """The axis of the classes; the last one when none is named and there is no doubt."""
    if dim is None and x.ndim > 2:
        raise ArgumentError(
            f"{op}: dim= must name the axis of the classes in a tensor of shape {x.shape}",
            fix="dim=1 for (batch, classes, ...), dim=-1 for (..., classes)",
        )
    return -1 if dim is None else dim


def _prepared(op: str, input: Any, dim: int | None, dtype: Any) -> tuple[Tensor, int]:
    x = input if dtype is None else astype(input, dtype)
    (x,) = floating(op, input=x)
    return x, _axis(op, x, dim)


def _shifted(x: Tensor, axis: int) -> Tensor:
    """x less its largest element along the axis, which no result depends on."""
    if x.shape[axis] == 0:
        return x
    shifted: Tensor = x - ops.max(x.detach(), axis=axis, keepdims=True)
    return shifted


def normaliser(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """(z, log sum exp z) with z = x - max(x): log_softmax without its last subtraction."""
    z = _shifted(x, axis)
    return z, ops.log(ops.sum(ops.exp(z), axis=axis, keepdims=True))


def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """Shares that sum to 1 along an axis: y = exp(x) / sum(exp(x)).

    Args:
        input: floating.
        dim:   the axis of the classes; the last one by default, to be named from three axes on.
        dtype: type to compute in.

    Numerics: the largest element is subtracted first; -inf gets the share 0, a row of nothing else
        NaN.

    Example:
        >>> softmax(Tensor([0.0, 0.0, -1000.0]), dim=-1).tolist()
        [0.5, 0.5, 0.0]
    """
    x, axis = _prepared("softmax", input, dim, dtype)
    powers = ops.exp(_shifted(x, axis))
    return powers / ops.sum(powers, axis=axis, keepdims=True)


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """Logarithm of the softmax along an axis: y = x - log(sum(exp(x))).

    Args:
        input: floating.
        dim:   the axis of the classes; the last one by default, to be named from three axes on.
        dtype: type to compute in.

    Example:
        >>> log_softmax(Tensor([0.0, 1000.0]), dim=-1).tolist()
        [-1000.0, 0.0]
    """
    x, axis = _prepared("log_softmax", input, dim, dtype)
    z, total = normaliser(x, axis)
    return z - total


def softmin(input: Any, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """Softmax of -x: the smallest elements get the largest shares.

    Example:
        >>> softmin(Tensor([0.0, 0.0, 1000.0]), dim=-1).tolist()
        [0.5, 0.5, 0.0]
    """
    x, axis = _prepared("softmin", input, dim, dtype)
    return softmax(-x, axis)


def logsumexp(input: Any, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes (all by default), without overflow.

    Rows that hold nothing but -inf, or no elements, give -inf and a gradient of zero.

    Args:
        input:   floating.
        dim:     axis or axes.
        keepdim: keep the reduced axes with size 1.

    Example:
        >>> round(logsumexp(Tensor([1000.0, 1000.0])).item(), 3)
        1000.693
        >>> logsumexp(Tensor([[float("-inf")] * 2]), dim=1).tolist()
        [-inf]
    """
    (x,) = floating("logsumexp", input=input)
    axis = tuple(dim) if isinstance(dim, Sequence) else dim
    if x.size == 0:
        total = ops.sum(x, axis=axis, keepdims=keepdim)
        return total + float("-inf")
    top = ops.max(x.detach(), axis=axis, keepdims=True)
    top = ops.where(ops.isfinite(top), top, 0.0)
    total = ops.sum(ops.exp(x - top), axis=axis, keepdims=keepdim)
    empty = ops.equal(total, 0.0)
    logarithm = ops.log(ops.where(empty, 1.0, total))
    back = ops.reshape(top, total.shape)
    return ops.where(empty, float("-inf"), logarithm + back)


def gumbel_softmax(
    logits: Any,
    tau: float = 1.0,
    hard: bool = False,
    *,
    dim: int = -1,
    generator: Any = None,
) -> Tensor:
    """Softmax of the logits plus Gumbel noise: a draw of one class that gradients flow through.

        y = softmax((x + noise) / tau)        noise = -log(-log(u)), u uniform in (0, 1)

    Args:
        logits:    floating, unnormalised log-probabilities.
        tau:       temperature, > 0; the smaller, the closer to one-hot.
        hard:      return the one-hot draw itself, with the gradient of the soft one.
        dim:       the axis of the classes.
        generator: random generator; the default one when None.

    Example:
        >>> drawn = gumbel_softmax(Tensor([[0.0, 50.0]]), hard=True)
        >>> drawn.tolist()
        [[0.0, 1.0]]

    Source: Jang, Gu, Poole 2017, arXiv:1611.01144; Maddison, Mnih, Teh 2017, arXiv:1611.00712.
    """
    (x,) = floating("gumbel_softmax", logits=logits)
    if not tau > 0:
        raise ArgumentError(f"gumbel_softmax: tau must be > 0, it is {tau}")
    soft = softmax((x + gumbel(x.shape, dtype=x.dtype, generator=generator)) / tau, dim)
    if not hard:
        return soft
    winner = ops.argmax(soft.detach(), axis=dim, keepdims=True)
    count = soft.shape[dim]
    sizes = [1] * soft.ndim
    sizes[dim] = count
    choice = ops.equal(winner, ops.reshape(arange(count), tuple(sizes)))
    return astype(choice, soft.dtype) + (soft - soft.detach())
