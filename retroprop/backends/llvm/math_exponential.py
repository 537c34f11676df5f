"""exp, log and what is made of them: see the table in `math.py`.

exp(x) = 2^n e^r with n ln 2 in two parts and a polynomial for e^r; log(x) = n ln 2 + log m by the
series in (m - 1) / (m + 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retroprop.backends.llvm.math_parts import FORMATS, clamp, polynomial, power_of_two

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["LN2", "SQRT_HALF_BITS", "exp", "expm1", "log", "log1p", "sigmoid", "tanh"]

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_LOG2_E = 1.4426950408889634
# ln 2 in two parts, the first with so few bits that its product with an exponent is exact.
LN2 = {
    _SINGLE: (0.693359375, -2.12194440e-4),
    _DOUBLE: (0.6931471803691238, 1.9082149292705877e-10),
}
_EXP = {  # (e^r - 1 - r) / r^2, |r| <= ln 2 / 2
    _SINGLE: (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
        5.0000001201e-1,
    ),
    _DOUBLE: tuple(1.0 / float(np.prod(np.arange(1.0, n + 1))) for n in range(13, 1, -1)),
}  # fmt: skip
_EXP_RANGE = {_SINGLE: (-105.0, 90.0), _DOUBLE: (-750.0, 720.0)}


def exp(b: Builder, x: Scalar, rest: Scalar | None = None) -> Scalar:
    """e^x, or e^(x + rest) with a rest that is below the last place of x."""
    form = FORMATS[x.dtype]
    x = clamp(b, x, *_EXP_RANGE[x.dtype])
    magic = b.like(form.magic, x)
    shifted = b.add(b.multiply(x, b.like(_LOG2_E, x)), magic)
    whole, bits = b.subtract(shifted, magic), b.bits(shifted)
    n = b.subtract(bits, b.like(form.magic_bits, bits))
    high, low = LN2[x.dtype]
    # r = first + second; the second is below the last place of the first, and added late.
    first = b.multiply_add(whole, b.like(-high, x), x)
    second = b.multiply(whole, b.like(-low, x))
    if rest is not None:
        second = b.add(second, rest)
    r = b.add(first, second)
    y = b.multiply_add(polynomial(b, r, _EXP[x.dtype]), b.multiply(r, r), second)
    one = b.like(1, x)
    if x.dtype == _SINGLE:
        y = b.add(b.add(first, y), one)
    else:  # what 1 + first loses is added to the small part
        total = b.add(one, first)
        y = b.add(total, b.add(b.add(b.subtract(one, total), first), y))
    # 2^n in two steps: n may lie outside the exponents at either end.
    half = b.shift_right(n, b.like(1, n))
    other = b.subtract(n, half)
    return b.multiply(b.multiply(y, power_of_two(b, half)), power_of_two(b, other))


_EXPM1_TERMS = {_SINGLE: 10, _DOUBLE: 17}


def expm1(b: Builder, x: Scalar) -> Scalar:
    """e^x - 1: its own polynomial near 0."""
    terms = _EXPM1_TERMS[x.dtype]
    series = [1.0 / float(np.prod(np.arange(1.0, n + 1))) for n in range(terms, 1, -1)]
    near = b.multiply_add(polynomial(b, x, series), b.multiply(x, x), x)
    near = b.copysign(near, x)  # -0
    far = b.subtract(exp(b, x), b.like(1, x))
    return b.select(b.less(b.absolute(x), b.like(0.5, x)), near, far)


_LOG = {  # series of log((1 + s) / (1 - s)) - 2 s in s^2, highest power first
    _SINGLE: (0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693),
    _DOUBLE: (
        0.1479819860511658591, 0.1531383769920937332, 0.1818357216161805012,
        0.2222219843214978396, 0.2857142874366239149, 0.3999999999940941908,
        0.6666666666666735130,
    ),
}  # fmt: skip
SQRT_HALF_BITS = {_SINGLE: 0x3F3504F3, _DOUBLE: 0x3FE6A09E667F3BCD}


def log(b: Builder, x: Scalar) -> Scalar:
    """The natural logarithm."""
    form, series = FORMATS[x.dtype], _LOG[x.dtype]
    is_small = b.less(x, b.like(form.tiny, x))
    scaled = b.select(is_small, b.multiply(x, b.like(2.0**form.mantissa * 4.0, x)), x)
    bits = b.bits(scaled)
    offset = b.like(SQRT_HALF_BITS[x.dtype], bits)
    n = b.shift_right(b.subtract(bits, offset), b.like(form.mantissa, bits))
    m = b.from_bits(b.subtract(bits, b.shift_left(n, b.like(form.mantissa, n))))
    n = b.subtract(n, b.select(is_small, b.like(form.mantissa + 2, n), b.like(0, n)))
    k = b.cast(n, x.dtype)
    high, low = LN2[x.dtype]
    f = b.subtract(m, b.like(1, x))
    s = b.divide(f, b.add(f, b.like(2, x)))
    z = b.multiply(s, s)
    rest = b.multiply(z, polynomial(b, z, series))
    half = b.multiply(b.multiply(f, f), b.like(0.5, x))
    inner = b.multiply_add(s, b.add(half, rest), b.multiply(k, b.like(low, x)))
    y = b.subtract(b.multiply(k, b.like(high, x)), b.subtract(b.subtract(half, inner), f))
    y = b.select(b.equal(x, b.like(0, x)), b.like(-np.inf, x), y)
    y = b.select(b.less(x, b.like(0, x)), b.like(np.nan, x), y)
    as_it_is = b.logical_or(b.is_nan(x), b.equal(x, b.like(np.inf, x)))
    return b.select(as_it_is, x, y)


def log1p(b: Builder, x: Scalar) -> Scalar:
    """log(1 + x), the rounding of 1 + x put right."""
    one = b.like(1, x)
    u = b.add(one, x)
    missed = b.divide(b.subtract(x, b.subtract(u, one)), u)
    y = log(b, u)
    plain = b.logical_or(b.equal(u, b.like(0, x)), b.equal(u, b.like(np.inf, x)))
    y = b.select(plain, y, b.add(y, missed))
    return b.select(b.less(b.absolute(x), b.like(1e-30, x)), x, y)


_TANH_TOP = (
    -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
    1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
)  # fmt: skip
_TANH_BOTTOM = (
    1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03,
)  # fmt: skip
_TANH_BOUND = 7.90531110763549805


def tanh(b: Builder, x: Scalar) -> Scalar:
    """float32: a minimax quotient on [-8, 8]; float64: from expm1."""
    if x.dtype.itemsize == 8:
        two = b.like(2, x)
        size = b.minimum(b.absolute(x), b.like(20, x))
        t = expm1(b, b.multiply(size, two))
        return b.copysign(b.divide(t, b.add(t, two)), x)
    inside = clamp(b, x, -_TANH_BOUND, _TANH_BOUND)
    square = b.multiply(inside, inside)
    top = b.multiply(inside, polynomial(b, square, _TANH_TOP))
    y = b.divide(top, polynomial(b, square, _TANH_BOTTOM))
    return b.select(b.less(b.absolute(x), b.like(4e-4, x)), x, y)


def sigmoid(b: Builder, x: Scalar) -> Scalar:
    """1 / (1 + e^-x), without overflow."""
    small = exp(b, b.negative(b.absolute(x)))
    one = b.like(1, x)
    top = b.select(b.less(x, b.like(0, x)), small, one)
    return b.divide(top, b.add(one, small))
