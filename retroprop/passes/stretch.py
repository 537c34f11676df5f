"""Broadcasting that elementwise ops do by themselves, so that no operand needs to be stretched."""

from __future__ import annotations

from retroprop import shapes
from retroprop.ir import Node, Value
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import broadcast_to
from retroprop.passes.constants import repeated
from retroprop.passes.rewrite import Build, made_by, shape_of

__all__ = ["shrink"]


def shrink(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """An elementwise op reads what was stretched, not the stretched; if all operands were, it is
    the result that gets stretched.
    """
    sources = tuple(map(_source, operands))
    shape = shape_of(node)
    if sources == operands or 0 in shape:  # of nothing, no number needs to be computed
        return None
    small = shapes.broadcast(*(source.shape for source in sources))
    value = build(node.op, *sources, **node.attributes)
    return value if small == shape else build(broadcast_to, value, shape=shape)


def _source(value: Value) -> Value:
    """What a value was stretched from."""
    if value.constant is not None:
        return (repeated(value) or value) if value.shape else value
    node = made_by(value, broadcast_to)
    if node is not None:
        return node.operands[0]
    node = made_by(value, reshape)
    return node.operands[0] if node is not None and not node.operands[0].shape else value
