"""Gradients of tables: which rows they come from, where a trace can tell."""

from __future__ import annotations

from typing import Any

from retroprop.core.symbol import Symbol
from retroprop.core.tensor import Tensor
from retroprop.ir import Value
from retroprop.ops.arithmetic import add, divide, multiply, negative
from retroprop.ops.indexing import take_add
from retroprop.ops.movement import cast, concatenate, reshape

__all__ = ["rows_of"]


def rows_of(g: Tensor) -> tuple[Tensor, Tensor] | None:
    """What a gradient (rows, ...) is the sum of: indices (n,), and what is added there, (n, ...).

    None for numbers, and where it is not made by lookups alone. An index may occur several times.
    """
    symbol = g._array
    found = _trace_back(symbol.value, symbol.recorder) if isinstance(symbol, Symbol) else None
    return None if found is None else (Tensor._wrap(found[0]), Tensor._wrap(found[1]))


def _trace_back(value: Value, recorder: Any) -> tuple[Any, Any] | None:
    """The same of a value of the graph: lookups, their sums, and what is done to every element."""
    node = value.node
    if node is None or node.op not in (take_add, add, multiply, divide, negative, cast):
        return None
    if node.op is take_add:
        if node.attributes["axis"] != 0:
            return None
        x, indices = (Symbol(operand, recorder) for operand in node.operands)
        count = indices.size
        return reshape(indices, (count,)), reshape(x, (count, *value.shape[1:]))
    known = [_trace_back(operand, recorder) for operand in node.operands]
    if node.op is add:
        if not all(known):
            return None
        indices, values = zip(*known, strict=True)
        return concatenate(*indices, axis=0), concatenate(*values, axis=0)
    if not known[0] or any(other.shape for other in node.operands[1:]):
        return None
    indices, values = known[0]
    scale = [Symbol(other, recorder) for other in node.operands[1:]]
    return indices, node.op(values, *scale, **node.attributes)
