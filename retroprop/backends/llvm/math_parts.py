"""What the functions of `math.py` are made of: polynomials, powers of two, calls for rare lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop.backends.llvm.emit import Function, overload

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["FORMATS", "Format", "clamp", "in_each_lane", "polynomial", "power_of_two", "rarely"]


class Format(NamedTuple):
    """What the functions need to know of a floating type."""

    mantissa: int
    bias: int
    magic: float  # adding it rounds to a whole number, found in the low bits
    magic_bits: int
    tiny: float


def _format(dtype: Any) -> Format:
    info = np.finfo(dtype)
    magic = 1.5 * 2.0 ** int(info.nmant)
    bits = int(np.array(magic, dtype).view(f"i{info.bits // 8}"))
    return Format(int(info.nmant), int(info.maxexp) - 1, magic, bits, float(info.tiny))


FORMATS = {np.dtype(dtype): _format(dtype) for dtype in (np.float32, np.float64)}


def polynomial(b: Builder, x: Scalar, coefficients: Sequence[float]) -> Scalar:
    """Horner's scheme, the highest power first."""
    total = b.like(coefficients[0], x)
    for coefficient in coefficients[1:]:
        total = b.multiply_add(total, x, b.like(coefficient, x))
    return total


def clamp(b: Builder, x: Scalar, low: float, high: float) -> Scalar:
    """X within bounds, neither of which is 0; NaN stays. One instruction a bound on x86."""
    f = b.function
    for predicate, bound in (("fcmp uge", b.like(low, x)), ("fcmp ule", b.like(high, x))):
        inside = f.compare(predicate, x.register, bound.register)
        x = x._replace(register=f.select(inside, x.register, bound.register))
    return x


def power_of_two(b: Builder, n: Scalar) -> Scalar:
    """2^n for a whole n within the range of exponents."""
    form = FORMATS[np.dtype(f"f{n.dtype.itemsize}")]
    biased = b.add(n, b.like(form.bias, n))
    return b.from_bits(b.shift_left(biased, b.like(form.mantissa, n)))


def in_each_lane(b: Builder, name: str, operands: Sequence[Scalar]) -> Scalar:
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


def rarely(
    b: Builder, condition: Scalar, y: Scalar, x: Scalar, remedy: Callable[[Builder, Scalar], Scalar]
) -> Scalar:
    """Y, but `remedy(b, x)` in the lanes where the condition holds; costs a jump if in none.

    The remedy is a function of its own in the module, so that the code around it stays small.
    """
    f = b.function
    some = condition.register
    if b.lanes > 1:
        some = f.intrinsic(f"llvm.vector.reduce.or.{overload(some.type)}", "i1", [some])
    kind = x.register.type
    outside = Function(f.module, "remedy", [("x", kind)], result=kind)
    apart = type(b)(outside, b.target, b.lanes)  # the class cannot be imported from here
    outside.leave(remedy(apart, x._replace(register=outside.parameters[0])).register)
    name = f.module.add_shared(outside)
    with f.branch(some, [y.register]) as branch:
        made = f.call(name, kind, [x.register])
        branch.give(f.select(condition.register, made, y.register))
    return y._replace(register=branch.values[0])
