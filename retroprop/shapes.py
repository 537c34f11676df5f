"""Pure functions on shapes: broadcasting, axes, windows. Every size error is worded here or by
an op.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.errors import ArgumentError, IndexRangeError, ShapeError

__all__ = [
    "broadcast",
    "match_axes",
    "normalise_axes",
    "normalise_axis",
    "reduced",
    "resolve_reshape",
    "restored",
    "size",
    "window_output",
]

Shape = tuple[int, ...]
Axes = int | Sequence[int] | None


def size(shape: Shape) -> int:
    """Number of elements.

    Example:
        >>> size((2, 3)), size(())
        (6, 1)
    """
    count = 1
    for length in shape:
        count *= length
    return count


def broadcast(*shapes: Shape, op: str = "broadcast") -> Shape:
    """The common shape of operands, by NumPy's rule: align at the right, 1 stretches.

    Raises:
        ShapeError: "add: shapes (2, 3) and (4,) do not broadcast: axis -1 has 3 and 4 elements".

    Example:
        >>> broadcast((2, 1), (3,))
        (2, 3)
    """
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    ndim = max(map(len, shapes))
    padded = [(1,) * (ndim - len(shape)) + shape for shape in shapes]
    result = []
    for position, lengths in enumerate(zip(*padded, strict=True)):
        distinct = {length for length in lengths if length != 1}
        if len(distinct) > 1:
            raise ShapeError(
                f"{op}: shapes {' and '.join(map(str, shapes))} do not broadcast: "
                f"axis {position - ndim} has {' and '.join(map(str, sorted(distinct)))} elements",
                fix="align the axes with reshape or expand_dims; sizes must be equal or 1",
            )
        result.append(distinct.pop() if distinct else 1)
    return tuple(result)


def normalise_axis(axis: Any, ndim: int, op: str = "op") -> int:
    """A single axis as a number from 0.

    Raises:
        IndexRangeError: "sum: axis 2 is out of range for a tensor of 2 dimensions".

    Example:
        >>> normalise_axis(-1, 3)
        2
    """
    if not isinstance(axis, int) and not hasattr(axis, "__index__"):
        raise ArgumentError(f"{op}: axis must be an integer, not {axis!r}")
    axis = int(axis.__index__())
    if not -ndim <= axis < ndim:
        raise IndexRangeError(
            f"{op}: axis {axis} is out of range for a tensor of {ndim} dimensions",
            fix=f"use an axis from {-ndim} to {ndim - 1}" if ndim else "a 0-d tensor has no axes",
        )
    return int(axis % ndim)


def normalise_axes(axis: Axes, ndim: int, op: str = "op") -> tuple[int, ...]:
    """One axis, several, or None for all, as a tuple of numbers from 0, in the order given.

    Example:
        >>> normalise_axes(None, 2), normalise_axes((-1, 0), 3)
        ((0, 1), (2, 0))
    """
    if axis is None:
        return tuple(range(ndim))
    given = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    axes = tuple(normalise_axis(one, ndim, op) for one in given)
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"{op}: axis {axis} names an axis twice")
    return axes


def reduced(shape: Shape, axis: Axes = None, keepdims: bool = False, op: str = "reduce") -> Shape:
    """The shape after reducing over axes.

    Example:
        >>> reduced((2, 3, 4), axis=(0, 2)), reduced((2, 3), axis=1, keepdims=True)
        ((3,), (2, 1))
    """
    axes = normalise_axes(axis, len(shape), op)
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def restored(shape: Shape, axis: Axes) -> Shape:
    """The shape of a reduction's result had it kept its axes, from the operand's shape."""
    return reduced(shape, axis, keepdims=True)


def match_axes(shape: Shape, target: Shape) -> tuple[int, ...]:
    """The axes of `target` that broadcasting added to or stretched in `shape`.

    Example:
        >>> match_axes((3, 1), (2, 3, 4))
        (0, 2)
    """
    extra = len(target) - len(shape)
    stretched = (i for i, n in enumerate(shape) if n == 1 and target[i + extra] != 1)
    return (*range(extra), *(i + extra for i in stretched))


def resolve_reshape(shape: Shape, target: Sequence[int], op: str = "reshape") -> Shape:
    """The target shape with its one -1 worked out.

    Raises:
        ShapeError: "reshape: 6 elements of (2, 3) do not fill (4, -1)".

    Example:
        >>> resolve_reshape((2, 3), (3, -1))
        (3, 2)
    """
    total = size(shape)
    target = tuple(n.__index__() for n in target)
    known = size(tuple(n for n in target if n != -1))
    if target.count(-1) > 1 or any(n < -1 for n in target):
        raise ArgumentError(f"{op}: {target} is not a shape; at most one size may be -1")
    if -1 in target:
        resolved = tuple((total // known if known else 0) if n == -1 else n for n in target)
    else:
        resolved = target
    if size(resolved) != total or (-1 in target and known == 0):
        raise ShapeError(
            f"{op}: {total} elements of {shape} do not fill {target}",
            fix="the product of the sizes must stay the same; one size may be -1",
        )
    return resolved


def window_output(length: int, window: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Positions of a sliding window: floor((length + padding - reach) / stride) + 1.

    Args:
        padding: elements added on both sides together.

    Example:
        >>> window_output(28, window=3, stride=2, padding=2)
        14
    """
    return (length + padding - dilation * (window - 1) - 1) // stride + 1
