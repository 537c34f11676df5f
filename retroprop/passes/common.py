"""Common subexpressions: what tells whether two nodes compute the same from the same.

Recomputation (`rp.checkpoint`) is not undone by it: its second run starts from `again(x)`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from retroprop.ir import Node, Value
from retroprop.ops.arithmetic import add, multiply

__all__ = ["signature"]

_LARGE = 1024  # elements; constants above are the same only when they are one array


def signature(node: Node, operands: tuple[Value, ...]) -> Hashable:
    """Equal for two nodes exactly when the op, the operands and the attributes are the same.

    Sums and products do not depend on the order of their two operands, bit for bit.
    """
    names: tuple[Hashable, ...] = tuple(
        [value if value.constant is None else _number(value.constant) for value in operands]
    )
    if node.op is add or node.op is multiply:
        names = (frozenset(names), names[0] == names[1])
    if not node.attributes:
        return node.op, names
    return node.op, names, tuple(map(_frozen, node.attributes.values()))


def _number(array: Any) -> Hashable:
    """A constant by its bits: -0.0 is not 0.0, and NaN is itself."""
    if array.size > _LARGE:
        return id(array)
    return array.dtype, array.shape, array.tobytes()


def _frozen(item: Any) -> Hashable:
    """An attribute as something that can be compared and hashed; 1, 1.0 and True differ."""
    kind = type(item)
    if kind is tuple or kind is list:
        return kind, tuple(map(_frozen, item))
    if kind is slice:
        return kind, _frozen((item.start, item.stop, item.step))
    if kind is float or kind is complex:
        return kind, repr(item)
    if isinstance(item, np.ndarray):
        return _number(item)
    return kind, item
