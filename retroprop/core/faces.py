"""The public functions and the Tensor's methods and operators, all made from the op table.

`rp.exp` is the face of the record `ops.exp`: it takes whatever can become a Tensor and returns
Tensors, where the record itself computes arrays from arrays. `from retroprop.core.faces import
exp` makes it on demand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from retroprop import dtypes
from retroprop.core.tape import execute
from retroprop.core.tensor import Tensor
from retroprop.ops.catalog import catalog
from retroprop.ops.define import Op

__all__ = ["astype", "face"]

_OPERATORS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "truediv",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
    "@": "matmul",
    "&": "and",
    "|": "or",
    "^": "xor",
    "<<": "lshift",
    ">>": "rshift",
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "neg": "neg",
    "pos": "pos",
    "abs": "abs",
    "~": "invert",
}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def face(op: Op) -> Callable[..., Any]:
    """The public function of an op record."""

    @functools.wraps(op.reference)
    def function(*arguments: Any, **attributes: Any) -> Any:
        if not op.variadic and len(arguments) != op.arity:
            if len(arguments) < op.arity:
                missing = ", ".join(op.operands[len(arguments) :])
                raise TypeError(f"{op.name}() is missing: {missing}")
            arguments, attributes = op.bind(arguments, attributes)
        return execute(op, arguments, attributes, Tensor)

    function.__module__ = "retroprop"
    return function


@functools.cache
def _face(name: str) -> Callable[..., Any]:
    return face(catalog[name])


def __getattr__(name: str) -> Any:
    if name not in catalog:
        raise AttributeError(f"retroprop has no op {name!r}")
    return _face(name)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Tensor:
    """x in another dtype; gradients flow through from floating to floating types.

    Args:
        x:     tensor.
        dtype: the new type.
        copy:  accepted for the Array API; tensors are never changed in place, so nothing is copied.

    Example:
        >>> import retroprop as rp
        >>> rp.astype(rp.asarray([1.7, -1.7]), rp.int64).numpy().tolist()
        [1, -1]
    """
    tensor = x if isinstance(x, Tensor) else Tensor(x)
    dtype = dtypes.canonical(dtype)
    return tensor if tensor.dtype == dtype else catalog["cast"](tensor, dtype=dtype)


def _install_operator(op: Op) -> None:
    name = _OPERATORS[str(op.operator)]
    if op.arity == 1:
        setattr(Tensor, f"__{name}__", lambda self: execute(op, (self,), {}, Tensor))
        return

    def forward(self: Tensor, other: Any) -> Any:
        if not _is_operand(other):
            return NotImplemented
        return execute(op, (self, other), {}, Tensor)

    def reverse(self: Tensor, other: Any) -> Any:
        if not _is_operand(other):
            return NotImplemented
        return execute(op, (other, self), {}, Tensor)

    def in_place(self: Tensor, other: Any) -> Tensor:
        return self.assign(forward(self, other))

    setattr(Tensor, f"__{name}__", forward)
    if op.operator not in _COMPARISONS:
        setattr(Tensor, f"__r{name}__", reverse)
        setattr(Tensor, f"__i{name}__", in_place)


def _is_operand(other: Any) -> bool:
    known = isinstance(other, Tensor | bool | int | float | complex)
    return known or hasattr(other, "__array__")


def _install() -> None:
    for op in catalog.values():
        if op.operator is not None:
            _install_operator(op)
        if op.method:
            setattr(Tensor, op.name, _face(op.name))
    Tensor.astype = astype  # type: ignore[attr-defined]
    setattr(Tensor, "__hash__", object.__hash__)  # noqa: B010  __eq__ had taken it away


_install()
