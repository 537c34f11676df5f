"""Scaled dot-product attention."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.nn.functional.dropout import dropout
from retroprop.ops.arithmetic import negative, where
from retroprop.ops.comparison import equal
from retroprop.ops.exponential import exp, reciprocal
from retroprop.ops.linalg import matmul, transposed
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import max, sum

__all__ = ["additive_mask", "attention_weights", "causal_mask", "scaled_dot_product_attention"]


@functools.lru_cache(maxsize=64)
def causal_mask(queries: int, keys: int, dtype: Any) -> Tensor:
    """0 where key <= query and -inf elsewhere, to be added to scores (queries, keys).

    Example:
        >>> causal_mask(2, 2, dtypes.float32).tolist()
        [[0.0, -inf], [0.0, 0.0]]
    """
    allowed = np.tri(queries, keys, dtype=bool)
    return Tensor(np.where(allowed, 0.0, -np.inf).astype(dtype))


def additive_mask(mask: Any, dtype: Any, *, blocks: bool) -> Tensor:
    """A mask to be added to scores, from a floating one or from a bool one.

    Args:
        mask:   bool or floating.
        dtype:  of the scores.
        blocks: whether True in a bool mask stands for a pair that must not attend.
    """
    given = asarray(mask)
    if given.dtype == dtypes.bool:
        minus = Tensor(np.array(-np.inf, dtype))
        zero = Tensor(np.zeros((), dtype))
        pair = (minus, zero) if blocks else (zero, minus)
        made: Tensor = where(given, *pair)
        return made
    if not dtypes.is_floating(given.dtype):
        raise DTypeError(
            f"attention: a mask must be bool or floating, it is {given.dtype}",
            fix="compare it with 0: mask != 0",
        )
    return given


def attention_weights(
    query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None
) -> Tensor:
    """softmax(query keyᵀ scale + mask): (..., queries, keys); 0 where a query may attend to no key."""
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = matmul(query * factor, transposed(key))
    if mask is not None:
        scores = scores + mask
    if not scores.shape[-1]:
        return scores  # type: ignore[no-any-return]
    top = max(scores.detach(), axis=-1, keepdims=True)
    top = where(equal(top, -math.inf), 0.0, top)
    raised = exp(scores + negative(top))
    total = sum(raised, axis=-1, keepdims=True)
    total = total if mask is None else where(equal(total, 0.0), 1.0, total)
    weights: Tensor = raised * reciprocal(total)
    return weights


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Values averaged with weights that tell how well each key answers a query.

        y = softmax(query keyᵀ scale + mask) value

    Args:
        query:      (..., heads, queries, features).
        key:        (..., heads, keys, features).
        value:      (..., heads, keys, value features).
        attn_mask:  broadcasts to (..., heads, queries, keys): bool, True where a pair attends; or
                    floating, added to the scores.
        dropout_p:  the probability of dropping a weight (always applied: pass 0 in evaluation).
        is_causal:  True lets query i attend to keys 0..i; without attn_mask.
        scale:      of the scores; 1 / sqrt(features) if None.
        enable_gqa: whether key and value may have fewer heads, each for a group of query heads.

    Returns:
        (..., heads, queries, value features); 0 for a query that may attend to no key.

    Example:
        >>> import retroprop as rp
        >>> x = rp.ones((2, 4, 5, 8))
        >>> scaled_dot_product_attention(x, x, x, is_causal=True).shape
        (2, 4, 5, 8)

    Source: Vaswani et al. 2017, arXiv:1706.03762; grouped heads: Ainslie et al. 2023, arXiv:2305.13245.
    """
    q, k, v = asarray(query), asarray(key), asarray(value)
    _check(q, k, v)
    if is_causal and attn_mask is not None:
        raise ArgumentError(
            "scaled_dot_product_attention: give attn_mask or is_causal=True, not both",
            fix="combine them: attn_mask & rp.tril(...)",
        )
    mask = None
    if is_causal:
        mask = causal_mask(q.shape[-2], k.shape[-2], q.dtype)
    elif attn_mask is not None:
        mask = additive_mask(attn_mask, q.dtype, blocks=False)
    heads = q.shape[-3] if q.ndim > 2 else 1
    if enable_gqa and k.ndim > 2 and k.shape[-3] != heads:
        q, k, v, mask = _grouped(q, k, v, mask)
    weights = attention_weights(q, k, mask, scale)
    if dropout_p:
        weights = dropout(weights, dropout_p)
    y: Tensor = matmul(weights, v)
    return y if y.ndim == query.ndim else reshape(y, (*query.shape[:-1], v.shape[-1]))


def _check(q: Tensor, k: Tensor, v: Tensor) -> None:
    name = "scaled_dot_product_attention"
    for x in (q, k, v):
        if x.ndim < 2:
            raise ShapeError(f"{name}: {x.shape} has no (..., positions, features)")
    if q.shape[-1] != k.shape[-1]:
        raise ShapeError(
            f"{name}: query has {q.shape[-1]} features, key has {k.shape[-1]}",
            fix="project them to the same size",
        )
    if k.shape[-2] != v.shape[-2]:
        raise ShapeError(f"{name}: {k.shape[-2]} keys, {v.shape[-2]} values")


def _grouped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Any:
    """Query heads split into groups that share a key and a value head, by an axis more."""
    heads, shared = q.shape[-3], k.shape[-3]
    if heads % shared or v.shape[-3] != shared:
        raise ShapeError(
            f"scaled_dot_product_attention: {heads} query heads do not share {shared} key and "
            f"{v.shape[-3]} value heads",
            fix="the number of query heads must be a multiple",
        )
    q = reshape(q, (*q.shape[:-3], shared, heads // shared, *q.shape[-2:]))
    k, v = (reshape(x, (*x.shape[:-2], 1, *x.shape[-2:])) for x in (k, v))
    if mask is not None and mask.ndim > 2:
        split = (shared, heads // shared) if mask.shape[-3] == heads else (1, 1)
        mask = reshape(mask, (*mask.shape[:-3], *split, *mask.shape[-2:]))
    return q, k, v, mask
