"""Elementwise arithmetic and comparison: y[i] depends on the operands at i, after broadcasting.

A partial is the local derivative alone: the engine multiplies by the cotangent and undoes
broadcasting.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.ops.comparison import equal, greater
from retroprop.ops.define import (
    BOOLEAN,
    INEXACT,
    NUMERIC,
    PASS,
    REAL,
    NoGradient,
    elementwise,
)
from retroprop.ops.samples import bad, call, draw, points

__all__ = [
    "abs",
    "add",
    "divide",
    "floor_divide",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "positive",
    "remainder",
    "sign",
    "sqrt",
    "square",
    "subtract",
    "where",
]

Array = np.ndarray[Any, Any]

_STEPS = NoGradient("it is piecewise constant")
_ANYWHERE = (-2.0, 2.0)
_BESIDE = points(_ANYWHERE, _ANYWHERE)
_MISFIT = [bad((2, 3), (4,), match=r"shapes \(2, 3\) and \(4,\) do not broadcast")]


@elementwise(
    lower=lambda b, x, z: b.add(x, z),
    partials={"x": PASS, "z": PASS},
    accepts=NUMERIC,
    operator="+",
    samples=_BESIDE,
    errors=_MISFIT,
)
def add(x: Array, z: Array, /) -> Array:
    """Sum, elementwise: y = x + z.

    Example:
        >>> import retroprop as rp
        >>> rp.add(rp.asarray([1.0, 2.0]), 3).numpy().tolist()
        [4.0, 5.0]
    """
    return np.add(x, z)


@elementwise(
    lower=lambda b, x, z: b.subtract(x, z),
    partials={"x": PASS, "z": -1.0},
    accepts=NUMERIC,
    operator="-",
    samples=_BESIDE,
    errors=_MISFIT,
)
def subtract(x: Array, z: Array, /) -> Array:
    """Difference, elementwise: y = x - z.

    Example:
        >>> import retroprop as rp
        >>> rp.subtract(rp.asarray([1.0, 2.0]), 3).numpy().tolist()
        [-2.0, -1.0]
    """
    return np.subtract(x, z)


@elementwise(
    lower=lambda b, x, z: b.multiply(x, z),
    partials={"x": lambda z: z, "z": lambda x: x},
    accepts=NUMERIC,
    operator="*",
    samples=_BESIDE,
    errors=_MISFIT,
)
def multiply(x: Array, z: Array, /) -> Array:
    """Product, elementwise: y = x * z.

    Example:
        >>> import retroprop as rp
        >>> rp.multiply(rp.asarray([1.0, 2.0]), 3).numpy().tolist()
        [3.0, 6.0]
    """
    return np.multiply(x, z)


@elementwise(
    lower=lambda b, x, z: b.divide(x, z),
    vjp={
        "x": lambda g, z: divide(g, z),
        "z": lambda g, z, y: negative(divide(multiply(g, y), z)),
    },
    accepts=INEXACT,
    operator="/",
    samples=points(_ANYWHERE, (0.5, 2.0), edges=[0.0, np.inf, np.nan]),
    errors=_MISFIT,
)
def divide(x: Array, z: Array, /) -> Array:
    """Quotient, elementwise: y = x / z. Integers are divided as the default float.

    Example:
        >>> import retroprop as rp
        >>> rp.divide(rp.asarray([1.0, 2.0]), 4).numpy().tolist()
        [0.25, 0.5]
    """
    return np.divide(x, z)


@elementwise(
    lower=lambda b, x: b.negative(x),
    partials={"x": -1.0},
    accepts=NUMERIC,
    operator="neg",
    samples=points(_ANYWHERE),
)
def negative(x: Array, /) -> Array:
    """Negation, elementwise: y = -x.

    Example:
        >>> import retroprop as rp
        >>> rp.negative(rp.asarray([1.0, -2.0])).numpy().tolist()
        [-1.0, 2.0]
    """
    return np.negative(x)


@elementwise(
    lower=lambda b, x: x,
    partials={"x": PASS},
    accepts=NUMERIC,
    operator="pos",
    samples=points(_ANYWHERE),
)
def positive(x: Array, /) -> Array:
    """The same numbers: y = x.

    Example:
        >>> import retroprop as rp
        >>> rp.positive(rp.asarray([1.0, -2.0])).numpy().tolist()
        [1.0, -2.0]
    """
    return np.positive(x)


@elementwise(
    lower=lambda b, x: b.multiply(x, x),
    partials={"x": lambda x: 2.0 * x},
    accepts=NUMERIC,
    method=True,
    samples=points(_ANYWHERE),
)
def square(x: Array, /) -> Array:
    """Square, elementwise: y = x * x.

    Example:
        >>> import retroprop as rp
        >>> rp.square(rp.asarray([1.0, -3.0])).numpy().tolist()
        [1.0, 9.0]
    """
    return np.square(x)


@elementwise(
    lower=lambda b, x: b.sqrt(x),
    vjp={"x": lambda g, y: divide(multiply(g, 0.5), y)},
    accepts=INEXACT,
    method=True,
    samples=points((0.1, 4.0), edges=[0.0, np.inf, np.nan]),
)
def sqrt(x: Array, /) -> Array:
    """Square root, elementwise; NaN below zero.

    Example:
        >>> import retroprop as rp
        >>> rp.sqrt(rp.asarray([4.0, 9.0])).numpy().tolist()
        [2.0, 3.0]
    """
    return np.sqrt(x)


@elementwise(
    lower=lambda b, x: b.absolute(x),
    partials={"x": lambda x: sign(x)},
    result=lambda x: {dtypes.complex64: dtypes.float32, dtypes.complex128: dtypes.float64}.get(
        x, x
    ),
    accepts=NUMERIC,
    operator="abs",
    samples=points((0.1, 2.0)) + points((-2.0, -0.1), edges=[0.0, -0.0, -np.inf]),
)
def abs(x: Array, /) -> Array:
    """Magnitude, elementwise: y = |x|; its derivative at 0 is taken as 0.

    Example:
        >>> import retroprop as rp
        >>> rp.abs(rp.asarray([-1.5, 2.0])).numpy().tolist()
        [1.5, 2.0]
    """
    return np.abs(x)


def _lower_sign(b: Any, x: Any) -> Any:
    zero, one = b.like(0, x), b.like(1, x)
    if x.dtype.kind == "u":
        return b.select(b.equal(x, zero), zero, one)
    y = b.select(b.less(x, zero), b.like(-1, x), b.select(b.greater(x, zero), one, zero))
    return b.select(b.is_nan(x), x, y)


@elementwise(
    lower=_lower_sign,
    partials={"x": 0.0},
    accepts=NUMERIC,
    method=True,
    samples=points((0.1, 2.0)) + points((-2.0, -0.1), edges=[0.0, np.nan]),
)
def sign(x: Array, /) -> Array:
    """-1, 0 or 1 by sign (x / |x| for complex); its derivative is 0.

    Example:
        >>> import retroprop as rp
        >>> rp.sign(rp.asarray([-1.5, 0.0, 2.0])).numpy().tolist()
        [-1.0, 0.0, 1.0]
    """
    return np.sign(x)


def _greater_share(g: Any, x: Any, z: Any) -> Any:
    """1 where x is the larger, 1/2 where both tie, 0 elsewhere, times g."""
    return where(greater(x, z), g, where(equal(x, z), multiply(g, 0.5), 0.0))


@elementwise(
    lower=lambda b, x, z: b.maximum(x, z),
    vjp={
        "x": _greater_share,
        "z": lambda g, x, z: _greater_share(g, z, x),
    },
    accepts=REAL,
    samples=points((-2.0, -0.1), (0.1, 2.0))
    + points((0.1, 2.0), (-2.0, -0.1), edges=[np.nan, np.inf]),
    errors=_MISFIT,
)
def maximum(x: Array, z: Array, /) -> Array:
    """The larger of two, elementwise; NaN if either is. Ties share the gradient equally.

    Example:
        >>> import retroprop as rp
        >>> rp.maximum(rp.asarray([1.0, 5.0]), 3).numpy().tolist()
        [3.0, 5.0]
    """
    return np.maximum(x, z)


@elementwise(
    lower=lambda b, x, z: b.minimum(x, z),
    vjp={
        "x": lambda g, x, z: _greater_share(g, negative(x), negative(z)),
        "z": lambda g, x, z: _greater_share(g, negative(z), negative(x)),
    },
    accepts=REAL,
    samples=points((-2.0, -0.1), (0.1, 2.0))
    + points((0.1, 2.0), (-2.0, -0.1), edges=[np.nan, np.inf]),
    errors=_MISFIT,
)
def minimum(x: Array, z: Array, /) -> Array:
    """The smaller of two, elementwise; NaN if either is. Ties share the gradient equally.

    Example:
        >>> import retroprop as rp
        >>> rp.minimum(rp.asarray([1.0, 5.0]), 3).numpy().tolist()
        [1.0, 3.0]
    """
    return np.minimum(x, z)


def _lower_floor_divide(b: Any, x: Any, z: Any) -> Any:
    if not x.is_float:
        return b.quotient(x, z)[0]
    rest, zero = b.call("fmod", x, z), b.like(0, x)
    whole = b.divide(b.subtract(x, rest), z)
    below = b.logical_and(b.not_equal(rest, zero), b.not_equal(b.less(rest, zero), b.less(z, zero)))
    whole = b.select(below, b.subtract(whole, b.like(1, x)), whole)
    down = b.floor(whole)
    down = b.select(
        b.greater(b.subtract(whole, down), b.like(0.5, x)), b.add(down, b.like(1, x)), down
    )
    ratio = b.divide(x, z)
    down = b.select(b.equal(whole, zero), b.copysign(zero, ratio), down)
    return b.select(b.equal(z, zero), ratio, down)


def _lower_remainder(b: Any, x: Any, z: Any) -> Any:
    if not x.is_float:
        return b.quotient(x, z)[1]
    rest, zero = b.call("fmod", x, z), b.like(0, x)
    below = b.not_equal(b.less(rest, zero), b.less(z, zero))
    moved = b.select(below, b.add(rest, z), rest)
    return b.select(b.equal(rest, zero), b.copysign(zero, z), moved)


@elementwise(
    lower=_lower_floor_divide,
    partials={"x": _STEPS, "z": _STEPS},
    accepts=REAL,
    operator="//",
    samples=points(_ANYWHERE, (0.5, 2.0)),
    errors=_MISFIT,
)
def floor_divide(x: Array, z: Array, /) -> Array:
    """Quotient rounded towards minus infinity, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.floor_divide(rp.asarray([7, -7]), 2).numpy().tolist()
        [3, -4]
    """
    return np.floor_divide(x, z)


@elementwise(
    lower=_lower_remainder,
    vjp={
        "x": lambda g: g,
        "z": lambda g, x, z, y: negative(multiply(g, divide(subtract(x, y), z))),
    },
    accepts=REAL,
    operator="%",
    samples=points((0.1, 0.4), (0.5, 2.0)) + points((2.1, 2.3), (0.9, 1.0)),
    errors=_MISFIT,
)
def remainder(x: Array, z: Array, /) -> Array:
    """What floor division leaves, with the sign of z: y = x - floor(x / z) z.

    Example:
        >>> import retroprop as rp
        >>> rp.remainder(rp.asarray([7, -7]), 4).numpy().tolist()
        [3, 1]
    """
    return np.remainder(x, z)


@elementwise(
    lower=lambda b, condition, x, z: b.select(condition, x, z),
    vjp={
        "x": lambda condition, g: where(condition, g, 0.0),
        "z": lambda condition, g: where(condition, 0.0, g),
    },
    roles={"condition": BOOLEAN},
    samples=[
        call(draw((2, 3), kind="bool"), (2, 3), (2, 3)),
        call(draw((3,), kind="bool"), (2, 1), ()),
        call(draw((), kind="bool"), (), (0, 2)),
    ],
    errors=[bad((2,), (2,), (2,), match="where: condition")],
)
def where(condition: Array, x: Array, z: Array, /) -> Array:
    """x where the condition holds, z elsewhere; all three broadcast.

    Example:
        >>> import retroprop as rp
        >>> rp.where(rp.asarray([True, False]), 1.0, rp.asarray([5.0, 6.0])).numpy().tolist()
        [1.0, 6.0]
    """
    return np.where(condition, x, z)
