"""Reading and adding along an axis, an index for each place: adjoints of each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import shapes
from retroprop.errors import ShapeError
from retroprop.ops.define import NUMERIC, primitive
from retroprop.ops.indexing import INDEX, add_at, integers, positions
from retroprop.ops.samples import bad, call, draw

__all__ = ["add_along_axis", "plus_along_axis", "take_along_axis"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _along(x: Shape, indices: Shape, axis: int, op: str) -> Shape:
    at = shapes.normalise_axis(axis, len(x), op)
    if len(indices) != len(x):
        raise ShapeError(
            f"{op}: x has {len(x)} axes, the indices {len(indices)}",
            fix="give indices the axes of x; take() reads whole slices",
        )
    others = [(*shape[:at], 1, *shape[at + 1 :]) for shape in (x, indices)]
    common = shapes.broadcast(*others, op=op)
    return (*common[:at], indices[at], *common[at + 1 :])


_ALONG: list[tuple[Shape, Any, int]] = [
    ((2, 3), [[0, 2, 2, 1], [1, -1, 0, 0]], 1),
    ((3, 2), [[2, 0]], 0),
    ((2, 3), [[1]], -1),
    ((1, 3), [[1], [0]], 1),
    ((3,), [2, 2], 0),
]


@primitive(
    form="opaque",
    shape=lambda x, indices, *, axis: _along(x, indices, axis, "take_along_axis"),
    roles=INDEX,
    vjp={
        "x": lambda g, indices, axis, x_shape: add_along_axis(g, indices, axis=axis, shape=x_shape)
    },
    samples=[call(draw(shape), integers(i), axis=axis) for shape, i, axis in _ALONG],
    errors=[
        bad(
            (2, 3),
            integers([[3], [0]]),
            axis=1,
            match="take_along_axis: index 3 is out of range for axis 1 of 3 elements",
        ),
        bad((2, 3), integers([0]), match="take_along_axis: x has 2 axes, the indices 1"),
        bad((2, 3), integers([[0], [0], [0]]), axis=1, match="do not broadcast"),
    ],
)
def take_along_axis(x: Array, indices: Array, /, *, axis: int = -1) -> Array:
    """The elements of x at the indices along an axis: y[i, j] = x[i, indices[i, j]] for axis 1.

    Example:
        >>> import retroprop as rp
        >>> x = rp.asarray([[1, 2, 3], [4, 5, 6]])
        >>> rp.take_along_axis(x, rp.asarray([[2], [0]]), axis=1).numpy().tolist()
        [[3], [4]]
    """
    at = shapes.normalise_axis(axis, x.ndim, "take_along_axis")
    found = positions("take_along_axis", indices, at, x.shape[at])
    return np.take_along_axis(x, found, axis=at)


def _checked_along(x: Shape, indices: Shape, axis: int, shape: Shape) -> Shape:
    if _along(shape, indices, axis, "add_along_axis") != x:
        raise ShapeError(f"add_along_axis: {x} is not what indices {indices} select from {shape}")
    return shape


@primitive(
    form="opaque",
    shape=lambda x, indices, *, axis, shape: _checked_along(x, indices, axis, shape),
    accepts=NUMERIC,
    roles=INDEX,
    vjp={"x": lambda g, indices, axis: take_along_axis(g, indices, axis=axis)},
    samples=[
        call(_along(shape, np.shape(i), axis, "sample"), integers(i), axis=axis, shape=shape)
        for shape, i, axis in _ALONG
    ],
    errors=[bad((2, 2), integers([[0], [0]]), axis=1, shape=(2, 3), match="is not what indices")],
)
def add_along_axis(x: Array, indices: Array, /, *, axis: int, shape: Shape) -> Array:
    """Zeros of a shape with x added at the indices along an axis: adjoint of `take_along_axis`."""
    at = shapes.normalise_axis(axis, len(shape), "add_along_axis")
    flat: Any = positions("add_along_axis", indices, at, shape[at])
    stride = shapes.size(shape[at + 1 :])
    flat = flat * stride
    for i in range(len(shape)):
        if i != at and shape[i] != 1:
            place = np.arange(shape[i]) * shapes.size(shape[i + 1 :])
            flat = flat + place.reshape((-1,) + (1,) * (len(shape) - 1 - i))
    return add_at(shapes.size(shape), np.broadcast_to(flat, x.shape), x).reshape(shape)


def _fits_along(base: Shape, x: Shape, indices: Shape, *, axis: int) -> Shape:
    if _along(base, indices, axis, "plus_along_axis") != x:
        raise ShapeError(f"plus_along_axis: {x} is not what indices {indices} select from {base}")
    return base


@primitive(
    form="opaque",
    shape=_fits_along,
    accepts=NUMERIC,
    roles=INDEX,
    vjp={
        "base": lambda g: g,
        "x": lambda g, indices, axis: take_along_axis(g, indices, axis=axis),
    },
    samples=[
        call(shape, _along(shape, np.shape(i), axis, "sample"), integers(i), axis=axis)
        for shape, i, axis in _ALONG
    ],
    errors=[bad((2, 3), (2, 2), integers([[0], [0]]), axis=1, match="is not what indices")],
)
def plus_along_axis(base: Array, x: Array, indices: Array, /, *, axis: int) -> Array:
    """base with x added at the indices along an axis: base + add_along_axis(x, indices).

    Compiled programs add in place where base is needed no more.
    """
    return base + add_along_axis.reference(x, indices, axis=axis, shape=base.shape)
