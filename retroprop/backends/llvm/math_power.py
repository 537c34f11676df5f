"""x^z = e^(z log |x|), the logarithm in more precision than the result, and the sign apart.

float32 is computed in float64. float64 has the logarithm as a sum of two numbers; its products are
split by fused multiply-add, so machines without (baseline SSE) call the C library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retroprop.backends.llvm.math_exponential import LN2, SQRT_HALF_BITS, exp
from retroprop.backends.llvm.math_parts import (
    FORMATS,
    clamp,
    in_each_lane,
    polynomial,
    power_of_two,
)

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["power"]

_DOUBLE = np.dtype(np.float64)
_LOG2_E = 1.4426950408889634
# log((1 + s) / (1 - s)) / s = 2 + z C(z) = 2 + z (2/3 + z D(z)) with z = s^2, and
# e^r = 1 + r + r^2 E(r): highest power first, fitted at Chebyshev nodes in 40 digits.
_C = (
    0.19588697264397364, 0.221758614746128, 0.28572117447498674, 0.39999995536031907,
    0.6666666667609706,
)  # fmt: skip
_D = (
    0.1199689586169468, 0.11673823945333807, 0.13336369319971778, 0.15384555427170477,
    0.1818181889327061, 0.2222222221732985, 0.2857142857144607, 0.39999999999999974,
)  # fmt: skip
_TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
_E = (
    2.488278052615639e-05, 1.9909783394116221e-04, 1.3888806397794014e-03, 8.33328029635856e-03,
    4.166666699768504e-02, 0.16666666790816947, 0.4999999999958495,
)  # fmt: skip


class _Sum(NamedTuple):
    """A number in two parts, the second below the last place of the first."""

    first: Scalar
    rest: Scalar


def power(b: Builder, x: Scalar, z: Scalar) -> Scalar:
    """x^z with the special cases of C."""
    if x.dtype == _DOUBLE and not _fuses(b):
        return in_each_lane(b, "pow", [x, z])
    size, one = b.absolute(x), b.like(1, x)
    if x.dtype == _DOUBLE:
        y = _double(b, size, z)
    else:
        y = b.cast(_single(b, b.cast(size, _DOUBLE), b.cast(z, _DOUBLE)), x.dtype)
    whole, odd = _parity(b, z)
    # Below zero: a sign for odd exponents, no value for fractions, but for -0 and -inf.
    y = b.select(b.logical_and(odd, b.sign_bit(x)), b.negative(y), y)
    inside = b.logical_and(b.less(x, b.like(0, x)), b.less(size, b.like(np.inf, x)))
    y = b.select(b.logical_and(inside, b.logical_not(whole)), b.like(np.nan, x), y)
    endless = b.logical_and(b.equal(size, one), b.is_infinite(z))
    plain = b.logical_or(b.equal(z, b.like(0, x)), b.equal(x, one))
    return b.select(b.logical_or(plain, endless), one, y)


def _fuses(b: Builder) -> bool:
    return "+fma" in b.target.features or b.target.name == "neon"


def _parity(b: Builder, z: Scalar) -> tuple[Scalar, Scalar]:
    """Whether z is a whole number (an infinity is), and whether it is odd."""
    step = 2.0 ** FORMATS[z.dtype].mantissa  # from here on all numbers are whole
    size = b.absolute(z)
    is_large = b.greater_equal(size, b.like(step, z))
    shifted = b.add(size, b.like(step, z))
    same = b.equal(b.subtract(shifted, b.like(step, z)), size)
    whole = b.logical_or(is_large, same)
    bits = b.bits(b.select(is_large, size, shifted))
    odd = b.truth(b.bitwise_and(bits, b.like(1, bits)))
    odd = b.logical_and(odd, b.less(size, b.like(2 * step, z)))
    return whole, b.logical_and(odd, whole)


def _split(b: Builder, x: Scalar) -> tuple[Scalar, Scalar]:
    """(k, m) with x = 2^k m, m close to 1, for normal positive x."""
    form, bits = FORMATS[x.dtype], b.bits(x)
    places = b.like(form.mantissa, bits)
    offset = b.like(SQRT_HALF_BITS[x.dtype], bits)
    n = b.shift_right(b.subtract(bits, offset), places)
    m = b.from_bits(b.subtract(bits, b.shift_left(n, places)))
    # The whole number n as a floating one, without a conversion, which AVX2 lacks for 64 bits.
    near = b.from_bits(b.add(n, b.like(form.magic_bits, n)))
    return b.subtract(near, b.like(form.magic, x)), m


def _or_special(b: Builder, x: Scalar, y: Scalar) -> Scalar:
    """The logarithm y of x >= 0, or that of 0, infinity and NaN."""
    zero, endless = b.like(0, x), b.like(np.inf, x)
    special = b.select(b.equal(x, zero), b.like(-np.inf, x), x)
    ordinary = b.logical_and(b.greater(x, zero), b.less(x, endless))
    return b.select(ordinary, y, special)


def _single(b: Builder, x: Scalar, z: Scalar) -> Scalar:
    """x^z for float32 numbers x >= 0, z in float64: some 38 bits are right."""
    k, m = _split(b, x)
    one = b.like(1, x)
    s = b.divide(b.subtract(m, one), b.add(m, one))
    square = b.multiply(s, s)
    log = b.multiply(s, b.multiply_add(square, polynomial(b, square, _C), b.like(2, x)))
    log = b.multiply_add(k, b.like(0.6931471805599453, x), log)
    power = clamp(b, b.multiply(_or_special(b, x, log), z), -200.0, 200.0)
    form = FORMATS[_DOUBLE]
    shifted = b.add(b.multiply(power, b.like(_LOG2_E, x)), b.like(form.magic, x))
    bits = b.bits(shifted)
    n = b.subtract(bits, b.like(form.magic_bits, bits))
    whole = b.subtract(shifted, b.like(form.magic, x))
    r = b.multiply_add(whole, b.like(-0.6931471805599453, x), power)
    y = b.multiply_add(polynomial(b, r, _E), b.multiply(r, r), b.add(one, r))
    return b.multiply(y, power_of_two(b, n))


def _double(b: Builder, x: Scalar, z: Scalar) -> Scalar:
    """x^z for x >= 0 in float64."""
    log = _log(b, x)
    first = _or_special(b, x, log.first)
    rest = b.select(b.is_finite(first), log.rest, b.like(0, x))
    whole = b.multiply(first, z)
    missed = b.multiply_add(first, z, b.negative(whole))
    missed = b.add(missed, b.multiply(rest, z))
    within = b.less(b.absolute(whole), b.like(800, x))
    return exp(b, whole, b.select(within, missed, b.like(0, x)))


def _log(b: Builder, x: Scalar) -> _Sum:
    """log x to some 65 bits, for x > 0."""
    one = b.like(1, x)
    is_small = b.less(x, b.like(FORMATS[_DOUBLE].tiny, x))
    k, m = _split(b, b.select(is_small, b.multiply(x, b.like(2.0**54, x)), x))
    k = b.subtract(k, b.select(is_small, b.like(54, x), b.like(0, x)))
    # s = (m - 1) / (m + 1)
    top, bottom = b.subtract(m, one), b.add(m, one)
    lost = b.subtract(m, b.subtract(bottom, one))
    quotient = b.divide(top, bottom)
    left = b.multiply_add(b.negative(quotient), bottom, top)
    left = b.multiply_add(b.negative(quotient), lost, left)
    s = _Sum(quotient, b.divide(left, bottom))
    # log m = 2 s + s z (2/3 + z D(z))
    z = _product(b, s, s)
    tail = b.multiply(z.first, polynomial(b, z.first, _D))
    series = _sum(b, b.like(_TWO_THIRDS[0], x), tail, b.like(_TWO_THIRDS[1], x))
    cubic = _product(b, s, _product(b, z, series))
    two = b.like(2, x)
    double = b.multiply(s.first, two)
    log = _sum(b, double, cubic.first, b.multiply_add(s.rest, two, cubic.rest))
    high, low = LN2[_DOUBLE]
    rest = b.multiply_add(k, b.like(low, x), log.rest)
    log = _sum(b, b.multiply(k, b.like(high, x)), log.first, rest)
    return _sum(b, log.first, log.rest, b.like(0, x))


def _sum(b: Builder, large: Scalar, small: Scalar, rest: Scalar) -> _Sum:
    """Large + small + rest, in this order of size."""
    first = b.add(large, small)
    return _Sum(first, b.add(b.add(b.subtract(large, first), small), rest))


def _product(b: Builder, x: _Sum, z: _Sum) -> _Sum:
    first = b.multiply(x.first, z.first)
    rest = b.multiply_add(x.first, z.first, b.negative(first))
    rest = b.multiply_add(x.first, z.rest, rest)
    return _Sum(first, b.multiply_add(x.rest, z.first, rest))
