"""Constants: computed once, by the reference, when the program is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.ir import Node, Value
from retroprop.passes.rewrite import Build, shape_of

__all__ = ["fold", "literal", "number_of", "repeated"]


def literal(number: Any, dtype: np.dtype[Any]) -> Value:
    """A single number as a constant of a program."""
    array = np.asarray(number, dtype)
    return Value((), dtype, constant=array)


def number_of(value: Value) -> float | None:
    """The number that a real constant is; None for anything else."""
    constant = value.constant
    if constant is None or value.shape or value.dtype.kind == "c":
        return None
    return float(constant)


def fold(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """An op of single numbers that are constants is a constant."""
    for value in operands:
        if value.constant is None or value.shape:
            return None
    if shape_of(node):
        return None
    with np.errstate(all="ignore"):  # infinities and NaN are values here, not warnings
        result = node.op.reference(*[value.constant for value in operands], **node.attributes)
    return literal(result, node.types[0][1])


def repeated(value: Value) -> Value | None:
    """The number that a constant array holds throughout, bit for bit; None for anything else."""
    array = value.constant
    if array is None or not array.size or value.dtype.itemsize not in {1, 2, 4, 8}:
        return None
    bits = np.ascontiguousarray(array).view(f"u{value.dtype.itemsize}").reshape(-1)
    return literal(array.flat[0], value.dtype) if np.all(bits == bits[0]) else None
