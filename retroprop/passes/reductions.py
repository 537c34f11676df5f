"""Reductions over nothing: over no axes, or axes of one element."""

from __future__ import annotations

from retroprop import dtypes, shapes
from retroprop.ir import Node, Value
from retroprop.ops.arithmetic import add
from retroprop.ops.define import Op
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import all, any, max, min, prod, sum
from retroprop.passes.constants import literal
from retroprop.passes.rewrite import Build, Rule, shape_of

__all__ = ["RULES"]


def _reduce(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """A reduction of single elements is a reshape; of a sum, which starts at 0, -0 becomes 0."""
    (x,) = operands
    if x.dtype != node.types[0][1] or dtypes.is_complex(x.dtype):
        return None
    axes = shapes.normalise_axes(node.attributes["axis"], len(x.shape))
    if {x.shape[axis] for axis in axes} - {1}:
        return None
    if node.op is sum and dtypes.is_floating(x.dtype):
        x = build(add, x, literal(0, x.dtype))
    return build(reshape, x, shape=shape_of(node))


RULES: dict[Op, tuple[Rule, ...]] = dict.fromkeys((all, any, max, min, prod, sum), (_reduce,))
