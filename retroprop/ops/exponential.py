"""Exponentials, logarithms and powers, elementwise; real and complex, gradients for real types."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import ArgumentError
from retroprop.ops.arithmetic import divide, multiply, negative, square, subtract, where
from retroprop.ops.comparison import equal, greater_equal
from retroprop.ops.define import FLOATING, INEXACT, NUMERIC, elementwise
from retroprop.ops.logic import logical_and
from retroprop.ops.samples import bad, call, draw, points

__all__ = [
    "exp",
    "expm1",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "power",
    "reciprocal",
    "rsqrt",
]

Array = np.ndarray[Any, Any]

_MISFIT = [bad((2, 3), (4,), match=r"shapes \(2, 3\) and \(4,\) do not broadcast")]
_POSITIVE = (0.2, 4.0)
_LOG_EDGES = [0.0, 1.0, np.inf, np.nan]


@elementwise(
    lower=lambda b, x: b.call("exp", x),
    partials={"x": lambda y: y},
    accepts=INEXACT,
    method=True,
    samples=points((-2.0, 2.0), edges=[0.0, -200.0, 200.0, np.inf, -np.inf, np.nan]),
)
def exp(x: Array, /) -> Array:
    """Exponential, elementwise: y = e^x.

    Example:
        >>> import retroprop as rp
        >>> rp.exp(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([1.   , 2.718], dtype=float32)
    """
    return np.exp(x)


@elementwise(
    lower=lambda b, x: b.call("expm1", x),
    partials={"x": lambda x: exp(x)},
    accepts=INEXACT,
    method=True,
    samples=points((-2.0, 2.0), edges=[0.0, 1e-12, -200.0, 200.0, np.inf, -np.inf, np.nan]),
)
def expm1(x: Array, /) -> Array:
    """e^x - 1, elementwise, exact also for x near 0.

    Example:
        >>> import retroprop as rp
        >>> rp.expm1(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 1.718], dtype=float32)
    """
    return np.expm1(x)


@elementwise(
    lower=lambda b, x: b.call("log", x),
    vjp={"x": lambda g, x: divide(g, x)},
    accepts=INEXACT,
    method=True,
    samples=points(_POSITIVE, edges=_LOG_EDGES),
)
def log(x: Array, /) -> Array:
    """Natural logarithm, elementwise; -inf at zero, NaN below.

    Example:
        >>> import retroprop as rp
        >>> rp.log(rp.asarray([1.0, 10.0])).numpy().round(3)
        array([0.   , 2.303], dtype=float32)
    """
    return np.log(x)


@elementwise(
    lower=lambda b, x: b.call("log1p", x),
    vjp={"x": lambda g, x: divide(g, 1.0 + x)},
    accepts=INEXACT,
    method=True,
    samples=points((-0.8, 3.0), edges=[-1.0, 0.0, 1e-12, np.inf, np.nan]),
)
def log1p(x: Array, /) -> Array:
    """Natural logarithm of 1 + x, elementwise, exact also for x near 0.

    Example:
        >>> import retroprop as rp
        >>> rp.log1p(rp.asarray([0.0, 9.0])).numpy().round(3)
        array([0.   , 2.303], dtype=float32)
    """
    return np.log1p(x)


@elementwise(
    lower=lambda b, x: b.call("log2", x),
    vjp={"x": lambda g, x: divide(multiply(g, 1.4426950408889634), x)},
    accepts=INEXACT,
    method=True,
    samples=points(_POSITIVE, edges=_LOG_EDGES),
)
def log2(x: Array, /) -> Array:
    """Logarithm to base 2, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.log2(rp.asarray([1.0, 8.0])).numpy().tolist()
        [0.0, 3.0]
    """
    return np.log2(x)


@elementwise(
    lower=lambda b, x: b.call("log10", x),
    vjp={"x": lambda g, x: divide(multiply(g, 0.4342944819032518), x)},
    accepts=INEXACT,
    method=True,
    samples=points(_POSITIVE, edges=_LOG_EDGES),
)
def log10(x: Array, /) -> Array:
    """Logarithm to base 10, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.log10(rp.asarray([1.0, 100.0])).numpy().round(3)
        array([0., 2.], dtype=float32)
    """
    return np.log10(x)


def _lower_logaddexp(b: Any, x: Any, z: Any) -> Any:
    apart = b.negative(b.absolute(b.subtract(x, z)))
    y = b.add(b.maximum(x, z), b.call("log1p", b.call("exp", apart)))
    return b.select(b.equal(x, z), b.add(x, b.like(0.6931471805599453, x)), y)


@elementwise(
    lower=_lower_logaddexp,
    vjp={
        "x": lambda g, x, z, y: multiply(g, exp(subtract(x, y))),
        "z": lambda g, x, z, y: multiply(g, exp(subtract(z, y))),
    },
    accepts=FLOATING,
    samples=points((-2.0, 2.0), (-2.0, 2.0), edges=[-np.inf, np.inf, 500.0, np.nan]),
    errors=_MISFIT,
)
def logaddexp(x: Array, z: Array, /) -> Array:
    """log(e^x + e^z), elementwise, without overflow.

    Example:
        >>> import retroprop as rp
        >>> rp.logaddexp(rp.asarray([0.0, 100.0]), 0.0).numpy().round(3)
        array([  0.693, 100.   ], dtype=float32)
    """
    return np.logaddexp(x, z)


@elementwise(
    lower=lambda b, x: b.divide(b.like(1, x), x),
    partials={"x": lambda y: negative(square(y))},
    accepts=INEXACT,
    method=True,
    samples=points((0.5, 2.0)) + points((-2.0, -0.5), edges=[0.0, -0.0, np.inf, np.nan]),
)
def reciprocal(x: Array, /) -> Array:
    """1 / x, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.reciprocal(rp.asarray([2.0, -4.0])).numpy().tolist()
        [0.5, -0.25]
    """
    return np.reciprocal(x)


@elementwise(
    lower=lambda b, x: b.divide(b.like(1, x), b.sqrt(x)),
    partials={"x": lambda y: multiply(multiply(-0.5, y), square(y))},
    accepts=INEXACT,
    method=True,
    samples=points((0.5, 4.0), edges=[0.0, np.inf, np.nan]),
)
def rsqrt(x: Array, /) -> Array:
    """1 / sqrt(x), elementwise; NaN below zero.

    Example:
        >>> import retroprop as rp
        >>> rp.rsqrt(rp.asarray([4.0, 16.0])).numpy().tolist()
        [0.5, 0.25]
    """
    return np.reciprocal(np.sqrt(x))


def _along(g: Any, side: Any, y: Any) -> Any:
    """g * side / y, and 0 where both sides are 0, the corner of the cone."""
    return multiply(g, divide(side, where(equal(y, 0.0), 1.0, y)))


@elementwise(
    lower=lambda b, x, z: b.call("hypot", x, z),
    vjp={
        "x": lambda g, x, y: _along(g, x, y),
        "z": lambda g, z, y: _along(g, z, y),
    },
    accepts=FLOATING,
    samples=points((0.2, 2.0), (-2.0, 2.0), edges=[0.0, 1e30, np.inf, np.nan]),
    errors=_MISFIT,
)
def hypot(x: Array, z: Array, /) -> Array:
    """sqrt(x^2 + z^2), elementwise, without overflow; its gradient at (0, 0) is taken as 0.

    Example:
        >>> import retroprop as rp
        >>> rp.hypot(rp.asarray([3.0, 5.0]), rp.asarray([4.0, 12.0])).numpy().tolist()
        [5.0, 13.0]
    """
    return np.hypot(x, z)


def _power_base_rule(g: Any, x: Any, z: Any) -> Any:
    """g z x^(z-1). The exponent 0 is set apart at x = 0, where 0 * 0^-1 would be NaN."""
    base = where(logical_and(equal(x, 0.0), equal(z, 0.0)), 1.0, x)
    return multiply(g, multiply(z, power(base, subtract(z, 1.0))))


def _power_exponent_rule(g: Any, x: Any, z: Any, y: Any) -> Any:
    """g x^z log(x), with 0^z log(0) = 0 for z >= 0 as in PyTorch; NaN below zero."""
    flat = logical_and(equal(x, 0.0), greater_equal(z, 0.0))
    return multiply(g, multiply(y, log(where(flat, 1.0, x))))


@elementwise(
    lower=lambda b, x, z: b.call("pow", x, z),
    lowers=FLOATING,
    vjp={"x": _power_base_rule, "z": _power_exponent_rule},
    accepts=NUMERIC,
    operator="**",
    samples=[
        *points((0.5, 2.0), (-2.0, 2.0), edges=[0.0, 1.0, np.inf, np.nan]),
        call(
            draw((4,), values=[0.0, 0.0, 0.0, -2.0]),
            draw((4,), values=[0.0, 1.0, 2.0, 3.0]),
            differentiable=False,
        ),
    ],
    errors=[
        *_MISFIT,
        bad(
            draw((2,), kind="integer", values=[2, 3]),
            draw((), kind="integer", values=-1),
            match="power: an integer to the power -1",
            error=ArgumentError,
        ),
    ],
)
def power(x: Array, z: Array, /) -> Array:
    """x to the power z, elementwise; 0^0 is 1, a negative base needs a whole exponent (else NaN).

    Gradient: in x as the polynomial it is when z is constant, also at x = 0; in z it is
        y log(x), taken as 0 at x = 0 for z >= 0 and NaN for x < 0.

    Raises:
        ArgumentError: "power: an integer to the power -1 is no integer".

    Example:
        >>> import retroprop as rp
        >>> (rp.asarray([0.0, 3.0]) ** 2).numpy().tolist()
        [0.0, 9.0]
    """
    if np.asarray(x).dtype.kind in "iu" and np.any(np.less(z, 0)):
        raise ArgumentError(
            f"power: an integer to the power {np.min(z)} is no integer",
            fix="convert the base first: rp.astype(x, rp.float32)",
        )
    return np.power(x, z)
