"""Results of elementwise work that take the place of an operand which nobody needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop.backends.llvm.kernel import Place

if TYPE_CHECKING:
    from retroprop.backends.llvm.lower import Lowered
    from retroprop.backends.llvm.values import Unit
    from retroprop.ir import Node, Value

__all__ = ["reuse"]

_LEAST = 64 * 1024  # bytes; what is smaller stays in the cache anyway


def reuse(lowered: Lowered) -> None:
    """Let large results lie where an operand of the same form lies that is read for the last time.

    Only where elementwise work alone reads the operand: others would have to be waited for.
    """
    readers: dict[Value, list[Node]] = {}
    for node in lowered.graph.nodes:
        for operand in dict.fromkeys(node.operands):
            readers.setdefault(operand, []).append(node)
    fixed = {*lowered.graph.outputs, *lowered.root.values(), *lowered.root}
    for unit in lowered.units:
        if unit.shape is None:
            continue
        free = [v for v in unit.outside if _is_free(lowered, unit, v, readers, fixed)]
        for node in unit.nodes:
            for value in node.outputs:
                place = next((v for v in free if _is_alike(lowered, value, v)), None)
                if place is not None:
                    free.remove(place)
                    lowered.views[value].buffer.put(Place(lowered.views[place].buffer))


def _is_free(
    lowered: Lowered,
    unit: Unit,
    value: Value,
    readers: dict[Value, list[Node]],
    fixed: set[Value],
) -> bool:
    """Whether a unit is the last to read a value, and no other kind of work reads it."""
    view = lowered.views[value]
    if value in fixed or view.buffer.base.kind != "arena" or view.buffer.size < _LEAST:
        return False
    if lowered.layout(value) is not None or value.shape != unit.shape:
        return False
    for node in readers[value]:
        other = lowered.unit_of.get(node.outputs[0])
        if other is None or other.shape != unit.shape or other.index > unit.index:
            return False
        if other.reduced is node:
            continue
        if node not in other.nodes:
            return False
    return lowered.last_reader.get(value, -1) <= unit.index


def _is_alike(lowered: Lowered, value: Value, other: Value) -> bool:
    """Whether a result has memory of its own, of the same form as an operand's."""
    if value in lowered.root or value not in lowered.views or lowered.layout(value) is not None:
        return False
    view, taken = lowered.views[value], lowered.views[other]
    alike = (view.dtype, view.shape, view.strides) == (taken.dtype, taken.shape, taken.strides)
    return alike and view.buffer.kind == "arena"
