"""Reading and writing at positions that the program computes: gather, scatter, their adjoints.

Indices count from the end when negative; one that is out of range is an error, never clipped.
Where the same position is written twice, the last one stays; where it is added to twice, both
count.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import ArgumentError, IndexRangeError, ShapeError
from retroprop.ops.arithmetic import where
from retroprop.ops.comparison import equal
from retroprop.ops.define import INTEGER, NUMERIC, primitive
from retroprop.ops.movement import reshape, take_slice
from retroprop.ops.samples import bad, call, draw

__all__ = [
    "INDEX",
    "add_at",
    "flat_index",
    "integers",
    "latest",
    "positions",
    "put",
    "set_slice",
    "take",
    "take_add",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

INDEX = {"indices": INTEGER}


def _out_of_range(op: str, index: Any, axis: Any, length: int) -> IndexRangeError:
    return IndexRangeError(
        f"{op}: index {index} is out of range for axis {axis} of {length} elements",
        fix=f"use indices from {-length} to {length - 1}" if length else "the axis is empty",
    )


def positions(op: str, indices: Array, axis: int, length: int) -> Array:
    """The indices counted from 0, checked."""
    found = np.asarray(indices).astype(np.intp, copy=False)
    if found.size:
        low, high = found.min(), found.max()
        if low < -length or high >= length:
            raise _out_of_range(op, high if high >= length else low, axis, length)
        if low < 0:
            return np.where(found < 0, found + length, found)
    return found


def _axis_of(axis: int | None, ndim: int, op: str) -> int:
    if axis is None and ndim != 1:
        raise ArgumentError(f"{op}: a tensor of {ndim} dimensions needs axis=")
    return shapes.normalise_axis(0 if axis is None else axis, ndim, op)


def _taken(x: Shape, indices: Shape, *, axis: int | None) -> Shape:
    at = _axis_of(axis, len(x), "take")
    return (*x[:at], *indices, *x[at + 1 :])


def integers(values: Any) -> Any:
    """A sample operand of these indices."""
    return draw(np.shape(values), values=values, kind="integer")


_TAKES: list[tuple[Shape, Any, int]] = [
    ((4, 3), [0, 2, 2, -1], 0),
    ((4, 3), [1, 0], 1),
    ((2, 4, 3), [[3, 0], [1, 1]], -2),
    ((4,), 2, 0),
    ((4, 3), np.zeros((0,), int).tolist(), 0),
]


@primitive(
    form="opaque",
    shape=_taken,
    roles=INDEX,
    vjp={"x": lambda g, indices, x_shape, axis: _untake(g, indices, x_shape, axis)},
    method=True,
    samples=[call(draw(shape), integers(i), axis=axis) for shape, i, axis in _TAKES]
    + [call((3,), integers([2, 0]))],
    errors=[
        bad(
            (4, 3),
            integers([0, 4]),
            axis=0,
            error=IndexError,
            match="take: index 4 is out of range for axis 0 of 4 elements",
        ),
        bad((4, 3), integers([-5]), axis=0, match="take: index -5 is out of range"),
        bad((4, 3), integers([0]), axis=2, match="take: axis 2 is out of range"),
        bad((4, 3), integers([0]), match="take: a tensor of 2 dimensions needs axis="),
        bad((4, 3), (2,), axis=0, match="take: indices must be", error=TypeError),
    ],
)
def take(x: Array, indices: Array, /, *, axis: int | None = None) -> Array:
    """The slices of x at the indices along an axis; indices of any shape replace that axis.

    Raises:
        IndexRangeError: "take: index 4 is out of range for axis 0 of 4 elements".

    Example:
        >>> import retroprop as rp
        >>> rp.take(rp.asarray([[1, 2], [3, 4]]), rp.asarray([1, 0, 1]), axis=0).numpy().tolist()
        [[3, 4], [1, 2], [3, 4]]
    """
    at = _axis_of(axis, x.ndim, "take")
    if x.size == 0:  # NumPy leaves indices unchecked where there is nothing to read
        return np.take(x, positions("take", indices, at, x.shape[at]), axis=at)
    try:
        return np.take(x, np.asarray(indices).astype(np.intp, copy=False), axis=at)
    except IndexError:
        positions("take", indices, at, x.shape[at])
        raise


def _untake(g: Any, indices: Any, x_shape: Shape, axis: int | None) -> Any:
    at = _axis_of(axis, len(x_shape), "take")
    return take_add(g, indices, axis=at, length=x_shape[at])


def add_at(size: int, positions: Array, values: Array) -> Array:
    """Zeros with values added at flat positions, one after the other; 16-bit floats in float32."""
    dtype = values.dtype
    wide = np.dtype(np.float32) if dtype.name in ("float16", "bfloat16") else dtype
    y = np.zeros(size, wide)
    np.add.at(y, positions.reshape(-1), values.astype(wide, copy=False).reshape(-1))
    return y.astype(dtype, copy=False)


def _added(x: Shape, indices: Shape, *, axis: int, length: int) -> Shape:
    if x[axis : axis + len(indices)] != indices:
        raise ShapeError(f"take_add: {x} does not hold the indices' shape {indices} at axis {axis}")
    return (*x[:axis], length, *x[axis + len(indices) :])


@primitive(
    form="opaque",
    shape=_added,
    accepts=NUMERIC,
    roles=INDEX,
    vjp={"x": lambda g, indices, axis: take(g, indices, axis=axis)},
    samples=[
        call(
            (*shape[: axis % len(shape)], *np.shape(i), *shape[axis % len(shape) + 1 :]),
            integers(i),
            axis=axis % len(shape),
            length=shape[axis],
        )
        for shape, i, axis in _TAKES
    ],
    errors=[
        bad((2, 3), integers([0, 4]), axis=0, length=4, match="take_add: index 4 is out of range"),
        bad((2, 3), integers([0]), axis=0, length=4, match="does not hold the indices' shape"),
    ],
)
def take_add(x: Array, indices: Array, /, *, axis: int, length: int) -> Array:
    """Zeros of `length` along an axis with the slices of x added in place: adjoint of `take`."""
    found = positions("take_add", indices, axis, length)
    before, after = x.shape[:axis], x.shape[axis + found.ndim :]
    outer, inner = shapes.size(before), shapes.size(after)
    rows = np.arange(outer)[:, None] * length + found.reshape(-1)
    flat = rows[:, :, None] * inner + np.arange(inner)
    return add_at(outer * length * inner, flat, x).reshape(*before, length, *after)


@primitive(
    form="opaque",
    shape=lambda indices, *, length: indices,
    roles=INDEX,
    result=dtypes.int64,
    samples=[call(integers([0, 2, -1, 0]), length=3), call(integers([[1, 0], [1, 1]]), length=2)],
    errors=[bad(integers([3]), length=3, match="latest: index 3 is out of range")],
)
def latest(indices: Array, /, *, length: int) -> Array:
    """For each index, where among the indices, in C order, the same position comes last."""
    found = positions("latest", indices, 0, length)
    writer = np.zeros(length, np.int64)
    writer[found.reshape(-1)] = np.arange(found.size)
    return np.asarray(writer[found])


def _put_shape(x: Shape, indices: Shape, z: Shape, *, axis: int) -> Shape:
    at = shapes.normalise_axis(axis, len(x), "put")
    target = (*x[:at], *indices, *x[at + 1 :])
    if shapes.broadcast(target, z, op="put") != target:
        raise ShapeError(f"put: values of shape {z} do not fit the selected {target}")
    return x


def _written(g: Any, indices: Any, x_shape: Shape, axis: int) -> Any:
    """What reaches the values: nothing where a later one was written to the same position."""
    at = shapes.normalise_axis(axis, len(x_shape), "put")
    order = np.arange(shapes.size(indices.shape)).reshape(indices.shape)
    stays = equal(latest(indices, length=x_shape[at]), order)
    stays = reshape(stays, (*stays.shape, *(1,) * (len(x_shape) - 1 - at)))
    return where(stays, take(g, indices, axis=at), 0.0)


@primitive(
    form="opaque",
    shape=_put_shape,
    roles=INDEX,
    vjp={
        "x": lambda g, indices, axis: put(g, indices, 0.0, axis=axis),
        "z": lambda g, indices, x_shape, axis: _written(g, indices, x_shape, axis),
    },
    samples=[
        call(draw((4, 3)), integers([0, 2]), draw((2, 3)), axis=0),
        call(draw((4, 3)), integers([1, -1, 1]), draw((3,)), axis=0),
        call(draw((2, 4)), integers([[0, 0], [3, 1]]), draw((2, 2, 2)), axis=1),
        call(draw((3,)), integers(1), draw(()), axis=0),
    ],
    errors=[
        bad((4, 3), integers([4]), (3,), axis=0, match="put: index 4 is out of range for axis 0"),
        bad((4, 3), integers([0]), (2, 3), axis=0, match=r"put: values of shape \(2, 3\)"),
    ],
)
def put(x: Array, indices: Array, z: Array, /, *, axis: int) -> Array:
    """x with its slices at the indices along an axis replaced by z, which broadcasts.

    Example:
        >>> import retroprop as rp
        >>> put(rp.zeros((4,)), rp.asarray([0, -1]), 5.0, axis=0).numpy().tolist()
        [5.0, 0.0, 0.0, 5.0]
    """
    at = shapes.normalise_axis(axis, x.ndim, "put")
    y = np.array(x)
    y[(slice(None),) * at + (positions("put", indices, at, x.shape[at]),)] = z
    return y


def _set_shape(x: Shape, z: Shape, *, key: tuple[Any, ...]) -> Shape:
    target = take_slice.shape(x, key=key)
    if shapes.broadcast(target, z, op="set_slice") != target:
        raise ShapeError(f"set_slice: values of shape {z} do not fit the selected {target}")
    return x


@primitive(
    form="view",
    shape=_set_shape,
    vjp={
        "x": lambda g, key: set_slice(g, 0.0, key=key),
        "z": lambda g, key: take_slice(g, key=key),
    },
    samples=[
        call((4, 5), (2, 3), key=(slice(1, 3), slice(None, None, 2))),
        call((4, 5), (5,), key=(2,)),
        call((4, 5), (), key=(slice(None), None, 3)),
        call((4,), (4,), key=(slice(None, None, -1),)),
        call((), (), key=()),
        call((0, 3), (3,), key=(slice(None),)),
    ],
    errors=[bad((4,), (3,), key=(slice(0, 2),), match=r"set_slice: shapes \(2,\) and \(3,\)")],
)
def set_slice(x: Array, z: Array, /, *, key: tuple[Any, ...]) -> Array:
    """x with x[key] replaced by z, which broadcasts; `key` holds integers, slices and None."""
    y = np.array(x)
    y[key] = z
    return y


@primitive(
    form="opaque",
    shape=lambda *indices, sizes: shapes.broadcast(*indices, op="index"),
    accepts=INTEGER,
    result=dtypes.int64,
    samples=[
        call(integers([0, 1, 2]), integers([[1], [3]]), sizes=(3, 4)),
        call(integers([0, -1, 2]), integers([[1], [-4]]), sizes=(3, 4)),
        call(integers(1), integers(0), integers([1, 1]), sizes=(2, 1, 2)),
    ],
    errors=[
        bad(
            integers([0]),
            integers([4]),
            sizes=(3, 4),
            error=IndexError,
            match="index: index 4 is out of range for axis 1 of 4 elements",
        ),
        bad(integers([0, 1]), integers([0, 1, 2]), sizes=(3, 4), match="do not broadcast"),
    ],
)
def flat_index(*indices: Array, sizes: tuple[int, ...]) -> Array:
    """One index per position into axes that were joined in row-major order, from one per axis."""
    flat: Any = 0
    for axis, (index, size) in enumerate(zip(indices, sizes, strict=True)):
        flat = flat * size + positions("index", index, axis, size)
    return np.asarray(flat, np.int64)
