"""Arithmetic that changes no bit, or says the same with less work.

Not here, since they are not exact: x + 0 (it makes -0 into 0), x * 0 (infinities), x + c1 + c2.
"""

from __future__ import annotations

import math

import numpy as np

from retroprop import dtypes
from retroprop.ir import Node, Value
from retroprop.ops.arithmetic import (
    add,
    divide,
    multiply,
    negative,
    positive,
    square,
    subtract,
    where,
)
from retroprop.ops.define import Op
from retroprop.ops.exponential import power
from retroprop.ops.logic import conj, logical_not, real
from retroprop.ops.reduction import broadcast_to
from retroprop.passes.constants import literal, number_of
from retroprop.passes.rewrite import Build, Rule, made_by, shape_of

__all__ = ["RULES"]

Operands = tuple[Value, ...]


def _same(node: Node, operands: Operands, build: Build) -> Value | None:
    """+x, and conj(x) and real(x) of a real number, are x."""
    return None if dtypes.is_complex(operands[0].dtype) and node.op is not positive else operands[0]


def _multiply(node: Node, operands: Operands, build: Build) -> Value | None:
    """x * 1 = 1 * x = x."""
    x, z = operands
    if number_of(z) == 1:
        return x
    return z if number_of(x) == 1 else None


def _divide(node: Node, operands: Operands, build: Build) -> Value | None:
    """x / 1 = x, and dividing by a power of two is multiplying by its inverse, which is exact."""
    x, z = operands
    number = number_of(z)
    if number == 1:
        return x
    if number is None or z.dtype not in {dtypes.float32, dtypes.float64}:
        return None
    normal = float(np.finfo(z.dtype).tiny)
    if abs(math.frexp(number)[0]) != 0.5 or not normal <= abs(1 / number) <= 1 / normal:
        return None
    return build(multiply, x, literal(1 / number, z.dtype))


def _add(node: Node, operands: Operands, build: Build) -> Value | None:
    """x + (-z) = x - z; x + 0 = x for integers, and x + (-0) = x for all numbers."""
    for x, z in (operands, operands[::-1]):
        inner = made_by(z, negative)
        if inner is not None:
            return build(subtract, x, *inner.operands)
        if _is_zero(z, negative=True) or (dtypes.is_integer(z.dtype) and number_of(z) == 0):
            return x
    return None


def _subtract(node: Node, operands: Operands, build: Build) -> Value | None:
    """x - 0 = x, and x - (-z) = x + z."""
    x, z = operands
    if _is_zero(z, negative=False):
        return x
    inner = made_by(z, negative)
    return None if inner is None else build(add, x, *inner.operands)


def _is_zero(value: Value, *, negative: bool) -> bool:
    number = number_of(value)
    return number == 0 and (math.copysign(1, number) < 0) == negative


def _undone(op: Op) -> Rule:
    """What is done twice is undone."""

    def rule(node: Node, operands: Operands, build: Build) -> Value | None:
        inner = made_by(operands[0], op)
        if inner is None or inner.operands[0].dtype != operands[0].dtype:
            return None
        return inner.operands[0]

    return rule


def _power(node: Node, operands: Operands, build: Build) -> Value | None:
    """x to the powers 1, 2 and -1, which need no logarithm."""
    x, z = operands
    number = number_of(z)
    if number == 1:
        return x
    if number == 2 and not dtypes.is_complex(x.dtype):
        return build(square, x)
    if number == -1 and dtypes.is_floating(x.dtype):
        return build(divide, literal(1, x.dtype), x)
    return None


def _where(node: Node, operands: Operands, build: Build) -> Value | None:
    """A choice that is made already, or between equals, or turned around."""
    condition, x, z = operands
    chosen = x if x is z else None
    if condition.constant is not None and not condition.shape:
        chosen = x if condition.constant else z
    if chosen is not None:
        return build(broadcast_to, chosen, shape=shape_of(node))
    inner = made_by(condition, logical_not)
    if inner is None or inner.operands[0].dtype != dtypes.bool:
        return None
    return build(where, *inner.operands, z, x)


RULES: dict[Op, tuple[Rule, ...]] = {
    add: (_add,),
    conj: (_same,),
    divide: (_divide,),
    logical_not: (_undone(logical_not),),
    multiply: (_multiply,),
    negative: (_undone(negative),),
    positive: (_same,),
    power: (_power,),
    real: (_same,),
    subtract: (_subtract,),
    where: (_where,),
}
