"""Functions of mathematics on vectors, every lane by the same instructions.

Those that training and inference call most are ours; each lane gives what a single element gives.
The largest error in units in the last place against the true value, over the whole range and with
denormal numbers kept (`tests/backends/llvm/test_math.py`), and the nanoseconds an element takes
(`bench/vector_math.py`: 4096 elements in the cache, one core of an AMD EPYC with AVX2 that was
shared with other work; the smallest of three runs), in brackets those of the C library called for
each lane:

               float32   float64    float32 ns     float64 ns
    exp        1         1          0.6 (2.4)      2.2 (4.6)
    expm1      2         2          1.0 (12)       3.8 (9.2)
    log        1         1          0.9 (2.8)      2.3 (4.2)
    log1p      2         2          1.2 (12)       3.0 (7.6)
    sigmoid    2.5       2.5        0.8            2.6
    tanh       5 (7)     3          0.4 (21)       5.2 (21)
    erf        2         2          1.8 (20)       7.8 (21)
    sin        2         1          1.1 (3.0)      3.1 (10)
    cos        2         1          1.1 (3.1)      3.0 (10)
    pow        1         1          3.6 (6.3)      11 (15)

The 7 is of machines without fused multiply-add. There float64 `pow` is the C library's; everywhere
so are the lanes of sin and cos from 2^20 on. All other functions (tan, asin, acos, atan, atan2,
sinh, cosh, asinh, acosh, atanh, log2, log10, erfc, hypot, fmod, nextafter) are the C library's lane
by lane: right everywhere, but slower.

Sources: W. J. Cody, W. Waite 1980, "Software manual for the elementary functions"; the series of
`log` is that of fdlibm (Sun Microsystems 1993); the quotient of `tanh` is a minimax fit on [-8, 8].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retroprop.backends.llvm import (
    math_error,
    math_exponential,
    math_periodic,
    math_power,
)
from retroprop.backends.llvm.math_parts import in_each_lane, polynomial

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["OWN", "call", "polynomial"]


def call(b: Builder, name: str, *operands: Scalar) -> Scalar:
    """A function by name: one of ours, else the C library's in each lane."""
    own = OWN.get(name)
    if own is not None:
        return own(b, *operands)
    return in_each_lane(b, name, operands)


OWN: dict[str, Callable[..., Any]] = {
    "cos": math_periodic.cos,
    "erf": math_error.erf,
    "exp": math_exponential.exp,
    "expm1": math_exponential.expm1,
    "log": math_exponential.log,
    "log1p": math_exponential.log1p,
    "pow": math_power.power,
    "sigmoid": math_exponential.sigmoid,
    "sin": math_periodic.sin,
    "tanh": math_exponential.tanh,
}
