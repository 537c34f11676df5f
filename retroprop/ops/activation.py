"""The primitives of activation functions, written so that no tail overflows."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.ops.arithmetic import multiply, negative, subtract
from retroprop.ops.comparison import greater
from retroprop.ops.define import FLOATING, REAL, elementwise
from retroprop.ops.samples import points

__all__ = ["log_sigmoid", "relu", "sigmoid", "softplus"]

Array = np.ndarray[Any, Any]

_TAILS = [0.0, -0.0, -30.0, 30.0, -1000.0, 1000.0, np.inf, -np.inf, np.nan]


@elementwise(
    lower=lambda b, x: b.maximum(x, b.like(0, x)),
    partials={"x": lambda y: greater(y, 0.0)},  # a product: several times quicker than a choice
    accepts=REAL,
    method=True,
    samples=points((0.1, 2.0)) + points((-2.0, -0.1), edges=_TAILS),
)
def relu(x: Array, /) -> Array:
    """The positive part, elementwise: y = max(x, 0); its derivative at 0 is taken as 0.

    Example:
        >>> import retroprop as rp
        >>> relu(rp.asarray([-1.0, 2.0])).numpy().tolist()
        [0.0, 2.0]
    """
    return np.maximum(x, np.zeros((), x.dtype))


@elementwise(
    lower=lambda b, x: b.call("sigmoid", x),
    partials={"x": lambda y: multiply(y, subtract(1.0, y))},
    accepts=FLOATING,
    method=True,
    samples=points((-4.0, 4.0), edges=_TAILS),
)
def sigmoid(x: Array, /) -> Array:
    """Logistic function, elementwise: y = 1 / (1 + e^-x).

    Example:
        >>> import retroprop as rp
        >>> rp.sigmoid(rp.asarray([0.0, 2.0])).numpy().round(3)
        array([0.5  , 0.881], dtype=float32)
    """
    small = np.exp(-np.abs(x))
    one = np.ones((), x.dtype)
    return np.divide(np.where(np.less(x, 0), small, one), one + small)


def _lower_softened(b: Any, x: Any) -> Any:
    return b.call("log1p", b.call("exp", b.negative(b.absolute(x))))


def _softened(x: Array) -> Array:
    """log(1 + e^-|x|): what rounds the corner of the ramp."""
    return np.log1p(np.exp(-np.abs(x)))


@elementwise(
    lower=lambda b, x: b.add(b.maximum(x, b.like(0, x)), _lower_softened(b, x)),
    partials={"x": lambda x: sigmoid(x)},
    accepts=FLOATING,
    method=True,
    samples=points((-4.0, 4.0), edges=_TAILS),
)
def softplus(x: Array, /) -> Array:
    """log(1 + e^x), elementwise: a smooth ramp.

    Example:
        >>> import retroprop as rp
        >>> rp.softplus(rp.asarray([0.0, 100.0])).numpy().round(3)
        array([  0.693, 100.   ], dtype=float32)
    """
    return np.maximum(x, np.zeros((), x.dtype)) + _softened(x)


@elementwise(
    lower=lambda b, x: b.subtract(b.minimum(x, b.like(0, x)), _lower_softened(b, x)),
    partials={"x": lambda x: sigmoid(negative(x))},
    accepts=FLOATING,
    method=True,
    samples=points((-4.0, 4.0), edges=_TAILS),
)
def log_sigmoid(x: Array, /) -> Array:
    """Logarithm of the logistic function, elementwise: -log(1 + e^-x).

    Example:
        >>> import retroprop as rp
        >>> log_sigmoid(rp.asarray([0.0, -100.0])).numpy().round(3)
        array([  -0.693, -100.   ], dtype=float32)
    """
    return np.minimum(x, np.zeros((), x.dtype)) - _softened(x)
