"""Casts: those that change nothing, and those that pass through a wider type for nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.ir import Node, Value
from retroprop.ops.define import Op
from retroprop.ops.movement import cast
from retroprop.passes.rewrite import Build, Rule, made_by

__all__ = ["RULES"]

DType = np.dtype[Any]


def _cast(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
    """A cast to the type that it has is nothing; to a wider type and on may be one cast."""
    (x,) = operands
    target = node.types[0][1]
    if x.dtype == target:
        return x
    inner = made_by(x, cast)
    if inner is None or not _skips(inner.operands[0].dtype, x.dtype, target):
        return None
    return build(cast, *inner.operands, dtype=target)


@lru_cache(maxsize=256)
def _skips(source: DType, between: DType, target: DType) -> bool:
    """Whether a cast from `source` to `target` gives the same bits as one that stops `between`.

    The type between must hold every number of the source. From float to integer the way matters,
    since a number that is out of range has no defined result.
    """
    rounds = source.kind in "iu" and source.itemsize == 8 and between.kind in "fc"
    if rounds or not np.can_cast(source, between, "safe") or dtypes.is_complex(between):
        return False
    if source in {target, dtypes.bool}:
        return True
    types = (source, between, target)
    return all(map(dtypes.is_floating, types)) or all(map(dtypes.is_integer, types))


RULES: dict[Op, tuple[Rule, ...]] = {cast: (_cast,)}
