"""Where elements belong in a sorted tensor."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor

__all__ = ["searchsorted"]


def searchsorted(x: Any, z: Any, /, *, side: str = "left", sorter: Any = None) -> Tensor:
    """Where each of z would have to be inserted into x to keep it sorted.

    Args:
        x:      (count,) ascending, or in any order when a sorter is given.
        z:      values of any shape.
        side:   "left" inserts before equal elements, "right" after them.
        sorter: (count,) integers that put x in ascending order, such as `argsort(x)`.

    Returns:
        int64 of the shape of z.

    Example:
        >>> searchsorted(asarray([1.0, 3.0]), asarray([0.0, 3.0, 9.0]))
        tensor([0, 1, 2])
    """
    x = asarray(x)
    if sorter is not None:
        x = ops.take(x, asarray(sorter), axis=0)
    return ops.searchsorted(x, asarray(z), side=side)
