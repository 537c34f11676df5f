"""Attention as one op: scores, softmax and the average of the values, and the adjoint of that.

As one op it can be computed block by block: the matrix of all queries by all keys is never kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import shapes
from retroprop.errors import ShapeError
from retroprop.ops.arithmetic import add, multiply, negative, subtract, where
from retroprop.ops.define import FLOATING, primitive
from retroprop.ops.exponential import exp
from retroprop.ops.linalg import matmul, transposed
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import sum as total
from retroprop.ops.samples import bad, call, draw

__all__ = ["attend", "attend_adjoint"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _common(*given: Shape) -> Shape:
    """The axes before the last two, of all operands together."""
    return shapes.broadcast(*(shape[:-2] for shape in given), op="attend")


def _both(q: Shape, k: Shape, v: Shape, mask: Shape, *, scale: float, causal: bool) -> list[Shape]:
    for name, shape in (("q", q), ("k", k), ("v", v)):
        if len(shape) < 2:
            raise ShapeError(f"attend: {name} must be (..., positions, features), it is {shape}")
    if q[-1] != k[-1]:
        raise ShapeError(f"attend: q has {q[-1]} features, k has {k[-1]}")
    if k[-2] != v[-2]:
        raise ShapeError(f"attend: k has {k[-2]} positions, v has {v[-2]}")
    outer = _common(q, k, v)
    if mask:
        shapes.broadcast(mask, (*outer, q[-2], k[-2]), op="attend")
        outer = _common(q, k, v, (1, 1, *mask)[-max(len(mask), 2) :])
    return [(*outer, q[-2], v[-1]), (*outer, q[-2])]


def _causal(queries: int, keys: int) -> Array:
    return np.tri(queries, keys, dtype=bool)


def _scores(q: Any, k: Any, mask: Any, scale: float, causal: bool) -> Any:
    """What the softmax is taken of."""
    scores = multiply(matmul(q, transposed(k)), scale)
    scores = scores if not mask.shape else add(scores, mask)
    if causal:
        seen = _causal(q.shape[-2], k.shape[-2])
        scores = where(seen, scores, np.asarray(-np.inf, scores.dtype))
    return scores


def _pull(
    g: Any, q: Any, k: Any, v: Any, mask: Any, y: Any, wanted: Any, scale: float, causal: bool
) -> Any:
    made, level = y
    above, of_level = g
    delta = subtract(total(multiply(above, made), axis=-1), of_level)
    found = attend_adjoint(above, q, k, v, mask, level, delta, scale=scale, causal=causal)
    change = None
    if wanted[3] and mask.shape:
        *_, change = _parts(above, q, k, v, mask, level, delta, scale, causal)
    return (*found, change)


_CALLS = [
    call((2, 3, 4), (2, 5, 4), (2, 5, 3), (), scale=0.5, causal=False),
    call((3, 4), (3, 4), (3, 2), (), scale=0.7, causal=True),
    call((2, 2, 3, 4), (2, 1, 4, 4), (2, 1, 4, 2), (2, 1, 1, 4), scale=0.5, causal=False),
    call((4, 2), (3, 2), (3, 1), (4, 3), scale=1.0, causal=True),
    call((1, 1), (1, 1), (1, 1), (), scale=1.0, causal=False),
    call((3, 2), (2, 2), (2, 2), draw((3, 2), -1e30, -1e30), scale=1.0, causal=False,
         differentiable=False),
]  # fmt: skip
_ERRORS = [
    bad((2, 3), (4, 2), (4, 2), (), scale=1.0, causal=False, match="q has 3 features, k has 2"),
    bad((2, 3), (4, 3), (5, 2), (), scale=1.0, causal=False, match="k has 4 positions, v has 5"),
    bad((3,), (4, 3), (4, 2), (), scale=1.0, causal=False, match="q must be"),
]


@primitive(
    form="opaque",
    shape=_both,
    result=lambda q, k, v, mask, **_: [q, q],
    accepts=FLOATING,
    vjp=_pull,
    samples=_CALLS,
    errors=_ERRORS,
)
def attend(
    q: Array, k: Array, v: Array, mask: Array, /, *, scale: float, causal: bool = False
) -> tuple[Array, Array]:
    """Values averaged with the softmax of scores, and the logarithm of what it divides by.

        s = scale q kᵀ + mask        level = log Σ exp(s)        y = exp(s - level) v

    Args:
        q:      (..., queries, features).
        k:      (..., keys, features).
        v:      (..., keys, value features).
        mask:   added to the scores, broadcasts to (..., queries, keys); of shape () there is none.
        scale:  of the scores.
        causal: query i sees the keys 0..i only.

    Returns:
        y (..., queries, value features) and level (..., queries). A query that sees no key, or only
        keys with the score -inf, gets zeros, and the level 0.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> x, v = rp.asarray([[1.0, 0.0], [0.0, 1.0]]), rp.asarray([[1.0], [3.0]])
        >>> y, level = ops.attend(x, x, v, rp.asarray(0.0), scale=1.0, causal=True)
        >>> y[0].tolist(), level[0].item()
        ([1.0], 1.0)

    Source: Vaswani et al. 2017, arXiv:1706.03762; the level is what Dao et al. 2022,
        arXiv:2205.14135, keep instead of the weights.
    """
    scores = _scores(q, k, mask, scale, causal)
    top = np.max(scores, axis=-1, keepdims=True, initial=-np.inf)
    raised = np.exp(scores - np.where(np.isneginf(top), 0, top).astype(scores.dtype))
    share = np.sum(raised, axis=-1, keepdims=True)
    nothing = share == 0
    y = np.matmul(raised / np.where(nothing, 1, share).astype(share.dtype), v)
    level = np.where(nothing, 0, top + np.log(np.where(nothing, 1, share)))[..., 0]
    return np.asarray(y, q.dtype), np.asarray(level, q.dtype)


def _three(
    above: Shape, q: Shape, k: Shape, v: Shape, mask: Shape, level: Shape, delta: Shape, *,
    scale: float, causal: bool,
) -> list[Shape]:  # fmt: skip
    wanted, rows = _both(q, k, v, mask, scale=scale, causal=causal)
    given = {"above": (above, wanted), "level": (level, rows), "delta": (delta, rows)}
    for name, (shape, want) in given.items():
        if shape != want:
            raise ShapeError(f"attend_adjoint: {name} must be {want}, it is {shape}")
    outer = above[:-2]
    return [(*outer, *q[-2:]), (*outer, *k[-2:]), (*outer, *v[-2:])]


def _pull_again(
    g: Any, above: Any, q: Any, k: Any, v: Any, mask: Any, level: Any, delta: Any,
    scale: float, causal: bool,
) -> Any:  # fmt: skip
    """Of the inner product of three cotangents with dq, dk, dv, in every operand."""
    into_q, into_k, into_v = g
    weights, spread, change = _parts(above, q, k, v, mask, level, delta, scale, causal)
    toward = multiply(add(matmul(into_q, transposed(k)), matmul(q, transposed(into_k))), scale)
    shared = multiply(toward, weights)
    inner = add(multiply(shared, spread), multiply(weights, matmul(above, transposed(into_v))))
    return (
        add(matmul(weights, into_v), matmul(shared, v)),
        multiply(add(matmul(inner, k), matmul(change, into_k)), scale),
        multiply(add(matmul(transposed(inner), q), matmul(transposed(change), into_q)), scale),
        matmul(transposed(shared), above),
        inner if mask.shape else None,
        negative(total(inner, axis=-1)),
        negative(total(shared, axis=-1)),
    )


def _parts(
    above: Any, q: Any, k: Any, v: Any, mask: Any, level: Any, delta: Any,
    scale: float, causal: bool,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """The weights P, dP - delta, and P (dP - delta), which is the gradient of the scores."""
    scores = _scores(q, k, mask, scale, causal)
    weights = exp(subtract(scores, reshape(level, (*level.shape, 1))))
    spread = subtract(matmul(above, transposed(v)), reshape(delta, (*delta.shape, 1)))
    return weights, spread, multiply(weights, spread)


_ADJOINT_CALLS = [
    call((2, 3, 2), (2, 3, 4), (2, 5, 4), (2, 5, 2), (), (2, 3), (2, 3), scale=0.5, causal=False),
    call((3, 2), (3, 4), (3, 4), (3, 2), (), (3,), (3,), scale=0.7, causal=True),
    call((2, 2, 3, 2), (2, 2, 3, 4), (2, 1, 4, 4), (2, 1, 4, 2), (2, 1, 1, 4), (2, 2, 3),
         (2, 2, 3), scale=0.5, causal=False),
]  # fmt: skip


@primitive(
    form="opaque",
    shape=_three,
    result=lambda above, q, k, v, mask, level, delta, **_: [q, q, q],
    accepts=FLOATING,
    vjp=_pull_again,
    samples=_ADJOINT_CALLS,
    errors=[
        bad(
            *((2, 2), (3, 4), (5, 4), (5, 2), (), (3,), (3,)),
            scale=1.0,
            causal=False,
            match=r"above must be \(3, 2\), it is \(2, 2\)",
        ),
    ],
)
def attend_adjoint(
    above: Array, q: Array, k: Array, v: Array, mask: Array, level: Array, delta: Array, /, *,
    scale: float, causal: bool = False,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """The adjoint of `attend`: gradients of q, k and v.

        p = exp(scale q kᵀ + mask - level)        s = p (above vᵀ - delta)
        dq = scale s k        dk = scale sᵀ q        dv = pᵀ above

    Args:
        above: the gradient of y.
        q, k, v, mask, scale, causal: as in `attend`.
        level: what `attend` returned.
        delta: (..., queries), Σ above y, less the gradient of the level.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> one, zero = rp.asarray([[1.0]]), rp.asarray([0.0])
        >>> found = ops.attend_adjoint(
        ...     one, one, one, one, rp.asarray(0.0), zero + 1, zero, scale=1.0
        ... )
        >>> [x.item() for x in found]
        [1.0, 1.0, 1.0]
    """
    weights, _, change = _parts(above, q, k, v, mask, level, delta, scale, causal)
    swapped = [np.swapaxes(x, -1, -2) for x in (weights, change)]
    outer = above.shape[:-2]
    found = (
        np.matmul(change, k) * q.dtype.type(scale),
        np.matmul(swapped[1], q) * q.dtype.type(scale),
        np.matmul(swapped[0], above),
    )
    ends = (q.shape[-2:], k.shape[-2:], v.shape[-2:])
    return tuple(  # type: ignore[return-value]
        np.asarray(np.broadcast_to(x, (*outer, *end)), q.dtype)
        for x, end in zip(found, ends, strict=True)
    )
