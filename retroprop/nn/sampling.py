"""Tokens drawn from logits, without sorting them: what is unlikely is cut off by a threshold."""

from __future__ import annotations

import math
from typing import Any

from retroprop import random
from retroprop.core.loops.bounded import fori_loop
from retroprop.core.rng import Generator
from retroprop.core.tensor import Tensor
from retroprop.ops.arithmetic import where
from retroprop.ops.comparison import greater_equal
from retroprop.ops.exponential import exp
from retroprop.ops.reduction import max, sum

__all__ = ["sampled"]

_LOW, _HIGH, _HALVINGS = -127.0, 1.0, 32  # where thresholds are looked for: exp(-127) is 0


def sampled(
    logits: Tensor,
    *,
    temperature: Any = 1.0,
    top_k: Any = None,
    top_p: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Tokens drawn from logits; see `generate`.

    Args:
        logits:      (..., tokens).
        temperature, top_k, top_p: numbers, or Tensors of one.
        generator:   the default one if None.

    Returns:
        (...,) integers.

    Example:
        >>> import retroprop as rp
        >>> sampled(rp.asarray([[0.0, 3.0, 1.0]]), top_k=1).tolist()
        [1]
    """
    below = (logits - max(logits, axis=-1, keepdims=True)) / temperature
    if top_k is not None:
        below = _most(
            below, where(greater_equal(below, _LOW), Tensor(1.0, below.dtype), 0.0), top_k
        )
    if top_p is not None:
        shares = exp(below)
        below = _most(below, shares, sum(shares, axis=-1, keepdims=True) * top_p)
    return random.categorical((), below, generator=generator)


def _most(below: Tensor, shares: Tensor, wanted: Any) -> Tensor:
    """The largest elements, as few as have the wanted share together; -inf for the others.

    A threshold is found by halving an interval of 128 down to 2^-25. At its lower end the share is
    always enough (or all there is), at its upper end never.
    """
    total = sum(shares, axis=-1, keepdims=True)

    def halved(_: Tensor, ends: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        low, high = ends
        middle = (low + high) * 0.5
        share = sum(where(greater_equal(below, middle), shares, 0.0), axis=-1, keepdims=True)
        enough = greater_equal(share, wanted)
        return where(enough, middle, low), where(enough, high, middle)

    least, _ = fori_loop(0, _HALVINGS, halved, (total * 0.0 + _LOW, total * 0.0 + _HIGH))
    kept: Tensor = where(greater_equal(below, least), below, -math.inf)
    return kept
