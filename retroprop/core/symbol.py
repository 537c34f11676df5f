"""Symbols: what stands in the place of an array while a function is being traced.

A symbol has a shape, a dtype and operators, and no numbers; who asks for these gets an error that
says what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from retroprop import shapes
from retroprop.errors import TraceError
from retroprop.ir import Value
from retroprop.ops import catalog
from retroprop.ops.define import Op
from retroprop.ops.movement import cast

if TYPE_CHECKING:
    from retroprop.core.trace import Recorder

__all__ = ["Symbol"]


class Symbol:
    """A value of the graph that is being recorded, in the place of an array."""

    __slots__ = ("recorder", "value")
    __array_priority__ = 2000  # NumPy's operators give way

    def __init__(self, value: Value, recorder: Recorder) -> None:
        self.value, self.recorder = value, recorder

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return shapes.size(self.value.shape)

    @staticmethod
    def __op__(op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> Any:
        symbol = next(operand for operand in operands if isinstance(operand, Symbol))
        return symbol.recorder.apply(op, operands, attributes)

    def astype(self, dtype: Any) -> Any:
        """The same numbers in another type."""
        return self if self.dtype == dtype else cast(self, dtype=np.dtype(dtype))

    def copy(self) -> Symbol:
        """Itself: a value of a graph never changes."""
        return self

    def __len__(self) -> int:
        return self.shape[0]

    if TYPE_CHECKING:

        def text(self) -> NoReturn:
            """Asked of it where it is printed."""

    def snapshot(self) -> NoReturn:
        """There are no numbers: the trace is over, and nothing was returned for this Tensor."""
        raise TraceError(
            f"a {self.dtype} tensor of shape {self.shape} was computed inside a compiled function "
            "and kept outside, where it has no numbers",
            fix="return it from the function, or assign it to a tensor from outside",
        )

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Symbol {self.dtype}{list(self.shape)}>"


_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod",
    "**": "pow", "@": "matmul", "&": "and", "|": "or", "^": "xor", "<<": "lshift",
    ">>": "rshift", "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge",
}  # fmt: skip
_UNARY = {"neg": "neg", "pos": "pos", "abs": "abs", "~": "invert"}


def _install() -> None:
    """Give symbols the operators of the op table: gradient rules compute with them."""
    for op in catalog.values():
        if op.operator in _UNARY:
            setattr(Symbol, f"__{_UNARY[op.operator]}__", lambda self, op=op: op(self))
        elif op.operator in _OPERATORS:
            name = _OPERATORS[op.operator]
            setattr(Symbol, f"__{name}__", lambda self, other, op=op: op(self, other))
            setattr(Symbol, f"__r{name}__", lambda self, other, op=op: op(other, self))


_WAYS_OUT = {
    "a truth value": "choose with rp.where(condition, a, b), or decide outside the function",
    "a Python number": "keep it a tensor; return it and look at it outside",
    "an array": "use retroprop's functions; return the tensor and look at it outside",
    "text": "return the tensor and print it outside",
}
_ASKS = {
    "a truth value": ("__bool__",),
    "a Python number": ("item", "__int__", "__index__", "__float__", "__complex__"),
    "an array": ("__array__", "tolist", "view", "__iter__", "__getitem__", "__dlpack__"),
    "text": ("__format__", "text"),
}


def _refusal(wanted: str) -> Callable[..., NoReturn]:
    def refuse(self: Symbol, *_: Any, **__: Any) -> NoReturn:
        if not self.recorder.is_open:
            self.snapshot()
        raise TraceError(
            f"{wanted} was asked of a {self.dtype} tensor of shape {self.shape} inside a compiled "
            "function, which is recorded once, without numbers, and run later",
            fix=f"{_WAYS_OUT[wanted]}; or leave rp.compile off",
        )

    return refuse


def _install_refusals() -> None:
    """Whatever needs numbers says so, and what to write instead."""
    for wanted, names in _ASKS.items():
        for name in names:
            setattr(Symbol, name, _refusal(wanted))


_install()
_install_refusals()
