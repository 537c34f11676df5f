"""A mask after the adjoint of a maximum is a mask before it, on a quarter of the elements or less.

What `unpool` puts anywhere stands where the maximum stood, so the mask `r > 0` asks there whether
the maximum is positive.
"""

from __future__ import annotations

from retroprop.ir import Node, Value
from retroprop.ops.arithmetic import multiply
from retroprop.ops.comparison import greater
from retroprop.ops.define import Op
from retroprop.ops.maxpool import max_pool, unpool
from retroprop.ops.movement import cast
from retroprop.passes.constants import number_of
from retroprop.passes.rewrite import Build, Rule, made_by

__all__ = ["RULES"]


def _masked(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """unpool(g, index) * (r > 0) = unpool(g * (y > 0), index), where y and index are max_pool(r).

    Where windows overlap this could change the sign of a zero, so it is left alone.
    """
    for x, mask in (operands, operands[::-1]):
        spread, widened = made_by(x, unpool), made_by(mask, cast)
        if spread is None or widened is None or spread.attributes["overlap"]:
            continue
        above = made_by(widened.operands[0], greater)
        g, index = spread.operands
        maximum = made_by(index, max_pool)
        if above is None or maximum is None or number_of(above.operands[1]) != 0:
            continue
        if above.operands[0] is not maximum.operands[0]:
            continue
        positive = build(greater, maximum.outputs[0], above.operands[1])
        kept = build(multiply, g, build(cast, positive, **widened.attributes))
        return build(unpool, kept, index, **spread.attributes)
    return None


RULES: dict[Op, tuple[Rule, ...]] = {multiply: (_masked,)}
