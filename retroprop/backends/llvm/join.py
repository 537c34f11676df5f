"""Concatenation: what is joined is computed where it will lie, and copied only if it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop.backends.llvm.kernel import View
from retroprop.backends.llvm.produce import copied
from retroprop.backends.llvm.views import window

if TYPE_CHECKING:
    from retroprop.backends.llvm.lower import Lowered
    from retroprop.backends.llvm.values import Unit
    from retroprop.ir import Node, Value

__all__ = ["join"]


def join(lowered: Lowered, unit: Unit, node: Node) -> None:
    """Lower a concatenation."""
    (output,) = node.outputs
    lowered.unit_of[output] = unit
    result = lowered.view(output)
    axis, start = node.attributes["axis"] % len(output.shape), 0
    for operand in node.operands:
        end = start + operand.shape[axis]
        part = window(result, (slice(None),) * axis + (slice(start, end),))
        start = end
        if not _is_made_there(lowered, operand, part, output):
            unit.works.append(copied(part, lowered.view(operand, unit)))


def _is_made_there(lowered: Lowered, operand: Value, part: View, output: Value) -> bool:
    """Whether an operand has no memory yet, and the kernel that makes it may write there."""
    unit = lowered.unit_of.get(operand)
    if unit is None or operand not in unit.inside or operand in lowered.views:
        return False
    if lowered.layout(operand) is not None:
        return False
    if output in lowered.graph.outputs and not lowered.is_body:  # state is not written early
        return False
    lowered.views[operand], lowered.root[operand] = part, output
    return True
