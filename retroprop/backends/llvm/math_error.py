"""erf: x + x P(x^2) for |x| < 1, beyond 1 - e^-R(x) with R a polynomial.

Both were fitted at Chebyshev nodes in 40 digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retroprop.backends.llvm.math_exponential import exp
from retroprop.backends.llvm.math_parts import polynomial

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["erf"]

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_CENTRE = {
    _SINGLE: (
        7.882497110086663e-05, -8.018854992786387e-04, 5.189311942686617e-03,
        -2.6854328796067244e-02, 0.11283597463488053, -0.3761262690358044, 0.1283791658815026,
    ),
    _DOUBLE: (
        5.958930743134941e-11, -1.1373902296430911e-09, 1.4660051998394848e-08,
        -1.6350354461959655e-07, 1.6461004480962034e-06, -1.4925595519506043e-05,
        1.2055331122299266e-04, -8.548326981129666e-04, 5.223977624823223e-03,
        -2.6866170645077334e-02, 0.11283791670954882, -0.3761263890318375, 0.12837916709551257,
    ),
}  # fmt: skip
_TAIL = {  # of x - 2 (float64) and of x (float32)
    _SINGLE: (
        -1.8655178364162427e-04, 2.9489466676592504e-03, -2.184170995149368e-02,
        0.10311146247661121, 0.6381424797875312, 1.1270889274264564, 3.419613910660953e-04,
    ),
    _DOUBLE: (
        -1.0292350740241508e-12, 1.0053361908045229e-11, -3.7328375049697426e-11,
        4.338429432284546e-11, 2.739886060576713e-10, -2.5398394559467028e-09,
        1.3951389053268883e-08, -5.779614523920927e-08, 1.7320412387501173e-07,
        -2.0364347793064905e-07, -1.952193480328628e-06, 2.070643303977123e-05,
        -1.3530933475068037e-04, 7.323993856338407e-04, -3.5707563461694703e-03,
        1.6465118136873205e-02, 0.9237508418238065, 4.418160805994417, 5.364941264616638,
    ),
}  # fmt: skip
_SHIFT = {_SINGLE: 0.0, _DOUBLE: 2.0}
_END = {_SINGLE: 4.0, _DOUBLE: 5.95}  # erf is 1 from here on


def erf(b: Builder, x: Scalar) -> Scalar:
    """The error function."""
    one, size = b.like(1, x), b.minimum(b.absolute(x), b.like(_END[x.dtype], x))
    square = b.minimum(b.multiply(x, x), one)
    centre = b.multiply_add(x, polynomial(b, square, _CENTRE[x.dtype]), x)
    shifted = b.subtract(size, b.like(_SHIFT[x.dtype], x))
    fall = b.negative(polynomial(b, shifted, _TAIL[x.dtype]))
    tail = b.copysign(b.subtract(one, exp(b, fall)), x)
    return b.select(b.less(size, one), centre, tail)
