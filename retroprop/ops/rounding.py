"""Rounding to whole numbers, elementwise; integers stay what they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.ops.define import NUMERIC, REAL, NoGradient, elementwise
from retroprop.ops.samples import points

__all__ = ["ceil", "floor", "round", "trunc"]

Array = np.ndarray[Any, Any]

_STEPS = NoGradient(
    "it is piecewise constant; for a straight-through gradient, which passes "
    "unchanged, write x + (rounded(x) - x).detach()"
)
_HALVES = points((-3.0, 3.0), edges=[-2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 2.0, np.inf, np.nan])


@elementwise(
    lower=lambda b, x: b.floor(x),
    partials={"x": _STEPS},
    accepts=REAL,
    method=True,
    samples=_HALVES,
)
def floor(x: Array, /) -> Array:
    """Largest whole number <= x, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.floor(rp.asarray([1.5, -1.5])).numpy().tolist()
        [1.0, -2.0]
    """
    return np.floor(x)


@elementwise(
    lower=lambda b, x: b.ceil(x), partials={"x": _STEPS}, accepts=REAL, method=True, samples=_HALVES
)
def ceil(x: Array, /) -> Array:
    """Smallest whole number >= x, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.ceil(rp.asarray([1.5, -1.5])).numpy().tolist()
        [2.0, -1.0]
    """
    return np.ceil(x)


@elementwise(
    lower=lambda b, x: b.trunc(x),
    partials={"x": _STEPS},
    accepts=REAL,
    method=True,
    samples=_HALVES,
)
def trunc(x: Array, /) -> Array:
    """x without its fraction, elementwise: rounded towards zero.

    Example:
        >>> import retroprop as rp
        >>> rp.trunc(rp.asarray([1.5, -1.5])).numpy().tolist()
        [1.0, -1.0]
    """
    return np.trunc(x)


@elementwise(
    lower=lambda b, x: b.round(x),
    partials={"x": _STEPS},
    accepts=NUMERIC,
    method=True,
    samples=_HALVES,
)
def round(x: Array, /) -> Array:
    """Nearest whole number, elementwise; halves go to the even one.

    Example:
        >>> import retroprop as rp
        >>> rp.round(rp.asarray([0.5, 1.5, 2.4])).numpy().tolist()
        [0.0, 2.0, 2.0]
    """
    return np.round(x)
