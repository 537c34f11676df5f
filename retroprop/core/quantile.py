"""The inverse of the normal distribution function, for draws from a part of it."""

from __future__ import annotations

from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.ops.arithmetic import minimum, negative, sqrt, where
from retroprop.ops.comparison import less
from retroprop.ops.exponential import log

__all__ = ["normal_quantile"]

# PPND16: numerators and denominators, constant term first.
_CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3),
)  # fmt: skip
_FLANK = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9),
)  # fmt: skip
_TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15),
)  # fmt: skip


def normal_quantile(p: Tensor) -> Tensor:
    """The number below which a standard normal one lies with probability p, in float64.

    Args:
        p: any shape, float64, in (0, 1).

    Returns:
        Same shape, float64, to a relative accuracy of 1e-15.

    Example:
        >>> abs(normal_quantile(Tensor([0.975], "float64")).item() - 1.959963984540054) < 1e-14
        True

    Source: Wichura 1988, Algorithm AS 241, the percentage points of the normal distribution.
    """
    centred = p - 0.5
    centre = centred * _ratio(_CENTRE, 0.180625 - centred * centred)
    far = sqrt(negative(log(minimum(p, 1.0 - p))))
    side = where(less(far, 5.0), _ratio(_FLANK, far - 1.6), _ratio(_TAIL, far - 5.0))
    outer = where(less(centred, 0.0), negative(side), side)
    result: Tensor = where(less(centred * centred, 0.180625), centre, outer)
    return result


def _ratio(coefficients: tuple[tuple[float, ...], ...], x: Tensor) -> Tensor:
    """One polynomial over another, by Horner's rule."""
    top, bottom = coefficients
    over: Any = top[-1]
    under: Any = bottom[-1]
    for a, b in zip(top[-2::-1], bottom[-2::-1], strict=True):
        over, under = over * x + a, under * x + b
    ratio: Tensor = over / under
    return ratio
