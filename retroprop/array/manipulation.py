"""Rearranging tensors: axes added and dropped, joining, repeating, rolling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop import ops, shapes
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError

__all__ = [
    "broadcast_arrays",
    "broadcast_shapes",
    "concat",
    "expand_dims",
    "flatten",
    "moveaxis",
    "repeat",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "unstack",
]

broadcast_shapes = shapes.broadcast


def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """All tensors stretched to their common shape.

    Example:
        >>> [x.shape for x in broadcast_arrays(asarray([1, 2]), asarray([[3]]))]
        [(1, 2), (1, 2)]
    """
    tensors = [asarray(x) for x in arrays]
    shape = shapes.broadcast(*(x.shape for x in tensors), op="broadcast_arrays")
    return tuple(ops.broadcast_to(x, shape) for x in tensors)


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Tensor:
    """Tensors joined end to end along an axis they have; axis None flattens them first.

    Raises:
        ShapeError: "concat: shapes (2, 3) and (2, 4) differ outside axis 0".

    Example:
        >>> concat([asarray([1, 2]), asarray([3])])
        tensor([1, 2, 3])
    """
    tensors = [asarray(x) for x in arrays]
    if not tensors:
        raise ArgumentError("concat: no tensors to join")
    if axis is None:
        return ops.concatenate(*(x.reshape((-1,)) for x in tensors), axis=0)
    return ops.concatenate(*tensors, axis=axis)


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis.

    Example:
        >>> stack([asarray([1, 2]), asarray([3, 4])], axis=1).tolist()
        [[1, 3], [2, 4]]
    """
    tensors = [asarray(x) for x in arrays]
    if not tensors:
        raise ArgumentError("stack: no tensors to join")
    for x in tensors[1:]:
        if x.shape != tensors[0].shape:
            raise ShapeError(
                f"stack: shapes {tensors[0].shape} and {x.shape} differ",
                fix="all must be equal; use rp.concat to join along an existing axis",
            )
    return concat([expand_dims(x, axis=axis) for x in tensors], axis=axis)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along an axis, each without that axis.

    Example:
        >>> [part.tolist() for part in unstack(asarray([[1, 2], [3, 4]]))]
        [[1, 2], [3, 4]]
    """
    x = asarray(x)
    at = shapes.normalise_axis(axis, x.ndim, "unstack")
    if not x.shape[at]:
        return ()
    shape = (*x.shape[:at], *x.shape[at + 1 :])
    parts = ops.split(x, sizes=(1,) * x.shape[at], axis=at)  # one concatenation is its gradient
    return tuple(ops.reshape(part, shape) for part in parts)


def expand_dims(x: Any, /, *, axis: int | tuple[int, ...] = 0) -> Tensor:
    """x with a new axis of size 1 at the position that `axis` will have in the result.

    Example:
        >>> expand_dims(asarray([1, 2]), axis=1).shape
        (2, 1)
    """
    x = asarray(x)
    given = axis if isinstance(axis, tuple) else (axis,)
    new = shapes.normalise_axes(given, x.ndim + len(given), "expand_dims")
    sizes = iter(x.shape)
    target = [1 if i in new else next(sizes) for i in range(x.ndim + len(given))]
    return ops.reshape(x, tuple(target))


def squeeze(x: Any, /, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """x without axes of size 1: the named ones, or all of them.

    Example:
        >>> squeeze(asarray([[[1], [2]]]), axis=0).shape
        (2, 1)
    """
    x = asarray(x)
    if axis is None:
        gone = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        gone = shapes.normalise_axes(axis, x.ndim, "squeeze")
    for i in gone:
        if x.shape[i] != 1:
            raise ShapeError(f"squeeze: axis {i} of {x.shape} has {x.shape[i]} elements, not 1")
    return ops.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in gone))


def reshape(x: Any, /, shape: int | Sequence[int], *, copy: bool | None = None) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1.

    Args:
        x:     tensor.
        shape: the new sizes; their product stays the same.
        copy:  accepted for the Array API; tensors never change in place, so nothing is copied.

    Raises:
        ShapeError: "reshape: 6 elements of (2, 3) do not fill (4, -1)".

    Example:
        >>> reshape(asarray([[1, 2], [3, 4]]), (-1,))
        tensor([1, 2, 3, 4])
    """
    sizes = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    return ops.reshape(asarray(x), sizes)


def flatten(x: Any, /, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """x with the axes from `start_axis` to `end_axis` made into one.

    Example:
        >>> flatten(asarray([[1, 2], [3, 4]])).tolist()
        [1, 2, 3, 4]
    """
    x = asarray(x)
    if x.ndim == 0:
        return ops.reshape(x, (1,))
    start = shapes.normalise_axis(start_axis, x.ndim, "flatten")
    end = shapes.normalise_axis(end_axis, x.ndim, "flatten")
    if end < start:
        raise ArgumentError(f"flatten: end_axis {end_axis} lies before start_axis {start_axis}")
    joined = shapes.size(x.shape[start : end + 1])
    return ops.reshape(x, (*x.shape[:start], joined, *x.shape[end + 1 :]))


def moveaxis(x: Any, source: Any, destination: Any, /) -> Tensor:
    """x with axes moved to other positions, the rest in their order.

    Example:
        >>> moveaxis(asarray([[[1, 2, 3]]]), 2, 0).shape
        (3, 1, 1)
    """
    x = asarray(x)
    moved = shapes.normalise_axes(source, x.ndim, "moveaxis")
    places = shapes.normalise_axes(destination, x.ndim, "moveaxis")
    if len(moved) != len(places):
        raise ArgumentError(f"moveaxis: {len(moved)} sources, {len(places)} destinations")
    order = [i for i in range(x.ndim) if i not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return ops.permute_dims(x, tuple(order))


def swapaxes(x: Any, axis1: int, axis2: int, /) -> Tensor:
    """x with two axes exchanged.

    Example:
        >>> swapaxes(asarray([[1, 2, 3]]), 0, 1).shape
        (3, 1)
    """
    x = asarray(x)
    order = list(range(x.ndim))
    a = shapes.normalise_axis(axis1, x.ndim, "swapaxes")
    b = shapes.normalise_axis(axis2, x.ndim, "swapaxes")
    order[a], order[b] = order[b], order[a]
    return ops.permute_dims(x, tuple(order))


def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Tensor:
    """Elements moved along axes, those that fall off coming back at the other end.

    Example:
        >>> roll(asarray([1, 2, 3]), 1)
        tensor([3, 1, 2])
    """
    x = asarray(x)
    if axis is None:
        return ops.reshape(roll(ops.reshape(x, (-1,)), shift, axis=0), x.shape)
    axes = axis if isinstance(axis, tuple) else (axis,)
    shifts = shift if isinstance(shift, tuple) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ArgumentError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    for by, one in zip(shifts, axes, strict=True):
        at = shapes.normalise_axis(one, x.ndim, "roll")
        cut = -by % x.shape[at] if x.shape[at] else 0
        every = (slice(None),) * at
        x = concat([x[(*every, slice(cut, None))], x[(*every, slice(None, cut))]], axis=at)
    return x


def tile(x: Any, repetitions: tuple[int, ...], /) -> Tensor:
    """x laid side by side, `repetitions` times along each axis.

    Example:
        >>> tile(asarray([1, 2]), (2, 2)).tolist()
        [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    x = asarray(x)
    ndim = max(x.ndim, len(repetitions))
    sizes = (1,) * (ndim - x.ndim) + x.shape
    times = (1,) * (ndim - len(repetitions)) + tuple(repetitions)
    split = tuple(n for pair in zip((1,) * ndim, sizes, strict=True) for n in pair)
    target = tuple(n for pair in zip(times, sizes, strict=True) for n in pair)
    spread = ops.broadcast_to(ops.reshape(x, split), target)
    return ops.reshape(spread, tuple(t * n for t, n in zip(times, sizes, strict=True)))


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Each element repeated, in place: a number of times for all, or one number for each.

    Example:
        >>> repeat(asarray([1, 2]), 2)
        tensor([1, 1, 2, 2])
    """
    x = asarray(x)
    if axis is None:
        return repeat(ops.reshape(x, (-1,)), repeats, axis=0)
    at = shapes.normalise_axis(axis, x.ndim, "repeat")
    counts = asarray(repeats).numpy().reshape(-1)
    if counts.size == 1:
        counts = counts.repeat(x.shape[at])
    if counts.size != x.shape[at] or (counts < 0).any():
        raise ArgumentError(
            f"repeat: {counts.size} counts for axis {axis} with {x.shape[at]} elements"
        )
    positions = asarray(range(x.shape[at])).numpy().repeat(counts)
    return ops.take(x, Tensor(positions), axis=at)
