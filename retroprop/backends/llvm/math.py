"""Functions of mathematics on vectors: straight-line code, every lane the same instructions.

The hot ones of training are ours: exp, log, expm1, log1p, tanh, sigmoid. Bounds in units in the last
place against the true value, over the whole range (`tests/backends/llvm/test_math.py` measures):

             float32  float64
    exp         1        1        exp(x) = 2^n e^r, n ln 2 in two parts, a polynomial for e^r
    log         1        1        x = 2^n m, log m by the series in (m - 1) / (m + 1)
    expm1       2        2        its own polynomial near 0
    log1p       2        2        log(1 + x) with the rounding of 1 + x put right
    tanh        5        4        float32: a quotient of polynomials; float64: from expm1
    sigmoid     2        2

All others are the C library's, lane by lane: right everywhere, some 10 to 20 ns for an element.

Sources: W. J. Cody, W. Waite 1980, "Software manual for the elementary functions"; the series of
`log` is that of fdlibm (Sun Microsystems 1993); the quotient of `tanh` is a minimax fit on [-8, 8].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["call", "polynomial"]


def call(b: Builder, name: str, *operands: Scalar) -> Scalar:
    """A function by name: one of ours, else the C library's in each lane."""
    own = _OWN.get(name)
    if own is not None:
        return own(b, *operands)
    return _in_each_lane(b, name, operands)


def _in_each_lane(b: Builder, name: str, operands: Sequence[Scalar]) -> Scalar:
    """Call the C library's function on every lane."""
    f, dtype = b.function, operands[0].dtype
    single = b.with_lanes(1).type(dtype)
    symbol = name if dtype.itemsize == 8 else f"{name}f"
    f.module.declare(symbol, single, [single] * len(operands))
    if b.lanes == 1:
        made = f.call(symbol, single, [operand.register for operand in operands])
        return operands[0]._replace(register=made)
    result = b.like(0, operands[0]).register
    for lane in range(b.lanes):
        items = [f.extract(operand.register, lane) for operand in operands]
        result = f.insert(result, f.call(symbol, single, items), lane)
    return operands[0]._replace(register=result)


def polynomial(b: Builder, x: Scalar, coefficients: Sequence[float]) -> Scalar:
    """Horner's scheme, the highest power first."""
    total = b.like(coefficients[0], x)
    for coefficient in coefficients[1:]:
        total = b.multiply_add(total, x, b.like(coefficient, x))
    return total


class _Format:
    """What the functions need to know of a floating type."""

    def __init__(self, dtype: Any) -> None:
        info = np.finfo(dtype)
        self.mantissa = int(info.nmant)
        self.bias = int(info.maxexp) - 1
        self.magic = 1.5 * 2.0**self.mantissa  # adding it rounds to a whole number
        self.magic_bits = int(np.array(self.magic, dtype).view(f"i{info.bits // 8}"))


_FORMATS = {np.dtype(dtype): _Format(dtype) for dtype in (np.float32, np.float64)}

_LOG2_E = 1.4426950408889634
# ln 2 in two parts, the first with so few bits that its product with an exponent is exact.
_LN2 = {
    np.dtype(np.float32): (0.693359375, -2.12194440e-4),
    np.dtype(np.float64): (0.6931471803691238, 1.9082149292705877e-10),
}
_EXP = {  # (e^r - 1 - r) / r^2, |r| <= ln 2 / 2
    np.dtype(np.float32): (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
        5.0000001201e-1,
    ),
    np.dtype(np.float64): tuple(1.0 / float(np.prod(np.arange(1.0, n + 1))) for n in range(13, 1, -1)),
}  # fmt: skip
_EXP_RANGE = {np.dtype(np.float32): (-105.0, 90.0), np.dtype(np.float64): (-750.0, 720.0)}


def _power_of_two(b: Builder, n: Scalar) -> Scalar:
    """2^n for a whole n within the range of exponents."""
    form = _FORMATS[np.dtype(f"f{n.dtype.itemsize}")]
    biased = b.add(n, b.like(form.bias, n))
    return b.from_bits(b.shift_left(biased, b.like(form.mantissa, n)))


def _reduced(b: Builder, x: Scalar) -> tuple[Scalar, Scalar]:
    """(r, n) with x = n ln 2 + r, n whole as an integer."""
    form = _FORMATS[x.dtype]
    magic = b.like(form.magic, x)
    shifted = b.add(b.multiply(x, b.like(_LOG2_E, x)), magic)
    whole = b.subtract(shifted, magic)
    bits = b.bits(shifted)
    n = b.subtract(bits, b.like(form.magic_bits, bits))
    high, low = _LN2[x.dtype]
    r = b.multiply_add(whole, b.like(-high, x), x)
    return b.multiply_add(whole, b.like(-low, x), r), n


def _exp(b: Builder, x: Scalar) -> Scalar:
    low, high = _EXP_RANGE[x.dtype]
    x = b.minimum(b.maximum(x, b.like(low, x)), b.like(high, x))
    r, n = _reduced(b, x)
    y = polynomial(b, r, _EXP[x.dtype])
    y = b.add(b.multiply_add(y, b.multiply(r, r), r), b.like(1, x))
    # 2^n in two steps: n may lie outside the exponents at either end.
    half = b.shift_right(n, b.like(1, n))
    rest = b.subtract(n, half)
    return b.multiply(b.multiply(y, _power_of_two(b, half)), _power_of_two(b, rest))


_EXPM1_TERMS = {np.dtype(np.float32): 10, np.dtype(np.float64): 17}


def _expm1(b: Builder, x: Scalar) -> Scalar:
    terms = _EXPM1_TERMS[x.dtype]
    series = [1.0 / float(np.prod(np.arange(1.0, n + 1))) for n in range(terms, 1, -1)]
    near = b.multiply_add(polynomial(b, x, series), b.multiply(x, x), x)
    far = b.subtract(_exp(b, x), b.like(1, x))
    return b.select(b.less(b.absolute(x), b.like(0.5, x)), near, far)


_LOG = {  # series of log((1 + s) / (1 - s)) - 2 s in s^2, highest power first
    np.dtype(np.float32): (0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693),
    np.dtype(np.float64): (
        0.1479819860511658591, 0.1531383769920937332, 0.1818357216161805012,
        0.2222219843214978396, 0.2857142874366239149, 0.3999999999940941908,
        0.6666666666666735130,
    ),
}  # fmt: skip
_SQRT_HALF_BITS = {np.dtype(np.float32): 0x3F3504F3, np.dtype(np.float64): 0x3FE6A09E667F3BCD}


def _log(b: Builder, x: Scalar) -> Scalar:
    form, series = _FORMATS[x.dtype], _LOG[x.dtype]
    tiny = float(np.finfo(x.dtype).tiny)
    is_small = b.less(x, b.like(tiny, x))
    scaled = b.select(is_small, b.multiply(x, b.like(2.0**form.mantissa * 4.0, x)), x)
    bits = b.bits(scaled)
    offset = b.like(_SQRT_HALF_BITS[x.dtype], bits)
    n = b.shift_right(b.subtract(bits, offset), b.like(form.mantissa, bits))
    m = b.from_bits(b.subtract(bits, b.shift_left(n, b.like(form.mantissa, n))))
    n = b.subtract(n, b.select(is_small, b.like(form.mantissa + 2, n), b.like(0, n)))
    k = b.cast(n, x.dtype)
    high, low = _LN2[x.dtype]
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


def _log1p(b: Builder, x: Scalar) -> Scalar:
    one = b.like(1, x)
    u = b.add(one, x)
    missed = b.divide(b.subtract(x, b.subtract(u, one)), u)
    y = b.add(_log(b, u), missed)
    plain = b.logical_or(b.equal(u, b.like(0, x)), b.equal(u, b.like(np.inf, x)))
    y = b.select(plain, _log(b, u), y)
    return b.select(b.less(b.absolute(x), b.like(1e-30, x)), x, y)


_TANH_TOP = (
    -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
    1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
)  # fmt: skip
_TANH_BOTTOM = (
    1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03,
)  # fmt: skip


def _tanh(b: Builder, x: Scalar) -> Scalar:
    if x.dtype.itemsize == 8:
        two = b.like(2, x)
        size = b.minimum(b.absolute(x), b.like(20, x))
        t = _expm1(b, b.multiply(size, two))
        return b.copysign(b.divide(t, b.add(t, two)), x)
    bound = 7.90531110763549805
    inside = b.minimum(b.maximum(x, b.like(-bound, x)), b.like(bound, x))
    square = b.multiply(inside, inside)
    top = b.multiply(inside, polynomial(b, square, _TANH_TOP))
    y = b.divide(top, polynomial(b, square, _TANH_BOTTOM))
    return b.select(b.less(b.absolute(x), b.like(4e-4, x)), x, y)


def _sigmoid(b: Builder, x: Scalar) -> Scalar:
    small = _exp(b, b.negative(b.absolute(x)))
    one = b.like(1, x)
    top = b.select(b.less(x, b.like(0, x)), small, one)
    return b.divide(top, b.add(one, small))


_OWN: dict[str, Callable[..., Any]] = {
    "exp": _exp,
    "expm1": _expm1,
    "log": _log,
    "log1p": _log1p,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
}
