"""Truth, bits and signs, elementwise; and the parts of complex numbers, which are forward only."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.ops.arithmetic import multiply, sign
from retroprop.ops.define import (
    ANY,
    BOOLEAN,
    FLOATING,
    INTEGER,
    NUMERIC,
    PASS,
    NoGradient,
    elementwise,
)
from retroprop.ops.samples import bad, call, draw, points

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "conj",
    "copysign",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "nextafter",
    "real",
    "signbit",
]

Array = np.ndarray[Any, Any]

_TRUTHS = [
    call(draw((2, 3), kind="bool"), draw((2, 3), kind="bool")),
    call(draw((3,), kind="bool"), draw((2, 1), kind="bool")),
    call(draw((), kind="bool"), draw((0, 2), kind="bool")),
    call((2, 3), draw((3,), values=[0.0, 1.0, float("nan")])),
]
_TRUTH = [call(draw((2, 3), kind="bool")), call(draw((), kind="bool")), call((0, 2))]
_BITS = [
    *points((-9.0, 9.0), (-9.0, 9.0), kind="integer"),
    call(draw((2, 3), kind="bool"), draw((3,), kind="bool")),
]
_SHIFTS = points((-9.0, 9.0), (0.0, 5.0), kind="integer")
_SPECIAL = points((-2.0, 2.0), edges=[0.0, -0.0, np.inf, -np.inf, np.nan])
_MISFIT = [bad((2, 3), (4,), match=r"shapes \(2, 3\) and \(4,\) do not broadcast")]
_NO_FLOATS = [bad((2,), (2,), match="does not take float", error=TypeError)]
_PARTS = [*points((-2.0, 2.0)), call(draw((2, 3), kind="complex"))]
_MISFIT_BITS = [
    bad(draw((2, 3), kind="bool"), draw((4,), kind="bool"), match="do not broadcast"),
    *_NO_FLOATS,
]


@elementwise(
    lower=lambda b, x, z: b.logical_and(x, z),
    result=dtypes.bool,
    accepts=ANY,
    samples=_TRUTHS,
    errors=_MISFIT,
)
def logical_and(x: Array, z: Array, /) -> Array:
    """Whether both are true (not zero), elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.logical_and(rp.asarray([True, False]), True).numpy().tolist()
        [True, False]
    """
    return np.logical_and(x, z)


@elementwise(
    lower=lambda b, x, z: b.logical_or(x, z),
    result=dtypes.bool,
    accepts=ANY,
    samples=_TRUTHS,
    errors=_MISFIT,
)
def logical_or(x: Array, z: Array, /) -> Array:
    """Whether one or both are true (not zero), elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.logical_or(rp.asarray([True, False]), False).numpy().tolist()
        [True, False]
    """
    return np.logical_or(x, z)


@elementwise(
    lower=lambda b, x, z: b.logical_xor(x, z),
    result=dtypes.bool,
    accepts=ANY,
    samples=_TRUTHS,
    errors=_MISFIT,
)
def logical_xor(x: Array, z: Array, /) -> Array:
    """Whether exactly one is true (not zero), elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.logical_xor(rp.asarray([True, False]), True).numpy().tolist()
        [False, True]
    """
    return np.logical_xor(x, z)


@elementwise(lower=lambda b, x: b.logical_not(x), result=dtypes.bool, accepts=ANY, samples=_TRUTH)
def logical_not(x: Array, /) -> Array:
    """Whether x is false (zero), elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.logical_not(rp.asarray([True, False])).numpy().tolist()
        [False, True]
    """
    return np.logical_not(x)


@elementwise(
    lower=lambda b, x, z: b.bitwise_and(x, z),
    accepts=BOOLEAN | INTEGER,
    operator="&",
    samples=_BITS,
    errors=_MISFIT_BITS,
)
def bitwise_and(x: Array, z: Array, /) -> Array:
    """The bits that both have, elementwise; on bool the same as `logical_and`.

    Example:
        >>> import retroprop as rp
        >>> (rp.asarray([12, 5]) & 6).numpy().tolist()
        [4, 4]
    """
    return np.bitwise_and(x, z)


@elementwise(
    lower=lambda b, x, z: b.bitwise_or(x, z),
    accepts=BOOLEAN | INTEGER,
    operator="|",
    samples=_BITS,
    errors=_MISFIT_BITS,
)
def bitwise_or(x: Array, z: Array, /) -> Array:
    """The bits that at least one has, elementwise; on bool the same as `logical_or`.

    Example:
        >>> import retroprop as rp
        >>> (rp.asarray([12, 5]) | 6).numpy().tolist()
        [14, 7]
    """
    return np.bitwise_or(x, z)


@elementwise(
    lower=lambda b, x, z: b.bitwise_xor(x, z),
    accepts=BOOLEAN | INTEGER,
    operator="^",
    samples=_BITS,
    errors=_MISFIT_BITS,
)
def bitwise_xor(x: Array, z: Array, /) -> Array:
    """The bits that exactly one has, elementwise; on bool the same as `logical_xor`.

    Example:
        >>> import retroprop as rp
        >>> (rp.asarray([12, 5]) ^ 6).numpy().tolist()
        [10, 3]
    """
    return np.bitwise_xor(x, z)


@elementwise(
    lower=lambda b, x: b.bitwise_invert(x),
    accepts=BOOLEAN | INTEGER,
    operator="~",
    samples=[*points((-9.0, 9.0), kind="integer"), call(draw((2, 3), kind="bool"))],
    errors=[bad((2,), match="does not take float", error=TypeError)],
)
def bitwise_invert(x: Array, /) -> Array:
    """Every bit turned over, elementwise; on bool the same as `logical_not`.

    Example:
        >>> import retroprop as rp
        >>> (~rp.asarray([True, False])).numpy().tolist()
        [False, True]
    """
    return np.invert(x)


@elementwise(
    lower=lambda b, x, z: b.shift_left(x, z),
    accepts=INTEGER,
    operator="<<",
    samples=_SHIFTS,
    errors=_NO_FLOATS,
)
def bitwise_left_shift(x: Array, z: Array, /) -> Array:
    """The bits of x moved up by z places, elementwise: x * 2^z.

    Example:
        >>> import retroprop as rp
        >>> (rp.asarray([1, 5]) << 2).numpy().tolist()
        [4, 20]
    """
    return np.left_shift(x, z)


@elementwise(
    lower=lambda b, x, z: b.shift_right(x, z),
    accepts=INTEGER,
    operator=">>",
    samples=_SHIFTS,
    errors=_NO_FLOATS,
)
def bitwise_right_shift(x: Array, z: Array, /) -> Array:
    """The bits of x moved down by z places, elementwise: floor(x / 2^z).

    Example:
        >>> import retroprop as rp
        >>> (rp.asarray([4, -5]) >> 1).numpy().tolist()
        [2, -3]
    """
    return np.right_shift(x, z)


@elementwise(
    lower=lambda b, x: b.is_nan(x), result=dtypes.bool, accepts=ANY, samples=_SPECIAL, method=True
)
def isnan(x: Array, /) -> Array:
    """Whether x is not a number, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.isnan(rp.asarray([0.0, float("nan")])).numpy().tolist()
        [False, True]
    """
    return np.isnan(x)


@elementwise(
    lower=lambda b, x: b.is_infinite(x),
    result=dtypes.bool,
    accepts=ANY,
    samples=_SPECIAL,
    method=True,
)
def isinf(x: Array, /) -> Array:
    """Whether x is infinite, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.isinf(rp.asarray([0.0, -float("inf")])).numpy().tolist()
        [False, True]
    """
    return np.isinf(x)


@elementwise(
    lower=lambda b, x: b.is_finite(x),
    result=dtypes.bool,
    accepts=ANY,
    samples=_SPECIAL,
    method=True,
)
def isfinite(x: Array, /) -> Array:
    """Whether x is neither infinite nor NaN, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.isfinite(rp.asarray([0.0, float("inf"), float("nan")])).numpy().tolist()
        [True, False, False]
    """
    return np.isfinite(x)


@elementwise(
    lower=lambda b, x: b.sign_bit(x), result=dtypes.bool, accepts=FLOATING, samples=_SPECIAL
)
def signbit(x: Array, /) -> Array:
    """Whether x carries a minus sign, elementwise; true for -0.0.

    Example:
        >>> import retroprop as rp
        >>> rp.signbit(rp.asarray([1.0, -0.0])).numpy().tolist()
        [False, True]
    """
    return np.signbit(x)


@elementwise(
    lower=lambda b, x, z: b.copysign(x, z),
    partials={"x": lambda x, z: multiply(sign(x), copysign(1.0, z)), "z": 0.0},
    accepts=FLOATING,
    samples=points((0.1, 2.0), (0.1, 2.0))
    + points((-2.0, -0.1), (-2.0, -0.1), edges=[0.0, -0.0, np.inf, np.nan]),
    errors=_MISFIT,
)
def copysign(x: Array, z: Array, /) -> Array:
    """The magnitude of x with the sign of z, elementwise; its derivative at x = 0 is taken as 0.

    Example:
        >>> import retroprop as rp
        >>> rp.copysign(rp.asarray([1.0, -2.0]), -1.0).numpy().tolist()
        [-1.0, -2.0]
    """
    return np.copysign(x, z)


_NEIGHBOUR = NoGradient("it steps to a neighbouring floating point number")


@elementwise(
    lower=lambda b, x, z: b.call("nextafter", x, z),
    partials={"x": _NEIGHBOUR, "z": _NEIGHBOUR},
    accepts=FLOATING,
    samples=points((-2.0, 2.0), (-2.0, 2.0), edges=[0.0, np.inf, np.nan]),
    errors=_MISFIT,
)
def nextafter(x: Array, z: Array, /) -> Array:
    """The next number of the type after x in the direction of z, elementwise.

    Example:
        >>> import retroprop as rp
        >>> rp.nextafter(rp.asarray(1.0), 2.0).item() - 1 == rp.finfo(rp.float32).eps
        True
    """
    return np.nextafter(x, z)


def _part(x: Any) -> Any:
    """The type of the real and of the imaginary part."""
    return {dtypes.complex64: dtypes.float32, dtypes.complex128: dtypes.float64}.get(x, x)


@elementwise(
    lower=lambda b, x: x, partials={"x": PASS}, result=_part, accepts=NUMERIC, samples=_PARTS
)
def real(x: Array, /) -> Array:
    """The real part, elementwise; a real x itself.

    Example:
        >>> import retroprop as rp
        >>> rp.real(rp.asarray([1 + 2j])).numpy().tolist()
        [1.0]
    """
    return np.real(x)


@elementwise(
    lower=lambda b, x: b.like(0, x),
    partials={"x": 0.0},
    result=_part,
    accepts=NUMERIC,
    samples=_PARTS,
)
def imag(x: Array, /) -> Array:
    """The imaginary part, elementwise; 0 for a real x.

    Example:
        >>> import retroprop as rp
        >>> rp.imag(rp.asarray([1 + 2j])).numpy().tolist()
        [2.0]
    """
    return np.imag(x)


@elementwise(lower=lambda b, x: x, partials={"x": PASS}, accepts=NUMERIC, samples=_PARTS)
def conj(x: Array, /) -> Array:
    """The complex conjugate, elementwise; a real x itself.

    Example:
        >>> import retroprop as rp
        >>> rp.conj(rp.asarray([1 + 2j])).numpy().tolist()
        [(1-2j)]
    """
    return np.conjugate(x)
