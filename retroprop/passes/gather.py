"""Taking and adding along an axis: little is touched, so whatever can be is done to that little."""

from __future__ import annotations

from retroprop import shapes
from retroprop.errors import ShapeError
from retroprop.ir import Node, Value
from retroprop.ops.along import add_along_axis, plus_along_axis, take_along_axis
from retroprop.ops.arithmetic import add, square, subtract
from retroprop.ops.define import Op
from retroprop.ops.indexing import latest, take_add
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import sum
from retroprop.passes.rewrite import Build, Rule, made_by, shape_of

__all__ = ["RULES"]


def _take_first(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """Elements of a difference are differences of elements: the whole of it need not be there."""
    x, indices = operands
    made = made_by(x, subtract)
    if made is None or made.operands[0].shape != x.shape:
        return None
    left, right = made.operands
    axis = node.attributes["axis"] % len(x.shape)
    if right.shape and (len(right.shape) < len(x.shape) or right.shape[axis] != 1):
        return None
    taken = build(take_along_axis, left, indices, axis=axis)
    try:
        fits = shapes.broadcast(taken.shape, right.shape, op="subtract") == shape_of(node)
    except ShapeError:
        return None
    return build(subtract, taken, right) if fits else None


def _add_there(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """A sum with something that is zero but at one index: added there alone."""
    for base, other in (operands, operands[::-1]):
        made = made_by(other, add_along_axis)
        if made is None or base.shape != other.shape or base is other:
            continue
        x, indices = made.operands
        axis = made.attributes["axis"] % len(base.shape)
        if indices.shape[axis] == 1 and base.constant is None:
            return build(plus_along_axis, base, x, indices, axis=axis)
    return None


def _norm_of_rows(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """The sum of squares of a table that is zero but in the rows of a few lookups: of these."""
    squared = made_by(operands[0], square)
    table = None if squared is None else made_by(squared.operands[0], take_add)
    if table is None or shape_of(node) or table.attributes["axis"] != 0:
        return None
    x, indices = table.operands
    count = shapes.size(indices.shape)
    if 2 * count > table.attributes["length"] or count == 0:
        return None
    flat = build(reshape, indices, shape=(count,))
    rows = build(reshape, x, shape=(count, *x.shape[len(indices.shape) :]))
    places = build(latest, flat, length=table.attributes["length"])
    merged = build(take_add, rows, places, axis=0, length=count)
    return build(sum, build(square, merged), **node.attributes)


RULES: dict[Op, tuple[Rule, ...]] = {
    take_along_axis: (_take_first,),
    add: (_add_there,),
    sum: (_norm_of_rows,),
}
