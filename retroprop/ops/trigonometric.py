"""Trigonometric and hyperbolic functions and their inverses, elementwise, angles in radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.ops.arithmetic import (
    add,
    divide,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
)
from retroprop.ops.define import FLOATING, INEXACT, elementwise
from retroprop.ops.exponential import hypot
from retroprop.ops.samples import bad, points

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
]

Array = np.ndarray[Any, Any]

_ENDS = [-1.0, 0.0, 1.0, 1.5, np.nan]
_FAR = [0.0, -0.0, np.inf, -np.inf, np.nan]


@elementwise(
    lower=lambda b, x: b.call("sin", x),
    partials={"x": lambda x: cos(x)},
    accepts=INEXACT,
    method=True,
    samples=points((-4.0, 4.0), edges=[0.0, -0.0, 1e5, np.inf, np.nan]),
)
def sin(x: Array, /) -> Array:
    """Sine, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.sin(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 0.841], dtype=float32)
    """
    return np.sin(x)


@elementwise(
    lower=lambda b, x: b.call("cos", x),
    partials={"x": lambda x: negative(sin(x))},
    accepts=INEXACT,
    method=True,
    samples=points((-4.0, 4.0), edges=[0.0, 1e5, np.inf, np.nan]),
)
def cos(x: Array, /) -> Array:
    """Cosine, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.cos(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([1.  , 0.54], dtype=float32)
    """
    return np.cos(x)


@elementwise(
    lower=lambda b, x: b.call("tan", x),
    partials={"x": lambda y: add(1.0, square(y))},
    accepts=INEXACT,
    method=True,
    samples=points((-1.2, 1.2), edges=_FAR),
)
def tan(x: Array, /) -> Array:
    """Tangent, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.tan(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 1.557], dtype=float32)
    """
    return np.tan(x)


def _opposite(x: Any) -> Any:
    """sqrt(1 - x^2) without the rounding of x^2 near 1."""
    return sqrt(multiply(subtract(1.0, x), add(1.0, x)))


@elementwise(
    lower=lambda b, x: b.call("asin", x),
    vjp={"x": lambda g, x: divide(g, _opposite(x))},
    accepts=INEXACT,
    method=True,
    samples=points((-0.9, 0.9), edges=_ENDS),
)
def asin(x: Array, /) -> Array:
    """Inverse sine, elementwise, in [-pi/2, pi/2]; NaN outside [-1, 1].

    Example:
        >>> import retroprop as rp
        >>> rp.asin(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 1.571], dtype=float32)
    """
    return np.arcsin(x)


@elementwise(
    lower=lambda b, x: b.call("acos", x),
    vjp={"x": lambda g, x: negative(divide(g, _opposite(x)))},
    accepts=INEXACT,
    method=True,
    samples=points((-0.9, 0.9), edges=_ENDS),
)
def acos(x: Array, /) -> Array:
    """Inverse cosine, elementwise, in [0, pi]; NaN outside [-1, 1].

    Example:
        >>> import retroprop as rp
        >>> rp.acos(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([1.571, 0.   ], dtype=float32)
    """
    return np.arccos(x)


@elementwise(
    lower=lambda b, x: b.call("atan", x),
    vjp={"x": lambda g, x: divide(g, add(1.0, square(x)))},
    accepts=INEXACT,
    method=True,
    samples=points((-4.0, 4.0), edges=_FAR),
)
def atan(x: Array, /) -> Array:
    """Inverse tangent, elementwise, in [-pi/2, pi/2].

    Example:
        >>> import retroprop as rp
        >>> rp.atan(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 0.785], dtype=float32)
    """
    return np.arctan(x)


def _turn(g: Any, side: Any, x: Any, z: Any) -> Any:
    """g * side / (x^2 + z^2) without overflow."""
    length = hypot(x, z)
    return multiply(g, divide(divide(side, length), length))


@elementwise(
    lower=lambda b, x, z: b.call("atan2", x, z),
    vjp={
        "x": lambda g, x, z: _turn(g, z, x, z),
        "z": lambda g, x, z: negative(_turn(g, x, x, z)),
    },
    accepts=FLOATING,
    samples=points((-2.0, 2.0), (0.2, 2.0)) + points((0.2, 2.0), (-2.0, -0.2), edges=_FAR),
    errors=[bad((2, 3), (4,), match=r"shapes \(2, 3\) and \(4,\) do not broadcast")],
)
def atan2(x: Array, z: Array, /) -> Array:
    """Angle of the point (z, x), elementwise: the inverse tangent of x / z in its right quadrant.

    Example:
        >>> import retroprop as rp
        >>> rp.atan2(rp.asarray([1.0, -1.0]), rp.asarray([-1.0, 1.0])).numpy().round(3)
        array([ 2.356, -0.785], dtype=float32)
    """
    return np.arctan2(x, z)


@elementwise(
    lower=lambda b, x: b.call("sinh", x),
    partials={"x": lambda x: cosh(x)},
    accepts=INEXACT,
    method=True,
    samples=points((-2.0, 2.0), edges=_FAR),
)
def sinh(x: Array, /) -> Array:
    """Hyperbolic sine, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.sinh(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 1.175], dtype=float32)
    """
    return np.sinh(x)


@elementwise(
    lower=lambda b, x: b.call("cosh", x),
    partials={"x": lambda x: sinh(x)},
    accepts=INEXACT,
    method=True,
    samples=points((-2.0, 2.0), edges=_FAR),
)
def cosh(x: Array, /) -> Array:
    """Hyperbolic cosine, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.cosh(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([1.   , 1.543], dtype=float32)
    """
    return np.cosh(x)


@elementwise(
    lower=lambda b, x: b.call("tanh", x),
    partials={"x": lambda y: subtract(1.0, square(y))},
    accepts=INEXACT,
    method=True,
    samples=points((-2.0, 2.0), edges=[0.0, -0.0, -30.0, 30.0, np.inf, -np.inf, np.nan]),
)
def tanh(x: Array, /) -> Array:
    """Hyperbolic tangent, elementwise, in [-1, 1].

    Example:
        >>> import retroprop as rp
        >>> rp.tanh(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 0.762], dtype=float32)
    """
    return np.tanh(x)


@elementwise(
    lower=lambda b, x: b.call("asinh", x),
    vjp={"x": lambda g, x: divide(g, hypot(x, 1.0))},
    accepts=INEXACT,
    method=True,
    samples=points((-4.0, 4.0), edges=_FAR),
)
def asinh(x: Array, /) -> Array:
    """Inverse hyperbolic sine, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.asinh(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 0.881], dtype=float32)
    """
    return np.arcsinh(x)


@elementwise(
    lower=lambda b, x: b.call("acosh", x),
    vjp={"x": lambda g, x: divide(g, sqrt(multiply(subtract(x, 1.0), add(x, 1.0))))},
    accepts=INEXACT,
    method=True,
    samples=points((1.2, 4.0), edges=[1.0, 0.5, np.inf, np.nan]),
)
def acosh(x: Array, /) -> Array:
    """Inverse hyperbolic cosine, elementwise; NaN below 1.

    Example:
        >>> import retroprop as rp
        >>> rp.acosh(rp.asarray([1.0, 2.0])).numpy().round(3)
        array([0.   , 1.317], dtype=float32)
    """
    return np.arccosh(x)


@elementwise(
    lower=lambda b, x: b.call("atanh", x),
    vjp={"x": lambda g, x: divide(g, multiply(subtract(1.0, x), add(1.0, x)))},
    accepts=INEXACT,
    method=True,
    samples=points((-0.9, 0.9), edges=_ENDS),
)
def atanh(x: Array, /) -> Array:
    """Inverse hyperbolic tangent, elementwise; infinite at the ends of [-1, 1], NaN outside.

    Example:
        >>> import retroprop as rp
        >>> rp.atanh(rp.asarray([0.0, 0.5])).numpy().round(3)
        array([0.   , 0.549], dtype=float32)
    """
    return np.arctanh(x)
