"""The scalar builder: what the `lower=` rules of ops compute with.

A `Scalar` is the value of one element, or of several neighbours, in a register, with its dtype. The
builder's methods mean what NumPy means: integers wrap, division by an integer zero is zero, NaN
spreads through minimum and maximum. Booleans are i1 in registers and bytes in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop.backends.llvm import math
from retroprop.backends.llvm.emit import Register, lanes_of, overload, vector
from retroprop.backends.llvm.kernel import storage_type

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function
    from retroprop.backends.llvm.target import Target

__all__ = ["Builder", "Scalar", "supports"]

_SUPPORTED = frozenset({"f4", "f8", "b1", *(f"{kind}{n}" for kind in "iu" for n in (1, 2, 4, 8))})
_BOOL = np.dtype(bool)


def supports(dtype: np.dtype[Any]) -> bool:
    """Whether native code computes with a dtype; ops on others run through their reference.

    Example:
        >>> supports(np.dtype("float32")), supports(np.dtype("float16"))
        (True, False)
    """
    return f"{dtype.kind}{dtype.itemsize}" in _SUPPORTED


class Scalar(NamedTuple):
    """One element, or `lanes` of them, in a register."""

    register: Register
    dtype: np.dtype[Any]

    @property
    def is_float(self) -> bool:
        """Whether it is a floating number."""
        return self.dtype.kind == "f"


class Builder:
    """Emits scalar operations into a function, for a number of lanes at a time.

    Args:
        function: where instructions go.
        target:   the machine.
        lanes:    how many elements a Scalar holds.
    """

    def __init__(self, function: Function, target: Target, lanes: int) -> None:
        self.function, self.target, self.lanes = function, target, lanes

    def with_lanes(self, lanes: int) -> Builder:
        """The same builder for another number of lanes."""
        return Builder(self.function, self.target, lanes)

    def type(self, dtype: np.dtype[Any]) -> str:
        """The register type of a dtype."""
        return vector("i1" if dtype.kind == "b" else storage_type(dtype), self.lanes)

    # -- in and out ------------------------------------------------------------------------------

    def constant(self, value: Any, dtype: Any) -> Scalar:
        """A literal in every lane."""
        dtype = np.dtype(dtype)
        return Scalar(self.function.constant(self.type(dtype), value), dtype)

    def like(self, value: Any, x: Scalar) -> Scalar:
        """A literal of the dtype of x."""
        return self.constant(value, x.dtype)

    def load(self, pointer: Register, dtype: np.dtype[Any]) -> Scalar:
        """Elements side by side in memory."""
        type = vector(storage_type(dtype), self.lanes)
        return self.from_storage(self.function.load(type, pointer), dtype)

    def store(self, x: Scalar, pointer: Register) -> None:
        """Put elements side by side."""
        self.function.store(self.to_storage(x), pointer)

    def from_storage(self, register: Register, dtype: np.dtype[Any]) -> Scalar:
        """What lay in memory, as it is computed with."""
        if dtype.kind == "b":
            zero = self.function.constant(register.type, 0)
            register = self.function.compare("icmp ne", register, zero)
        return Scalar(register, dtype)

    def to_storage(self, x: Scalar) -> Register:
        """What goes into memory."""
        if x.dtype.kind != "b":
            return x.register
        return self.function.convert("zext", x.register, vector("i8", self.lanes))

    def splat(self, x: Scalar) -> Scalar:
        """One element in every lane."""
        return Scalar(self.function.splat(x.register, self.lanes), x.dtype)

    def first_lanes(self, count: Register) -> Scalar:
        """True in the first `count` lanes."""
        f, type = self.function, vector("i64", self.lanes)
        numbers = ", ".join(f"i64 {lane}" for lane in range(self.lanes))
        order = Register(f"<{numbers}>" if self.lanes > 1 else "0", type)
        return Scalar(f.compare("icmp slt", order, f.splat(count, self.lanes)), _BOOL)

    # -- arithmetic ------------------------------------------------------------------------------

    def _binary(self, floating: str, integer: str, x: Scalar, z: Scalar) -> Scalar:
        opcode = floating if x.is_float else integer
        return Scalar(self.function.binary(opcode, x.register, z.register), x.dtype)

    def add(self, x: Scalar, z: Scalar) -> Scalar:
        """The sum; of booleans, their disjunction."""
        return self._binary("fadd", "or" if x.dtype.kind == "b" else "add", x, z)

    def subtract(self, x: Scalar, z: Scalar) -> Scalar:
        """The difference."""
        return self._binary("fsub", "sub", x, z)

    def multiply(self, x: Scalar, z: Scalar) -> Scalar:
        """The product; of booleans, their conjunction."""
        return self._binary("fmul", "and" if x.dtype.kind == "b" else "mul", x, z)

    def divide(self, x: Scalar, z: Scalar) -> Scalar:
        """The quotient of floating numbers."""
        return self._binary("fdiv", "sdiv", x, z)

    def multiply_add(self, x: Scalar, z: Scalar, y: Scalar) -> Scalar:
        """X z + y, rounded once where the machine can."""
        made = self.function.multiply_add(x.register, z.register, y.register)
        return Scalar(made, x.dtype)

    def negative(self, x: Scalar) -> Scalar:
        """-x."""
        if x.is_float:
            return Scalar(self.function.assign(x.register.type, f"fneg {x.register}"), x.dtype)
        return self.subtract(self.like(0, x), x)

    def absolute(self, x: Scalar) -> Scalar:
        """The magnitude."""
        if x.is_float:
            return self._intrinsic("fabs", x)
        if x.dtype.kind in "ub":
            return x
        return self.select(self.less(x, self.like(0, x)), self.negative(x), x)

    def sqrt(self, x: Scalar) -> Scalar:
        """The root, correctly rounded."""
        return self._intrinsic("sqrt", x)

    def minimum(self, x: Scalar, z: Scalar) -> Scalar:
        """The smaller one; NaN when either is."""
        return self._extreme(x, z, self.less)

    def maximum(self, x: Scalar, z: Scalar) -> Scalar:
        """The larger one; NaN when either is."""
        return self._extreme(x, z, self.greater)

    def _extreme(self, x: Scalar, z: Scalar, wins: Any) -> Scalar:
        if not x.is_float:
            return self.select(wins(x, z), x, z)
        # x where it wins or is NaN; a comparison with NaN is false, so z is NaN elsewhere.
        return self.select(self.logical_or(wins(x, z), self.is_nan(x)), x, z)

    def _intrinsic(self, name: str, *operands: Scalar) -> Scalar:
        x = operands[0]
        made = self.function.intrinsic(
            f"llvm.{name}.{overload(x.register.type)}",
            x.register.type,
            [operand.register for operand in operands],
        )
        return Scalar(made, x.dtype)

    def floor(self, x: Scalar) -> Scalar:
        """Largest whole number <= x."""
        return self._intrinsic("floor", x) if x.is_float else x

    def ceil(self, x: Scalar) -> Scalar:
        """Smallest whole number >= x."""
        return self._intrinsic("ceil", x) if x.is_float else x

    def trunc(self, x: Scalar) -> Scalar:
        """x without its fraction."""
        return self._intrinsic("trunc", x) if x.is_float else x

    def round(self, x: Scalar) -> Scalar:
        """The nearest whole number, halves to the even one."""
        return self._intrinsic("roundeven", x) if x.is_float else x

    def quotient(self, x: Scalar, z: Scalar) -> tuple[Scalar, Scalar]:
        """(x // z, x % z) of integers, rounded down; both 0 where z is 0."""
        f = self.function
        zero, one = self.like(0, x), self.like(1, x)
        bad = self.equal(z, zero)
        if x.dtype.kind == "u":
            safe = self.select(bad, one, z)
            whole, rest = (
                Scalar(f.binary(op, x.register, safe.register), x.dtype) for op in ("udiv", "urem")
            )
            return self.select(bad, zero, whole), self.select(bad, zero, rest)
        minus = self.equal(z, self.like(-1, x))  # the one overflow: lowest / -1
        safe = self.select(self.logical_or(bad, minus), one, z)
        whole, rest = (
            Scalar(f.binary(op, x.register, safe.register), x.dtype) for op in ("sdiv", "srem")
        )
        off = self.logical_and(
            self.not_equal(rest, zero),
            self.not_equal(self.less(rest, zero), self.less(safe, zero)),
        )
        whole = self.select(off, self.subtract(whole, one), whole)
        rest = self.select(off, self.add(rest, safe), rest)
        whole = self.select(minus, self.negative(x), whole)
        rest = self.select(minus, zero, rest)
        return self.select(bad, zero, whole), self.select(bad, zero, rest)

    # -- comparisons and logic -------------------------------------------------------------------

    def _compare(self, floating: str, signed: str, unsigned: str, x: Scalar, z: Scalar) -> Scalar:
        if x.is_float:
            predicate = f"fcmp {floating}"
        else:
            predicate = f"icmp {signed if x.dtype.kind == 'i' else unsigned}"
        return Scalar(self.function.compare(predicate, x.register, z.register), _BOOL)

    def equal(self, x: Scalar, z: Scalar) -> Scalar:
        """x == z; NaN equals nothing."""
        return self._compare("oeq", "eq", "eq", x, z)

    def not_equal(self, x: Scalar, z: Scalar) -> Scalar:
        """x != z."""
        return self._compare("une", "ne", "ne", x, z)

    def less(self, x: Scalar, z: Scalar) -> Scalar:
        """x < z."""
        return self._compare("olt", "slt", "ult", x, z)

    def less_equal(self, x: Scalar, z: Scalar) -> Scalar:
        """x <= z."""
        return self._compare("ole", "sle", "ule", x, z)

    def greater(self, x: Scalar, z: Scalar) -> Scalar:
        """x > z."""
        return self._compare("ogt", "sgt", "ugt", x, z)

    def greater_equal(self, x: Scalar, z: Scalar) -> Scalar:
        """x >= z."""
        return self._compare("oge", "sge", "uge", x, z)

    def select(self, condition: Scalar, x: Scalar, z: Scalar) -> Scalar:
        """x where the condition holds, z elsewhere."""
        made = self.function.select(condition.register, x.register, z.register)
        return Scalar(made, x.dtype)

    def truth(self, x: Scalar) -> Scalar:
        """Whether x is anything but 0; NaN is true."""
        return x if x.dtype.kind == "b" else self.not_equal(x, self.like(0, x))

    def logical_and(self, x: Scalar, z: Scalar) -> Scalar:
        """Both are true."""
        return self.bitwise_and(self.truth(x), self.truth(z))

    def logical_or(self, x: Scalar, z: Scalar) -> Scalar:
        """One is true, or both."""
        return self.bitwise_or(self.truth(x), self.truth(z))

    def logical_xor(self, x: Scalar, z: Scalar) -> Scalar:
        """Exactly one is true."""
        return self.bitwise_xor(self.truth(x), self.truth(z))

    def logical_not(self, x: Scalar) -> Scalar:
        """It is false."""
        return self.bitwise_xor(self.truth(x), self.constant(1, _BOOL))

    def bitwise_and(self, x: Scalar, z: Scalar) -> Scalar:
        """Bits set in both."""
        return Scalar(self.function.binary("and", x.register, z.register), x.dtype)

    def bitwise_or(self, x: Scalar, z: Scalar) -> Scalar:
        """Bits set in either."""
        return Scalar(self.function.binary("or", x.register, z.register), x.dtype)

    def bitwise_xor(self, x: Scalar, z: Scalar) -> Scalar:
        """Bits set in one of them."""
        return Scalar(self.function.binary("xor", x.register, z.register), x.dtype)

    def bitwise_invert(self, x: Scalar) -> Scalar:
        """Every bit turned."""
        return self.bitwise_xor(x, self.like(1 if x.dtype.kind == "b" else -1, x))

    def shift_left(self, x: Scalar, z: Scalar) -> Scalar:
        """x << z; 0 when all bits are shifted out."""
        return self._shift("shl", x, z, self.like(0, x))

    def shift_right(self, x: Scalar, z: Scalar) -> Scalar:
        """x >> z, keeping the sign; 0 or -1 when all bits are shifted out."""
        if x.dtype.kind == "u":
            return self._shift("lshr", x, z, self.like(0, x))
        gone = self.select(self.less(x, self.like(0, x)), self.like(-1, x), self.like(0, x))
        return self._shift("ashr", x, z, gone)

    def _shift(self, opcode: str, x: Scalar, z: Scalar, gone: Scalar) -> Scalar:
        width = 8 * x.dtype.itemsize
        type = x.register.type
        limit = self.function.constant(type, width)
        fits = Scalar(self.function.compare("icmp ult", z.register, limit), _BOOL)
        safe = self.select(fits, z, self.like(0, z))
        shifted = Scalar(self.function.binary(opcode, x.register, safe.register), x.dtype)
        return self.select(fits, shifted, gone)

    # -- floating numbers looked at closely ------------------------------------------------------

    def is_nan(self, x: Scalar) -> Scalar:
        """Whether it is NaN."""
        if not x.is_float:
            return self.constant(0, _BOOL)
        return Scalar(self.function.compare("fcmp uno", x.register, x.register), _BOOL)

    def is_infinite(self, x: Scalar) -> Scalar:
        """Whether it is an infinity."""
        if not x.is_float:
            return self.constant(0, _BOOL)
        return self.equal(self.absolute(x), self.like(np.inf, x))

    def is_finite(self, x: Scalar) -> Scalar:
        """Whether it is a number, not infinite."""
        if not x.is_float:
            return self.constant(1, _BOOL)
        return self.less(self.absolute(x), self.like(np.inf, x))

    def bits(self, x: Scalar) -> Scalar:
        """The bits of a floating number as a signed integer."""
        whole = np.dtype(f"i{x.dtype.itemsize}")
        return Scalar(self.function.convert("bitcast", x.register, self.type(whole)), whole)

    def from_bits(self, x: Scalar) -> Scalar:
        """The floating number with these bits."""
        real = np.dtype(f"f{x.dtype.itemsize}")
        return Scalar(self.function.convert("bitcast", x.register, self.type(real)), real)

    def sign_bit(self, x: Scalar) -> Scalar:
        """Whether the sign is negative, also of zero and NaN."""
        bits = self.bits(x)
        return self.less(bits, self.like(0, bits))

    def copysign(self, x: Scalar, z: Scalar) -> Scalar:
        """The magnitude of x with the sign of z."""
        return self._intrinsic("copysign", x, z)

    # -- other types -----------------------------------------------------------------------------

    def cast(self, x: Scalar, dtype: Any) -> Scalar:
        """x as another dtype, as `astype` does."""
        dtype = np.dtype(dtype)
        if x.dtype == dtype:
            return x
        if dtype.kind == "b":
            return self.truth(x)
        f, type = self.function, self.type(dtype)
        if x.is_float and dtype.kind == "f":
            opcode = "fpext" if dtype.itemsize > x.dtype.itemsize else "fptrunc"
            return Scalar(f.convert(opcode, x.register, type), dtype)
        if x.is_float:
            return self._to_integer(x, dtype)
        if dtype.kind == "f":
            opcode = "sitofp" if x.dtype.kind == "i" else "uitofp"
            return Scalar(f.convert(opcode, x.register, type), dtype)
        if x.dtype.kind != "b" and dtype.itemsize <= x.dtype.itemsize:
            opcode = "trunc" if dtype.itemsize < x.dtype.itemsize else "bitcast"
        else:
            opcode = "sext" if x.dtype.kind == "i" else "zext"
        return Scalar(f.convert(opcode, x.register, type), dtype)

    def _to_integer(self, x: Scalar, dtype: np.dtype[Any]) -> Scalar:
        """Towards zero, through 64 bits as NumPy does; what does not fit is the lowest number."""
        wide = np.dtype("u8") if dtype == np.dtype("u8") else np.dtype("i8")
        name = "fptoui.sat" if wide.kind == "u" else "fptosi.sat"
        type = self.type(wide)
        register = self.function.intrinsic(
            f"llvm.{name}.{overload(type)}.{overload(x.register.type)}", type, [x.register]
        )
        return self.cast(Scalar(register, wide), dtype)

    def call(self, name: str, *operands: Scalar) -> Scalar:
        """A function of `math.py` by name."""
        return math.call(self, name, *operands)


def scalar_lanes(x: Scalar) -> int:
    """How many elements a Scalar holds."""
    return lanes_of(x.register.type)
