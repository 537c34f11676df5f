"""What keeps a second computation apart from the first: equal nodes are merged otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import ArgumentError
from retroprop.ops.define import ANY, NoGradient, primitive
from retroprop.ops.samples import bad, call

__all__ = ["again"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _as_it_is(x: Shape, after: Shape, *, number: int) -> Shape:
    if number < 0:
        raise ArgumentError(f"again: repetitions are counted from 0, number={number} is none")
    return x


@primitive(
    form="opaque",
    shape=_as_it_is,
    result=lambda x, after, **_: x,
    roles={"after": ANY},
    vjp={"x": lambda g: g, "after": NoGradient("it only says when")},
    samples=[call((2, 3), (4,), number=0), call((), (2, 2), number=1), call((0,), (1,), number=2)],
    errors=[bad((2, 3), (4,), number=-1, match="counted from 0")],
)
def again(x: Array, after: Array, /, *, number: int) -> Array:
    """x itself, to compute from it once more, but not before `after` is there.

    Compiled programs merge nodes that compute the same from the same. What is computed from
    `again(x, g, number)` is not merged with what was computed from x, and waits for g: so what
    the first computation made need not be kept until then.

    Args:
        x:      anything.
        after:  what has to be computed before; its numbers do not matter.
        number: tells one repetition from another, from 0.

    Raises:
        ArgumentError: number is negative.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> ops.again(rp.asarray([1.0, 2.0]), rp.asarray(0.0), number=1).tolist()
        [1.0, 2.0]
    """
    return x
