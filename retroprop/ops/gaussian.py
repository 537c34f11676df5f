"""The error functions, the integrals of the Gaussian, in plain NumPy, which has none.

Polynomials were fitted in 40 digits by Chebyshev interpolation:
    |x| < 1   erf(x)  = x P(x^2)
    x >= 1/2  erfc(x) = exp(-x^2) Q(t) / (1 + x)   with t = (x - 4) / (x + 4)
In float64 erf stays within 2 units in the last place and erfc within 5. For narrower types erf has
shorter polynomials in float32, the second being erf(x) = 1 - exp(-R(x)); erfc is done in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.ops.arithmetic import multiply, negative, square
from retroprop.ops.define import FLOATING, elementwise
from retroprop.ops.exponential import exp
from retroprop.ops.samples import points

__all__ = ["erf", "erfc"]

Array = np.ndarray[Any, Any]

_SLOPE = 1.1283791670955126  # 2 / sqrt(pi)
_BLOCK = 8192  # elements worked on at a time, so that the passes stay in the cache

# Highest power first.
_CENTRE = (
    5.957176147748911e-11, -1.1372848856791674e-09, 1.4659775274047436e-08,
    -1.6350312701054695e-07, 1.6461000484121368e-06, -1.4925595266831182e-05,
    1.205533111164271e-04, -8.54832698083379e-04, 5.2239776248180145e-03,
    -2.6866170645076792e-02, 1.1283791670954879e-01, -3.761263890318375e-01,
    1.1283791670955126e00,
)  # fmt: skip
_TAIL = (
    -6.8648681924075754e-09, 3.126926920254656e-08, 4.5539182447927824e-08,
    -3.4410850181558943e-07, 8.250091662028045e-09, 2.6354069878407385e-06,
    -4.140319300083049e-06, -1.3144299577900159e-05, 6.403328084537669e-05,
    -6.013877207980596e-05, -3.897675885088142e-04, 2.116421952417745e-03,
    -6.068735207969095e-03, 1.2161784712036059e-02, -1.7515654647276096e-02,
    1.5312509681811672e-02, 3.9620556813123355e-03, -4.80803812213785e-02,
    1.1704966551044228e-01, -1.993445828003665e-01, 6.849972881253069e-01,
)  # fmt: skip
_CENTRE_SINGLE = (
    7.875874871388078e-05, -8.01686430349946e-04, 5.189087241888046e-03,
    -2.685421146452427e-02, 1.1283594369888306e-01, -3.761262595653534e-01, 1.1283791065216064,
)  # fmt: skip
_TAIL_SINGLE = (
    -1.8557489466460004e-04, 2.939615749376623e-03, -2.1805351208964388e-02,
    1.0303743562624493e-01, 6.38225602247715e-01, 1.1270400800493268, 3.53708911168459e-04,
)  # fmt: skip


def _polynomial(coefficients: tuple[float, ...], t: Array) -> Array:
    """Horner's scheme, in one array."""
    y = t * coefficients[0]
    for coefficient in coefficients[1:-1]:
        y += coefficient
        y *= t
    y += coefficients[-1]
    return y


def _upper(x: Array) -> Array:
    """erfc(x) for 1/2 <= x; above 28 it underflows to zero."""
    x = np.minimum(x, 28.0)
    coarse = x.astype(np.float32).astype(np.float64)  # its square is exact
    gauss = np.exp(-coarse * coarse) * np.exp((coarse - x) * (coarse + x))
    return gauss * (_polynomial(_TAIL, (x - 4.0) / (x + 4.0)) / (1.0 + x))


def _erf_block(x: Array) -> Array:
    far = np.abs(x) >= 1.0
    y = x * _polynomial(_CENTRE, np.minimum(x * x, 1.0))
    if far.any():
        ends = x[far]
        y[far] = np.copysign(1.0 - _upper(np.minimum(np.abs(ends), 6.0)), ends)
    return y


def _erf_single_block(x: Array) -> Array:
    size = np.minimum(np.abs(x), np.float32(4.0))
    centre = x * _polynomial(_CENTRE_SINGLE, np.minimum(x * x, np.float32(1.0)))
    tail = np.float32(1.0) - np.exp(-_polynomial(_TAIL_SINGLE, size))
    return np.where(size < 1.0, centre, np.copysign(tail, x))


def _erfc_block(x: Array) -> Array:
    far = np.abs(x) >= 0.5
    y = 1.0 - x * _polynomial(_CENTRE, np.minimum(x * x, 1.0))
    if far.any():
        ends = x[far]
        upper = _upper(np.abs(ends))
        y[far] = np.where(ends < 0.0, 2.0 - upper, upper)
    return y


def _by_blocks(block: Any, x: Array, dtype: Any) -> Array:
    """A function of flat arrays of `dtype` applied a block at a time."""
    x = np.asarray(x)
    flat = x.reshape(-1)
    y = np.empty(flat.shape, x.dtype)
    for start in range(0, flat.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        y[part] = block(np.clip(flat[part].astype(dtype), -40.0, 40.0))
    return y.reshape(x.shape)


def _bell(x: Any) -> Any:
    return multiply(_SLOPE, exp(negative(square(x))))


def _lower_polynomial(b: Any, coefficients: tuple[float, ...], t: Any) -> Any:
    y = b.like(coefficients[0], t)
    for coefficient in coefficients[1:]:
        y = b.multiply_add(y, t, b.like(coefficient, t))
    return y


def _lower_erf(b: Any, x: Any) -> Any:
    if x.dtype.itemsize == 8:
        return b.call("erf", x)
    one, size = b.like(1, x), b.minimum(b.absolute(x), b.like(4, x))
    square = b.minimum(b.multiply(x, x), one)
    centre = b.multiply(x, _lower_polynomial(b, _CENTRE_SINGLE, square))
    fall = b.negative(_lower_polynomial(b, _TAIL_SINGLE, size))
    tail = b.subtract(one, b.call("exp", fall))
    return b.select(b.less(size, one), centre, b.copysign(tail, x))


_EDGES = [0.0, -0.0, 1e-20, 0.5, 1.0, -6.0, 6.0, 10.0, 30.0, np.inf, -np.inf, np.nan]


@elementwise(
    lower=_lower_erf,
    partials={"x": lambda x: _bell(x)},
    accepts=FLOATING,
    method=True,
    samples=points((-3.0, 3.0), edges=_EDGES),
)
def erf(x: Array, /) -> Array:
    """Error function, elementwise: y = 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    Example:
        >>> import retroprop as rp
        >>> rp.erf(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([0.   , 0.843], dtype=float32)
    """
    if x.dtype == np.float64:
        return _by_blocks(_erf_block, x, np.float64)
    return _by_blocks(_erf_single_block, x, np.float32)


@elementwise(
    lower=lambda b, x: b.call("erfc", x),
    partials={"x": lambda x: negative(_bell(x))},
    accepts=FLOATING,
    method=True,
    samples=points((-3.0, 3.0), edges=_EDGES),
)
def erfc(x: Array, /) -> Array:
    """1 - erf(x), elementwise, exact also where erf(x) is close to 1.

    Example:
        >>> import retroprop as rp
        >>> rp.erfc(rp.asarray([0.0, 1.0])).numpy().round(3)
        array([1.   , 0.157], dtype=float32)
    """
    return _by_blocks(_erfc_block, x, np.float64)
