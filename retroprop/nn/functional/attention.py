"""Scaled dot-product attention, and the masks that go with it.

A mask is brought to one form: numbers that are added to the scores, 0 where a query attends to a
key and -inf where it does not. A query that attends to no key at all gets zeros, never NaN.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.array.creation import asarray
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, ShapeError
from retroprop.nn.functional._checks import floating
from retroprop.nn.functional.dropout import dropout
from retroprop.ops.arithmetic import where
from retroprop.ops.attention import attend
from retroprop.ops.comparison import equal
from retroprop.ops.exponential import exp
from retroprop.ops.linalg import matmul, transposed
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import max, sum

__all__ = ["scaled_dot_product_attention"]

_NAME = "scaled_dot_product_attention"


@functools.lru_cache(maxsize=16)
def causal_mask(queries: int, keys: int, dtype: Any) -> Tensor:
    """0 where key <= query and -inf elsewhere: (queries, keys), to be added to scores.

    Example:
        >>> causal_mask(2, 3, dtypes.float32).tolist()
        [[0.0, -inf, -inf], [0.0, 0.0, -inf]]
    """
    return Tensor(np.where(np.tri(queries, keys, dtype=bool), 0.0, -np.inf), dtype)


def additive_mask(mask: Any, dtype: Any, *, means: bool) -> Tensor:
    """A mask as numbers to add to scores.

    Args:
        mask:  bool, or floating, which is what to add already.
        dtype: of the scores.
        means: what True says in a bool mask: True for "attends", False for "does not".

    Example:
        >>> additive_mask([True, False], dtypes.float32, means=True).tolist()
        [0.0, -inf]
    """
    given = asarray(mask)
    if given.dtype == dtypes.bool:
        yes, no = (0.0, -math.inf) if means else (-math.inf, 0.0)
        return where(given, Tensor(yes, dtype), no)
    if not dtypes.is_floating(given.dtype):
        raise DTypeError(
            f"attention: a mask must be bool or floating, it is {given.dtype}",
            fix="compare it with 0: mask != 0",
        )
    return astype(given, dtype)


def attention_weights(
    query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None = None
) -> Tensor:
    """softmax(query keyᵀ scale + mask), (..., queries, keys); zeros where no key is attended to."""
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1]) if query.shape[-1] else 1.0
    scores: Tensor = matmul(query * scale, transposed(key))
    if mask is not None:
        scores = scores + mask
    if not scores.shape[-1]:
        return scores
    top = max(scores.detach(), axis=-1, keepdims=True)
    if mask is None:
        raised = exp(scores - top)
        return raised / sum(raised, axis=-1, keepdims=True)
    raised = exp(scores - where(equal(top, -math.inf), 0.0, top))
    total = sum(raised, axis=-1, keepdims=True)
    return raised / where(equal(total, 0.0), 1.0, total)


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
    """Values averaged with weights that say how well each key answers a query.

        y = softmax(query keyᵀ scale + mask) value

    Args:
        query:      (..., heads, queries, features) floating.
        key:        (..., heads, keys, features).
        value:      (..., heads, keys, value features).
        attn_mask:  broadcasts to (..., heads, queries, keys): bool, True where a query attends to
                    a key (the opposite of `MultiheadAttention`, as in PyTorch); or floating, added.
        dropout_p:  the probability of dropping a weight; always applied, so 0 in evaluation.
        is_causal:  query i attends to the keys 0..i only; instead of attn_mask.
        scale:      of the scores; 1 / sqrt(features) by default.
        enable_gqa: key and value may have fewer heads, each for a group of heads of the query.

    Returns:
        (..., heads, queries, value features); zeros for a query that attends to no key.

    Raises:
        ShapeError: "scaled_dot_product_attention: query has 8 features, key has 4".

    Numerics: the largest score of a query is subtracted before the exponential.

    Example:
        >>> x = Tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> scaled_dot_product_attention(x, x, Tensor([[1.0], [3.0]]), is_causal=True)[0].tolist()
        [1.0]

    Source: Vaswani et al. 2017, arXiv:1706.03762; shared heads: Ainslie et al. 2023,
        arXiv:2305.13245.
    """
    q, k, v = floating(_NAME, query=query, key=key, value=value)
    _check(q, k, v)
    mask = None
    if is_causal:
        if attn_mask is not None:
            raise ArgumentError(
                f"{_NAME}: give attn_mask or is_causal=True, not both",
                fix="join them into one bool mask: attn_mask & rp.tril(...)",
            )
        if dropout_p:
            mask = causal_mask(q.shape[-2], k.shape[-2], q.dtype)
    elif attn_mask is not None:
        mask = additive_mask(attn_mask, q.dtype, means=True)
        _check_mask(mask.shape, q, k)
    groups = enable_gqa and q.ndim > 2 and k.shape[-3] != q.shape[-3]
    shape = (*q.shape[:-1], v.shape[-1])
    if groups:
        q, k, v, mask = _grouped(q, k, v, mask)
    if dropout_p:
        y = matmul(dropout(attention_weights(q, k, mask, scale), dropout_p), v)
    else:
        y = attended(q, k, v, mask, scale, is_causal)
    return reshape(y, shape) if groups else y


def attended(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    scale: float | None = None,
    is_causal: bool = False,
) -> Tensor:
    """Without the matrix of all weights, which nobody wants to see."""
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1]) if q.shape[-1] else 1.0
    if mask is None:
        added = Tensor(0.0, q.dtype)  # to `attend` a single number is no mask
    else:
        added = mask if mask.ndim else reshape(mask, (1, 1))
    y: Tensor = attend(q, k, v, added, scale=float(scale), causal=is_causal)[0]
    return y


def _check(q: Tensor, k: Tensor, v: Tensor) -> None:
    for name, x in (("query", q), ("key", k), ("value", v)):
        if x.ndim < 2:
            raise ShapeError(f"{_NAME}: {name} must be (..., positions, features), it is {x.shape}")
    if q.shape[-1] != k.shape[-1]:
        raise ShapeError(
            f"{_NAME}: query has {q.shape[-1]} features, key has {k.shape[-1]}",
            fix="project them to the same number of features",
        )
    if k.shape[-2] != v.shape[-2]:
        raise ShapeError(
            f"{_NAME}: key has {k.shape[-2]} positions, value has {v.shape[-2]}",
            fix="each key goes with one value, along the last axis but one",
        )


def _check_mask(mask: tuple[int, ...], q: Tensor, k: Tensor) -> None:
    wanted = (q.shape[-2], k.shape[-2])
    if any(n not in {1, m} for n, m in zip(mask[::-1], wanted[::-1], strict=False)):
        raise ShapeError(
            f"{_NAME}: attn_mask {mask} does not broadcast to "
            f"(..., {wanted[0]} queries, {wanted[1]} keys)",
            fix="a mask of keys alone, (batch, keys), needs two axes more: mask[:, None, None, :]",
        )


def _grouped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Any:
    """Heads of the query in groups, an axis more, that share a head of key and value."""
    heads, shared = q.shape[-3], k.shape[-3]
    if not shared or heads % shared or v.shape[-3] != shared:
        raise ShapeError(
            f"{_NAME}: query has {heads} heads, which cannot share {shared} of key and "
            f"{v.shape[-3]} of value",
            fix="key and value need as many heads, and the heads of query a multiple of them",
        )
    q = reshape(q, (*q.shape[:-3], shared, heads // shared, *q.shape[-2:]))
    k, v = (reshape(x, (*x.shape[:-2], 1, *x.shape[-2:])) for x in (k, v))
    if mask is not None and mask.ndim > 2:
        split = (shared, heads // shared) if mask.shape[-3] == heads else (mask.shape[-3], 1)
        mask = reshape(mask, (*mask.shape[:-3], *split, *mask.shape[-2:]))
    return q, k, v, mask
