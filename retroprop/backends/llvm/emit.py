"""LLVM IR as text: modules, functions, and the control flow that our kernels need.

A `Register` is an SSA value or a literal with its LLVM type. A `Function` appends one line for each
instruction and names the results; loops and branches are `with` blocks, so the shape of the
generated program is the shape of the Python that writes it. Nothing here knows a tensor or an
instruction set.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2s
from typing import Any, NamedTuple

__all__ = ["Branch", "Function", "Loop", "Module", "Register", "lanes_of", "scalar_of", "vector"]


class Register(NamedTuple):
    """An SSA value ("%7") or a literal ("42", "0x3FF0000000000000") with its LLVM type."""

    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


def vector(scalar: str, lanes: int) -> str:
    """The type of `lanes` scalars side by side; one lane is the scalar itself.

    Example:
        >>> vector("float", 8), vector("float", 1)
        ('<8 x float>', 'float')
    """
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def scalar_of(type: str) -> str:
    """The element type of a vector type; a scalar type is its own.

    Example:
        >>> scalar_of("<8 x float>"), scalar_of("i64")
        ('float', 'i64')
    """
    return type.split(" x ")[1][:-1] if type.startswith("<") else type


def lanes_of(type: str) -> int:
    """How many elements a type has."""
    return int(type[1:].split(" x ", maxsplit=1)[0]) if type.startswith("<") else 1


class Module:
    """A module under construction: declarations, constants and functions, each text once."""

    def __init__(self) -> None:
        self._declarations: dict[str, str] = {}
        self._functions: dict[str, str] = {}

    def declare(self, name: str, result: str, arguments: Sequence[str]) -> None:
        """Make an external function or an intrinsic callable."""
        self._declarations[name] = f"declare {result} @{name}({', '.join(arguments)})"

    def define_global(self, name: str, text: str) -> None:
        """Add a global such as `@table = internal constant [4 x float] [...]`, given its text."""
        self._declarations[name] = text

    def add(self, function: Function) -> None:
        """Take a finished function in."""
        self._functions[function.name] = function.text()

    def add_shared(self, function: Function) -> str:
        """Take a function in under a name made from its text, so equal ones are compiled once."""
        body = function.text().split("(", 1)[1]
        function.name = f"{function.name}_{blake2s(body.encode(), digest_size=6).hexdigest()}"
        if not self.has(function.name):
            self.add(function)
        return function.name

    def has(self, name: str) -> bool:
        """Whether a function of this name has been added."""
        return name in self._functions

    def text(self) -> str:
        """The whole module."""
        return "\n".join([*self._declarations.values(), "", *self._functions.values()])


class Loop:
    """A counted loop that is being written; see `Function.loop`.

    Attributes:
        index:   the counter, i64.
        carried: what the last round handed on; after the loop, what the very last one did.
    """

    def __init__(self, index: Register, carried: tuple[Register, ...]) -> None:
        self.index = index
        self.carried = carried
        self.following: tuple[Register, ...] = carried

    def carry(self, *values: Register) -> None:
        """Hand these values to the next round."""
        self.following = values


class Branch:
    """A conditional that yields values; see `Function.branch`."""

    def __init__(self) -> None:
        self.values: tuple[Register, ...] = ()

    def give(self, *values: Register) -> None:
        """What the conditional yields where its body ran."""
        self.values = values


class Function:
    """One function of a module, written top to bottom.

    Example:
        >>> module = Module()
        >>> f = Function(module, "sum", [("p", "ptr"), ("n", "i64")], result="float")
        >>> p, n = f.parameters
        >>> with f.loop(0, n, carry=[f.constant("float", 0.0)]) as loop:
        ...     x = f.load("float", f.at(p, loop.index, 4))
        ...     loop.carry(f.binary("fadd", loop.carried[0], x))
        >>> f.leave(loop.carried[0])
        >>> module.add(f)
    """

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: Sequence[tuple[str, str]],
        *,
        result: str = "void",
        public: bool = False,
        attributes: str = "nounwind",
        noalias: Sequence[str] = (),
    ) -> None:
        self.module = module
        self.name = name
        self.result = result
        self.parameters = tuple(Register(f"%{key}", type) for key, type in parameters)
        linkage = "" if public else "internal "
        listed = ", ".join(
            f"{type}{' noalias' if key in noalias else ''} %{key}" for key, type in parameters
        )
        self._linkage, self._signature = f"{linkage}{result}", f"({listed}) {attributes} {{"
        self._allocations: list[str] = []
        self._lines: list[str] = []
        self._count = 0
        self._block = "entry"

    # -- values ----------------------------------------------------------------------------------

    def fresh(self, type: str) -> Register:
        """A name that is not taken yet."""
        self._count += 1
        return Register(f"%t{self._count}", type)

    def label(self, word: str) -> str:
        """A block label that is not taken yet."""
        self._count += 1
        return f"{word}{self._count}"

    def constant(self, type: str, value: Any) -> Register:
        """A literal of a scalar type, or of a vector type with that literal in every lane."""
        literal = _literal(scalar_of(type), value)
        if type.startswith("<"):
            literal = f"<{', '.join([f'{scalar_of(type)} {literal}'] * lanes_of(type))}>"
        return Register(literal, type)

    def integer(self, value: int | Register) -> Register:
        """An i64 literal, or the register that it already is."""
        return value if isinstance(value, Register) else Register(str(value), "i64")

    # -- instructions ----------------------------------------------------------------------------

    def write(self, line: str) -> None:
        """Append one instruction that has no result."""
        self._lines.append(f"  {line}")

    def assign(self, type: str, instruction: str) -> Register:
        """Append one instruction and name its result."""
        result = self.fresh(type)
        self._lines.append(f"  {result.name} = {instruction}")
        return result

    def binary(self, opcode: str, x: Register, z: Register) -> Register:
        """x opcode z, for the instructions of two operands of one type (fadd, mul, shl, ...)."""
        return self.assign(x.type, f"{opcode} {x}, {z.name}")

    def compare(self, predicate: str, x: Register, z: Register) -> Register:
        """icmp or fcmp by predicate ("fcmp olt", "icmp eq"); i1 in as many lanes."""
        return self.assign(vector("i1", lanes_of(x.type)), f"{predicate} {x}, {z.name}")

    def select(self, condition: Register, x: Register, z: Register) -> Register:
        """X where the condition holds, z elsewhere."""
        return self.assign(x.type, f"select {condition}, {x}, {z}")

    def convert(self, opcode: str, x: Register, type: str) -> Register:
        """A conversion instruction (sext, fptosi, bitcast, ...) to another type."""
        return x if x.type == type else self.assign(type, f"{opcode} {x} to {type}")

    def call(self, name: str, result: str, arguments: Sequence[Register]) -> Register:
        """Call a function of this module or a declared one; with "void" the result is no value."""
        listed = ", ".join(map(str, arguments))
        if result == "void":
            self.write(f"call void @{name}({listed})")
            return Register("", "void")
        return self.assign(result, f"call {result} @{name}({listed})")

    def intrinsic(self, name: str, result: str, arguments: Sequence[Register]) -> Register:
        """Call an LLVM intrinsic by its full name, declaring it."""
        self.module.declare(name, result, [argument.type for argument in arguments])
        return self.call(name, result, arguments)

    def multiply_add(self, x: Register, z: Register, y: Register) -> Register:
        """x z + y: rounded once where the instruction set can, twice on baseline SSE."""
        return self.intrinsic(f"llvm.fmuladd.{overload(x.type)}", x.type, [x, z, y])

    def splat(self, x: Register, lanes: int) -> Register:
        """A scalar in every lane."""
        if lanes == 1:
            return x
        type = vector(x.type, lanes)
        first = self.assign(type, f"insertelement {type} poison, {x}, i64 0")
        return self.assign(
            type, f"shufflevector {first}, {type} poison, <{lanes} x i32> zeroinitializer"
        )

    def extract(self, x: Register, lane: int | Register) -> Register:
        """One lane of a vector."""
        if lanes_of(x.type) == 1:
            return x
        return self.assign(scalar_of(x.type), f"extractelement {x}, {self.integer(lane)}")

    def insert(self, x: Register, item: Register, lane: int | Register) -> Register:
        """A vector with one lane replaced."""
        return self.assign(x.type, f"insertelement {x}, {item}, {self.integer(lane)}")

    def shuffle(self, x: Register, z: Register, lanes: Sequence[int]) -> Register:
        """The lanes of x followed by z in another order."""
        mask = ", ".join(f"i32 {lane}" for lane in lanes)
        type = vector(scalar_of(x.type), len(lanes))
        return self.assign(type, f"shufflevector {x}, {z}, <{len(lanes)} x i32> <{mask}>")

    # -- memory ----------------------------------------------------------------------------------

    def at(self, base: Register, index: int | Register, size: int = 1) -> Register:
        """The address of element `index` of elements of `size` bytes."""
        if isinstance(index, int):
            if index == 0:
                return base
            return self.assign("ptr", f"getelementptr i8, {base}, i64 {index * size}")
        if size in (1, 2, 4, 8):
            return self.assign("ptr", f"getelementptr i{8 * size}, {base}, {index}")
        offset = self.binary("mul", index, self.integer(size))
        return self.assign("ptr", f"getelementptr i8, {base}, {offset}")

    def load(self, type: str, address: Register, *, align: int | None = None) -> Register:
        """What lies at an address; aligned as one element unless said otherwise."""
        return self.assign(type, f"load {type}, {address}, align {align or _size(type)}")

    def store(self, x: Register, address: Register, *, align: int | None = None) -> None:
        """Put a value at an address."""
        self.write(f"store {x}, {address}, align {align or _size(x.type)}")

    def allocate(self, type: str, count: int = 1, *, align: int = 64) -> Register:
        """Room on the stack for the whole call."""
        self._count += 1
        name = f"%t{self._count}"
        self._allocations.append(f"  {name} = alloca {type}, i64 {count}, align {align}")
        return Register(name, "ptr")

    # -- control flow ----------------------------------------------------------------------------

    @contextmanager
    def loop(
        self,
        start: int | Register,
        stop: int | Register,
        step: int | Register = 1,
        *,
        carry: Sequence[Register] = (),
    ) -> Iterator[Loop]:
        """for index in range(start, stop, step), handing values from round to round.

        The body calls `carry(...)` with as many values as `carry` has; afterwards `carried` holds
        the last ones (the initial ones when there was no round).
        """
        head, body, end = self.label("head"), self.label("body"), self.label("end")
        before = self._block
        self.write(f"br label %{head}")
        index = self.fresh("i64")
        phis = tuple(self.fresh(value.type) for value in carry)
        self.write_label(head)
        place = len(self._lines)
        more = self.compare("icmp slt", index, self.integer(stop))
        self.write(f"br {more}, label %{body}, label %{end}")
        self.write_label(body)
        state = Loop(index, phis)
        yield state
        following = self.binary("add", index, self.integer(step))
        last = self._block
        self.write(f"br label %{head}")
        if len(state.following) != len(phis):
            raise ValueError(f"the loop carries {len(phis)} values, got {len(state.following)}")
        sources = zip(
            (index, *phis),
            (self.integer(start), *carry),
            (following, *state.following),
            strict=True,
        )
        self._lines[place:place] = [
            f"  {phi.name} = phi {phi.type} [ {first.name}, %{before} ], [ {next_.name}, %{last} ]"
            for phi, first, next_ in sources
        ]
        self.write_label(end)
        state.carried = phis

    @contextmanager
    def branch(self, condition: Register, otherwise: Sequence[Register] = ()) -> Iterator[Branch]:
        """Run the body where the condition holds.

        The body may `give(...)` values; afterwards `values` holds them, or `otherwise` where the
        body did not run.
        """
        then, end = self.label("then"), self.label("end")
        before = self._block
        self.write(f"br {condition}, label %{then}, label %{end}")
        self.write_label(then)
        state = Branch()
        yield state
        last = self._block
        self.write(f"br label %{end}")
        self.write_label(end)
        if len(state.values) != len(otherwise):
            raise ValueError(f"the branch gives {len(state.values)}, else {len(otherwise)} values")
        state.values = tuple(
            self.assign(x.type, f"phi {x.type} [ {x.name}, %{last} ], [ {z.name}, %{before} ]")
            for x, z in zip(state.values, otherwise, strict=True)
        )

    def leave(self, value: Register | None = None) -> None:
        """Return; the last instruction of the function."""
        self.write("ret void" if value is None else f"ret {value}")

    def text(self) -> str:
        """The function as LLVM IR."""
        head = f"define {self._linkage} @{self.name}{self._signature}"
        return "\n".join([head, "entry:", *self._allocations, *self._lines, "}"])

    def write_label(self, label: str) -> None:
        """Begin a block; the one before must have ended with a jump."""
        self._lines.append(f"{label}:")
        self._block = label


def overload(type: str) -> str:
    """The suffix by which intrinsics tell types apart.

    Example:
        >>> overload("<8 x float>"), overload("i64"), overload("double")
        ('v8f32', 'i64', 'f64')
    """
    scalar = scalar_of(type)
    short = {"float": "f32", "double": "f64", "half": "f16", "ptr": "p0"}.get(scalar, scalar)
    return f"v{lanes_of(type)}{short}" if type.startswith("<") else short


def _size(type: str) -> int:
    """Bytes of one element, which is what memory is aligned to."""
    scalar = scalar_of(type)
    sizes = {"float": 4, "double": 8, "ptr": 8, "half": 2, "i1": 1}
    return sizes.get(scalar) or int(scalar[1:]) // 8


def _literal(scalar: str, value: Any) -> str:
    if scalar == "float":  # a float is written as the double that equals it
        value = struct.unpack("f", struct.pack("f", value))[0] if not math.isnan(value) else value
        return _bits(value)
    if scalar == "double":
        return _bits(value)
    if scalar == "i1":
        return "true" if value else "false"
    return str(int(value))


def _bits(value: float) -> str:
    return f"0x{struct.unpack('Q', struct.pack('d', value))[0]:016X}"
