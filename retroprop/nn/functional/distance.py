"""Norms, angles and distances between vectors."""

from __future__ import annotations

import math
from typing import Any

from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.ops.arithmetic import abs, maximum, sqrt, square
from retroprop.ops.comparison import not_equal
from retroprop.ops.exponential import power, rsqrt
from retroprop.ops.reduction import max, min, sum

__all__ = ["cosine_similarity", "normalize", "pairwise_distance"]


def _norm(x: Tensor, p: float, dim: Any, keepdim: bool) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) along axes."""
    if p == 2:
        y = sqrt(sum(square(x), axis=dim, keepdims=keepdim))
    elif p == math.inf:
        y = max(abs(x), axis=dim, keepdims=keepdim)
    elif p == -math.inf:
        y = min(abs(x), axis=dim, keepdims=keepdim)
    elif p == 1:
        y = sum(abs(x), axis=dim, keepdims=keepdim)
    elif p == 0:
        y = sum(not_equal(x, 0).astype(x.dtype), axis=dim, keepdims=keepdim)
    else:
        y = power(sum(power(abs(x), p), axis=dim, keepdims=keepdim), 1 / p)
    found: Tensor = y
    return found


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Vectors along an axis divided by their p-norm: y = x / max(‖x‖, eps).

    Args:
        input: floating.
        p:     of the norm.
        dim:   the axis, or axes, of the vectors.
        eps:   the least that is divided by; a vector of zeros stays, with a finite gradient
               (p = 2).

    Example:
        >>> normalize(asarray([[3.0, 4.0]])).numpy().round(3)
        array([[0.6, 0.8]], dtype=float32)
    """
    x = asarray(input)
    if p == 2:
        inverse: Tensor = rsqrt(maximum(sum(square(x), axis=dim, keepdims=True), eps * eps))
        return x * inverse
    floor: Tensor = maximum(_norm(x, p, dim, True), eps)
    return x / floor


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors: x1 x2 / (max(‖x1‖, eps) max(‖x2‖, eps)).

    Args:
        x1, x2: floating, broadcast with one another.
        dim:    the axis of the vectors.
        eps:    the least that is divided by.

    Example:
        >>> cosine_similarity(asarray([[1.0, 0.0]]), asarray([[1.0, 1.0]])).numpy().round(3)
        array([0.707], dtype=float32)
    """
    a, b = asarray(x1), asarray(x2)
    if not isinstance(dim, int):
        raise ArgumentError(f"cosine_similarity: dim must be one axis, it is {dim!r}")
    inner = sum(a * b, axis=dim)
    inverse = [rsqrt(maximum(sum(square(x), axis=dim), eps * eps)) for x in (a, b)]
    y: Tensor = inner * inverse[0] * inverse[1]
    return y


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis.

    Args:
        x1, x2:  (..., features), broadcast with one another.
        p:       of the norm.
        eps:     added to the difference, so that the gradient is finite where x1 = x2.
        keepdim: keep the last axis with size 1.

    Example:
        >>> pairwise_distance(asarray([[0.0, 0.0]]), asarray([[3.0, 4.0]])).numpy().round(3)
        array([5.], dtype=float32)
    """
    return _norm(asarray(x1) - x2 + eps, p, -1, keepdim)
