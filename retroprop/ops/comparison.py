"""Elementwise comparison: bool from two tensors of numbers, after broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.ops.define import ANY, REAL, elementwise
from retroprop.ops.samples import bad, points

__all__ = ["equal", "greater", "greater_equal", "less", "less_equal", "not_equal"]

Array = np.ndarray[Any, Any]

_BESIDE = points((-2.0, 2.0), (-2.0, 2.0), edges=[0.0, np.inf, np.nan])
_MISFIT = [bad((2, 3), (4,), match=r"shapes \(2, 3\) and \(4,\) do not broadcast")]


@elementwise(
    lower=lambda b, x, z: b.equal(x, z),
    result=dtypes.bool,
    accepts=ANY,
    operator="==",
    samples=_BESIDE,
    errors=_MISFIT,
)
def equal(x: Array, z: Array, /) -> Array:
    """Whether x = z, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.equal(rp.asarray([1, 2]), 2).numpy().tolist()
        [False, True]
    """
    return np.equal(x, z)


@elementwise(
    lower=lambda b, x, z: b.not_equal(x, z),
    result=dtypes.bool,
    accepts=ANY,
    operator="!=",
    samples=_BESIDE,
    errors=_MISFIT,
)
def not_equal(x: Array, z: Array, /) -> Array:
    """Whether x differs from z, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.not_equal(rp.asarray([1, 2]), 2).numpy().tolist()
        [True, False]
    """
    return np.not_equal(x, z)


@elementwise(
    lower=lambda b, x, z: b.less(x, z),
    result=dtypes.bool,
    accepts=REAL,
    operator="<",
    samples=_BESIDE,
    errors=_MISFIT,
)
def less(x: Array, z: Array, /) -> Array:
    """Whether x < z, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.less(rp.asarray([1, 2]), 2).numpy().tolist()
        [True, False]
    """
    return np.less(x, z)


@elementwise(
    lower=lambda b, x, z: b.less_equal(x, z),
    result=dtypes.bool,
    accepts=REAL,
    operator="<=",
    samples=_BESIDE,
    errors=_MISFIT,
)
def less_equal(x: Array, z: Array, /) -> Array:
    """Whether x <= z, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.less_equal(rp.asarray([1, 3]), 2).numpy().tolist()
        [True, False]
    """
    return np.less_equal(x, z)


@elementwise(
    lower=lambda b, x, z: b.greater(x, z),
    result=dtypes.bool,
    accepts=REAL,
    operator=">",
    samples=_BESIDE,
    errors=_MISFIT,
)
def greater(x: Array, z: Array, /) -> Array:
    """Whether x > z, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.greater(rp.asarray([1, 3]), 2).numpy().tolist()
        [False, True]
    """
    return np.greater(x, z)


@elementwise(
    lower=lambda b, x, z: b.greater_equal(x, z),
    result=dtypes.bool,
    accepts=REAL,
    operator=">=",
    samples=_BESIDE,
    errors=_MISFIT,
)
def greater_equal(x: Array, z: Array, /) -> Array:
    """Whether x >= z, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.greater_equal(rp.asarray([1, 2]), 2).numpy().tolist()
        [False, True]
    """
    return np.greater_equal(x, z)
