"""sin and cos: x = n pi/2 + r, then a polynomial for the sine or the cosine of r.

pi/2 is in parts, each but the last of 33 bits, so that products with n are exact while |x| < 2^20;
float32 is reduced in float64. Lanes beyond, and NaN, go to the C library.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from retroprop.backends.llvm.math_parts import FORMATS, in_each_lane, polynomial, rarely

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["cos", "sin"]

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_LIMIT = 2.0**20
_TWO_OVER_PI = 0.6366197723675814
_HALF_PI = (
    1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.478427660348229e-32,
)  # fmt: skip
_HALF_PI_REST = 6.077100506506192e-11  # all that the first part leaves
# (sin r - r) / r^3 and (cos r - 1 + r^2 / 2) / r^4 in r^2, fitted at Chebyshev nodes in 40 digits.
_SIN = {
    _SINGLE: (
        2.7243820795318334e-06, -1.984003924435585e-04, 8.333331786095206e-03, -0.166666666636259,
    ),
    _DOUBLE: (
        -7.585488505937332e-13, 1.6058510913466115e-10, -2.5052106100526045e-08,
        2.7557319218955643e-06, -1.9841269841264567e-04, 8.333333333333331e-03,
        -0.16666666666666666,
    ),
}  # fmt: skip
_COS = {
    _SINGLE: (2.4542922330242366e-05, -1.3888279652923983e-03, 4.1666664538858394e-02),
    _DOUBLE: (
        4.745199818173266e-14, -1.1470449373551877e-11, 2.0876755717719514e-09,
        -2.7557319221189547e-07, 2.480158730158437e-05, -1.3888888888888887e-03,
        4.1666666666666664e-02,
    ),
}  # fmt: skip


def sin(b: Builder, x: Scalar) -> Scalar:
    """The sine."""
    quadrant, r, rest = _reduced(b, x)
    y = _of_quadrant(b, quadrant, r, rest)
    y = b.select(b.less(b.absolute(x), b.like(1e-5 if x.dtype == _SINGLE else 1e-9, x)), x, y)
    return _or_library(b, "sin", x, y)


def cos(b: Builder, x: Scalar) -> Scalar:
    """The cosine."""
    quadrant, r, rest = _reduced(b, x)
    quadrant = b.add(quadrant, b.like(1, quadrant))
    return _or_library(b, "cos", x, _of_quadrant(b, quadrant, r, rest))


def _or_library(b: Builder, name: str, x: Scalar, y: Scalar) -> Scalar:
    library: Callable[[Builder, Scalar], Scalar] = partial(_library, name)
    far = b.logical_not(b.less(b.absolute(x), b.like(_LIMIT, x)))
    return rarely(b, far, y, x, library)


def _library(name: str, b: Builder, x: Scalar) -> Scalar:
    return in_each_lane(b, name, [x])


def _reduced(b: Builder, x: Scalar) -> tuple[Scalar, Scalar, Scalar | None]:
    """(n, r, rest) with x = n pi/2 + r + rest; n in its last bits only."""
    wide = b.cast(x, _DOUBLE)
    form = FORMATS[_DOUBLE]
    magic = b.like(form.magic, wide)
    shifted = b.add(b.multiply(wide, b.like(_TWO_OVER_PI, wide)), magic)
    whole, quadrant = b.subtract(shifted, magic), b.bits(shifted)
    near = b.multiply_add(whole, b.like(-_HALF_PI[0], wide), wide)
    if x.dtype == _SINGLE:
        r = b.multiply_add(whole, b.like(-_HALF_PI_REST, wide), near)
        return b.cast(quadrant, np.int32), b.cast(r, _SINGLE), None
    r, rest = near, b.multiply(whole, b.like(-_HALF_PI[3], wide))
    for part in _HALF_PI[1:3]:
        taken = b.multiply(whole, b.like(part, wide))
        left = b.subtract(r, taken)
        rest = b.add(rest, b.subtract(b.subtract(r, left), taken))
        r = left
    total = b.add(r, rest)
    return quadrant, total, b.subtract(rest, b.subtract(total, r))


def _of_quadrant(b: Builder, quadrant: Scalar, r: Scalar, rest: Scalar | None) -> Scalar:
    """sin(r + rest), or its cosine in odd quadrants; negative in the last two of four."""
    square = b.multiply(r, r)
    wave = b.multiply(b.multiply(r, square), polynomial(b, square, _SIN[r.dtype]))
    if rest is not None:
        wave = b.add(wave, rest)
    sine = b.add(r, wave)
    # 1 - r^2 / 2 is rounded; what it lost is added to the rest of the series.
    one, half = b.like(1, r), b.multiply(square, b.like(0.5, r))
    top = b.subtract(one, half)
    lost = b.subtract(b.subtract(one, top), half)
    if rest is not None:
        lost = b.subtract(lost, b.multiply(r, rest))
    tail = b.multiply(b.multiply(square, square), polynomial(b, square, _COS[r.dtype]))
    cosine = b.add(top, b.add(tail, lost))
    odd = b.bitwise_and(quadrant, b.like(1, quadrant))
    y = b.bits(b.select(b.truth(odd), cosine, sine))
    last = b.bitwise_and(quadrant, b.like(2, quadrant))
    sign = b.shift_left(last, b.like(8 * r.dtype.itemsize - 2, last))
    return b.from_bits(b.bitwise_xor(y, sign))
