"""Sums over all steps of a loop, made outside of it from what the steps computed.

A weight that all steps read gets a gradient from every step. Where that is a product of matrices,
the sum of all of them is one product of matrices with the rows of all steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from retroprop.ir import Node, Value
from retroprop.ops.arithmetic import add, multiply
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import permute_dims, reshape
from retroprop.ops.reduction import sum as total

__all__ = ["Plan", "Steps", "planned"]


class Steps(Protocol):
    """What is known outside of a loop once it has run."""

    length: int

    def all_of(self, value: Value) -> Any:
        """The value of the body, of all steps, along a new first axis."""

    def alike(self, value: Value) -> Any:
        """A value that is the same in all steps."""


class Plan(NamedTuple):
    """How a sum over all steps is made.

    Attributes:
        asked: the values of the body that it takes of all steps.
        make:  makes it.
    """

    asked: tuple[Value, ...]
    make: Callable[[Steps], Any]


def planned(value: Value, alike: set[Value]) -> Plan | None:
    """How to sum a value of the body over all steps; None where each step has to add to it.

    Args:
        alike: values that are the same in all steps.
    """
    if value.constant is not None or value in alike:
        return Plan((), lambda steps: multiply(steps.alike(value), float(steps.length)))
    if value.node is None:
        return Plan((value,), lambda steps: total(steps.all_of(value), axis=0))
    rule = _RULES.get(value.node.op.name)
    return None if rule is None else rule(value.node, alike)


def _sum_of_both(node: Node, alike: set[Value]) -> Plan | None:
    left, right = (planned(operand, alike) for operand in node.operands)
    if left is None or right is None or any(v.shape != node.types[0][0] for v in node.operands):
        return None
    one, other = left, right
    return Plan(one.asked + other.asked, lambda steps: add(one.make(steps), other.make(steps)))


def _linear(node: Node, alike: set[Value]) -> Plan | None:
    inner = planned(node.operands[0], alike)
    if inner is None:
        return None
    op: Any = node.op
    make, attributes = inner.make, node.attributes
    return Plan(inner.asked, lambda steps: op(make(steps), **attributes))


def _scaled(node: Node, alike: set[Value]) -> Plan | None:
    shape = node.types[0][0]
    for value, factor in (node.operands, node.operands[::-1]):
        fixed = factor.constant is not None or factor in alike
        inner = planned(value, alike) if fixed and value.shape == shape else None
        if inner is not None:
            return Plan(inner.asked, _times(inner, factor))
    return None


def _times(plan: Plan, factor: Value) -> Callable[[Steps], Any]:
    return lambda steps: multiply(plan.make(steps), steps.alike(factor))


def _summed(node: Node, alike: set[Value]) -> Plan:
    (value,) = node.operands
    axis, shape = node.attributes["axis"], node.types[0][0]
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    if axis is None:
        axes = tuple(range(len(value.shape)))
    over = (0, *(one % len(value.shape) + 1 for one in axes))
    return Plan((value,), lambda steps: reshape(total(steps.all_of(value), axis=over), shape))


def _product(node: Node, alike: set[Value]) -> Plan | None:
    left, right = node.operands
    if len(left.shape) != 2 or len(right.shape) != 2:
        return None
    if left in alike or right in alike:
        fixed = left in alike
        inner = planned(right if fixed else left, alike)
        if inner is None:
            return None
        one = inner.make
        if fixed:
            return Plan(inner.asked, lambda steps: matmul(steps.alike(left), one(steps)))
        return Plan(inner.asked, lambda steps: matmul(one(steps), steps.alike(right)))
    x, turned_x = _untransposed(left)
    w, turned_w = _untransposed(right)

    def make(steps: Steps) -> Any:
        rows = _rows(steps.all_of(x), outer=1 if turned_x else 0)  # (steps * inner, outer)
        columns = _rows(steps.all_of(w), outer=0 if turned_w else 1)
        return matmul(permute_dims(rows, axes=(1, 0)), columns)

    return Plan((x, w), make)


def _untransposed(value: Value) -> tuple[Value, bool]:
    """A matrix, or what it is the transpose of."""
    node = value.node
    if node is not None and node.op is permute_dims:
        return node.operands[0], True
    return value, False


def _rows(array: Any, outer: int) -> Any:
    """Matrices of all steps as one, the axis that is summed over first: (steps * inner, outer)."""
    if outer == 0:
        array = permute_dims(array, axes=(0, 2, 1))
    return reshape(array, (array.shape[0] * array.shape[1], array.shape[2]))


_RULES: dict[str, Callable[[Node, set[Value]], Plan | None]] = {
    "add": _sum_of_both,
    "cast": _linear,
    "matmul": _product,
    "multiply": _scaled,
    "negative": _linear,
    "permute_dims": _linear,
    "reshape": _linear,
    "sum": _summed,
}
