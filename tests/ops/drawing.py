"""Arrays for the sample calls that op records describe, and the calls of the whole catalog."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop import dtypes
from retroprop.ops.catalog import catalog
from retroprop.ops.define import DATA_DEPENDENT, Op
from retroprop.ops.samples import Call, Draw

__all__ = ["Case", "cases", "draw_array", "draw_call", "promoted", "smooth", "strided"]

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """One sample call of one op."""

    op: Op
    number: int
    call: Call

    def __str__(self) -> str:
        return f"{self.op.name}-{self.number}"


def cases() -> Iterator[Case]:
    """Every sample call of every op, in the order of the catalog."""
    for op in catalog.values():
        for number, call in enumerate(op.samples):
            yield Case(op, number, call)


def draw_array(description: Draw, rng: np.random.Generator, dtype: Any) -> Array:
    """The numbers of one operand; `dtype` is that of kind "float"."""
    wide = dtypes.complex128 if dtype == dtypes.float64 else dtypes.complex64
    kinds = {"float": dtype, "complex": wide, "integer": dtypes.int64, "bool": dtypes.bool}
    wanted = kinds[description.kind]
    if description.values is not None:
        return np.asarray(description.values, np.float64).astype(wanted)
    shape, low, high = description.shape, description.low, description.high
    if description.kind == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if description.kind == "integer":
        return np.asarray(rng.integers(int(low), int(high), shape))
    if description.kind == "complex":
        parts = rng.uniform(low, high, (2, *shape))
        return np.asarray(parts[0] + 1j * parts[1]).astype(wanted)
    if description.apart:
        count = max(1, int(np.prod(shape)))
        places = rng.permutation(count) + rng.uniform(0.0, 0.3, count)
        return np.reshape(low + (high - low) / count * places, shape).astype(wanted)
    return np.asarray(rng.uniform(low, high, shape)).astype(wanted)


def draw_call(case: Case, dtype: Any = dtypes.float64) -> list[Array]:
    """The operands of a sample call, the same in every run."""
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    return [draw_array(one, rng, dtype) for one in case.call.operands]


def promoted(op: Op, arrays: Sequence[Array]) -> list[Array]:
    """Operands in the dtype that the op combines them in."""
    takes = op.takes_promotion * len(arrays) if op.variadic else op.takes_promotion
    if not any(takes):
        return list(arrays)
    common = op.common_dtype([array.dtype for array in arrays])
    return [a.astype(common) if take else a for a, take in zip(arrays, takes, strict=True)]


def smooth(case: Case) -> list[int]:
    """The operands of a sample call that a gradient can be checked for."""
    op, found = case.op, []
    if not case.call.differentiable or op.shape is DATA_DEPENDENT:
        return []
    for i, drawn in enumerate(case.call.operands):
        rule = op.rules[0 if op.variadic else i]
        if drawn.kind == "float" and rule.reason is None:
            found.append(i)
    return found


def strided(array: Array) -> Array:
    """The same numbers with gaps between them, the last axis running backwards."""
    if array.ndim == 0:
        return np.broadcast_to(array, (2,))[1:].reshape(())
    wide = np.zeros(tuple(2 * n for n in array.shape), array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)][..., ::-1]
    view[...] = array
    return view
