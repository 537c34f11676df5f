"""Where elements are and in which order: extremes, sorting, counting, and sets of values.

Sorting is stable and NaN counts as larger than every number. Ops whose result has as many
elements as the data say cannot be inferred; they run eagerly only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import ArgumentError, ShapeError, unknown
from retroprop.ops.along import add_along_axis
from retroprop.ops.define import ANY, DATA_DEPENDENT, REAL, primitive
from retroprop.ops.samples import bad, call, draw

__all__ = [
    "argmax",
    "argmin",
    "argsort",
    "count_nonzero",
    "nonzero",
    "searchsorted",
    "sort",
    "top_k",
    "unique_all",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_NAN = float("nan")
_APART = draw((2, 3, 4), apart=True)
_TIES = draw((2, 4), values=[[1.0, 3.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0]])
_WITH_NAN = draw((2, 3), values=[[1.0, _NAN, 2.0], [_NAN, _NAN, -1.0]])


def _one_index(name: str) -> Any:
    def rule(x: Shape, *, axis: int | None, keepdims: bool) -> Shape:
        at = None if axis is None else shapes.normalise_axis(axis, len(x), name)
        result = shapes.reduced(x, at, keepdims, op=name)
        if (shapes.size(x) if at is None else x[at]) == 0 and shapes.size(result):
            raise ShapeError(f"{name}: no elements along axis {axis} of shape {x}")
        return result

    return rule


_EXTREMES = [
    *[call(_APART, axis=axis, keepdims=keep) for axis in (None, 1, -1) for keep in (False, True)],
    call(_TIES, axis=1),
    call(_WITH_NAN, axis=1, differentiable=False),
    call(()),
    call((3, 0), axis=0),
]


def _extreme_errors(name: str) -> list[Any]:
    return [
        bad((2, 3), axis=2, match=f"{name}: axis 2 is out of range for a tensor of 2 dimensions"),
        bad((2, 0), axis=1, match=f"{name}: no elements along axis 1", error=ValueError),
    ]


@primitive(
    form="reduce",
    shape=_one_index("argmax"),
    result=dtypes.int64,
    accepts=REAL,
    method=True,
    samples=_EXTREMES,
    errors=_extreme_errors("argmax"),
)
def argmax(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the largest element along an axis, of all by default; the first one of several.

    Example:
        >>> import retroprop as rp
        >>> rp.argmax(rp.asarray([[1.0, 5.0], [4.0, 2.0]]), axis=1).numpy().tolist()
        [1, 0]
    """
    return np.asarray(np.argmax(x, axis=axis, keepdims=keepdims), np.int64)


@primitive(
    form="reduce",
    shape=_one_index("argmin"),
    result=dtypes.int64,
    accepts=REAL,
    method=True,
    samples=_EXTREMES,
    errors=_extreme_errors("argmin"),
)
def argmin(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the smallest element along an axis, of all by default; the first one of several.

    Example:
        >>> import retroprop as rp
        >>> rp.argmin(rp.asarray([[1.0, 5.0], [4.0, 2.0]]), axis=1).numpy().tolist()
        [0, 1]
    """
    return np.asarray(np.argmin(x, axis=axis, keepdims=keepdims), np.int64)


def _same(name: str) -> Any:
    def rule(x: Shape, *, axis: int, **_: bool) -> Shape:
        shapes.normalise_axis(axis, len(x), name)
        return x

    return rule


_SORTS = [
    *[call(_APART, axis=axis, descending=down) for axis in (0, 1, -1) for down in (False, True)],
    call(_TIES, axis=-1, differentiable=False),
    call(_TIES, axis=-1, descending=True, differentiable=False),
    call(_WITH_NAN, differentiable=False),
    call(_WITH_NAN, descending=True, differentiable=False),
    call((0, 3), axis=0),
]


def _no_axis(name: str) -> list[Any]:
    return [
        bad((2, 3), axis=2, match=f"{name}: axis 2 is out of range for a tensor of 2 dimensions"),
        bad((), match=f"{name}: axis -1 is out of range for a tensor of 0 dimensions"),
    ]


@primitive(
    form="opaque",
    shape=_same("argsort"),
    result=dtypes.int64,
    accepts=REAL,
    method=True,
    samples=_SORTS,
    errors=_no_axis("argsort"),
)
def argsort(
    x: Array,
    /,
    *,
    axis: int = -1,
    descending: bool = False,
    stable: bool = True,
) -> Array:
    """Indices that sort x along an axis; equal elements keep their order, also when descending.

    Args:
        stable: accepted for the Array API; the order is always the stable one.

    Example:
        >>> import retroprop as rp
        >>> rp.argsort(rp.asarray([3.0, 1.0, 2.0])).numpy().tolist()
        [1, 2, 0]
    """
    if not descending:
        return np.argsort(x, axis=axis, kind="stable").astype(np.int64, copy=False)
    backward = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return np.asarray(np.flip(x.shape[axis] - 1 - backward, axis), np.int64)


def _sort_rule(g: Any, x: Any, x_shape: Shape, axis: int, descending: bool) -> Any:
    order = argsort(x, axis=axis, descending=descending)
    return add_along_axis(g, order, axis=axis, shape=x_shape)


@primitive(
    form="opaque",
    shape=_same("sort"),
    vjp={"x": _sort_rule},
    accepts=REAL,
    method=True,
    samples=_SORTS,
    errors=_no_axis("sort"),
)
def sort(
    x: Array,
    /,
    *,
    axis: int = -1,
    descending: bool = False,
    stable: bool = True,
) -> Array:
    """The elements in ascending (or descending) order along an axis.

    Args:
        stable: accepted for the Array API; it cannot be seen in the result.

    Example:
        >>> import retroprop as rp
        >>> rp.sort(rp.asarray([3.0, 1.0, 2.0]), descending=True).numpy().tolist()
        [3.0, 2.0, 1.0]
    """
    y = np.sort(x, axis=axis)
    return np.flip(y, axis) if descending else y


def _top_shape(x: Shape, *, k: int, axis: int, **_: bool) -> list[Shape]:
    at = shapes.normalise_axis(axis, len(x), "top_k")
    if not 0 <= k <= x[at]:
        raise ArgumentError(
            f"top_k: k = {k} of {x[at]} elements along axis {axis}",
            fix=f"k must be from 0 to {x[at]}",
        )
    return [(*x[:at], k, *x[at + 1 :])] * 2


@primitive(
    form="opaque",
    shape=_top_shape,
    result=lambda x, **_: [x, dtypes.int64],
    vjp={
        "x": lambda g, y, x_shape, axis: add_along_axis(g[0], y[1], axis=axis, shape=x_shape),
    },
    accepts=REAL,
    samples=[
        call(_APART, k=2, axis=axis, largest=largest)
        for axis in (0, -1)
        for largest in (True, False)
    ]
    + [
        call(_TIES, k=3, differentiable=False),
        call(_WITH_NAN, k=2, differentiable=False),
        call((3,), k=0),
    ],
    errors=[
        bad((2, 3), k=4, match="top_k: k = 4 of 3 elements along axis -1"),
        bad((2, 3), k=1, axis=2, match="top_k: axis 2 is out of range"),
    ],
)
def top_k(x: Array, /, *, k: int, axis: int = -1, largest: bool = True) -> tuple[Array, Array]:
    """The k largest (or smallest) elements along an axis, sorted, and their indices.

    Equal elements come in the order of their indices.

    Example:
        >>> import retroprop as rp
        >>> values, indices = rp.top_k(rp.asarray([3.0, 1.0, 2.0]), k=2)
        >>> values.numpy().tolist(), indices.numpy().tolist()
        ([3.0, 2.0], [0, 2])
    """
    order = argsort.reference(x, axis=axis, descending=largest)
    first = np.take(order, np.arange(k), axis=axis)
    return np.take_along_axis(x, first, axis=axis), first


@primitive(
    form="opaque",
    shape=DATA_DEPENDENT,
    result=dtypes.int64,
    samples=[
        call(draw((2, 3), kind="bool")),
        call(draw((4,), values=[0.0, -1.0, _NAN, 0.0])),
        call((0, 2)),
    ],
    errors=[bad((), match="nonzero: a 0-d tensor has no axes")],
)
def nonzero(x: Array, /) -> tuple[Array, ...]:
    """The positions of the elements that are not zero: one tensor of indices for each axis.

    Example:
        >>> import retroprop as rp
        >>> [i.numpy().tolist() for i in rp.nonzero(rp.asarray([[0, 7], [8, 0]]))]
        [[0, 1], [1, 0]]
    """
    if x.ndim == 0:
        raise ShapeError("nonzero: a 0-d tensor has no axes", fix="use rp.reshape(x, (1,)) first")
    return tuple(index.astype(np.int64, copy=False) for index in np.nonzero(x))


@primitive(
    form="reduce",
    shape=lambda x, *, axis, keepdims: shapes.reduced(x, axis, keepdims, op="count_nonzero"),
    result=dtypes.int64,
    accepts=ANY,
    samples=[
        call(draw((2, 3), kind="bool"), axis=axis, keepdims=keep)
        for axis in (None, 0, (0, 1))
        for keep in (False, True)
    ]
    + [call(()), call((0, 2), axis=0)],
    errors=[bad((2, 3), axis=2, match="count_nonzero: axis 2 is out of range")],
)
def count_nonzero(x: Array, /, *, axis: shapes.Axes = None, keepdims: bool = False) -> Array:
    """How many elements over axes are not zero.

    Example:
        >>> import retroprop as rp
        >>> rp.count_nonzero(rp.asarray([[0, 7], [8, 9]]), axis=1).numpy().tolist()
        [1, 2]
    """
    axes = tuple(axis) if isinstance(axis, list) else axis
    return np.asarray(np.count_nonzero(x, axis=axes, keepdims=keepdims), np.int64)


def _search_shape(x: Shape, z: Shape, *, side: str) -> Shape:
    if side not in {"left", "right"}:
        raise unknown("side", side, ["left", "right"])
    if len(x) != 1:
        raise ShapeError(f"searchsorted: x must have one axis, its shape is {x}")
    return z


@primitive(
    form="opaque",
    shape=_search_shape,
    result=dtypes.int64,
    accepts=REAL,
    samples=[
        call(draw((4,), values=[-1.0, 0.0, 0.0, 2.0]), draw(shape), side=side)
        for shape in ((), (3,), (2, 3), (0,))
        for side in ("left", "right")
    ]
    + [call(draw((3,), values=[0.0, 1.0, 2.0]), draw((3,), values=[0.0, 2.0, _NAN]))],
    errors=[
        bad((2, 3), (3,), match=r"searchsorted: x must have one axis, its shape is \(2, 3\)"),
        bad((3,), (3,), side="lef", match="unknown side 'lef'; did you mean 'left'"),
    ],
)
def searchsorted(x: Array, z: Array, /, *, side: str = "left") -> Array:
    """Where each element of z belongs in the ascending x, so that x stays in order.

    Args:
        side: "left": before the elements equal to it; "right": after them.

    Example:
        >>> import retroprop as rp
        >>> rp.searchsorted(rp.asarray([1.0, 2.0, 3.0]), rp.asarray([0.0, 2.0])).numpy().tolist()
        [0, 1]
    """
    return np.asarray(np.searchsorted(x, z, side=side), np.int64)  # type: ignore[call-overload]


@primitive(
    form="opaque",
    shape=DATA_DEPENDENT,
    result=lambda x, **_: [x, dtypes.int64, dtypes.int64, dtypes.int64],
    samples=[
        call(_TIES),
        call(draw((3, 4), -2.0, 2.0, kind="integer")),
        call(draw((4,), kind="bool")),
        call(_WITH_NAN),
        call(()),
        call((0,)),
    ],
)
def unique_all(x: Array, /) -> tuple[Array, Array, Array, Array]:
    """The distinct elements in ascending order, with where they are; each NaN counts as distinct.

    Returns:
        values:          (count,) the distinct elements.
        indices:         (count,) where each occurs first in the flattened x.
        inverse_indices: shape of x: which of the values each element is.
        counts:          (count,) how often each occurs.

    Example:
        >>> import retroprop as rp
        >>> [part.numpy().tolist() for part in rp.unique_all(rp.asarray([5, 3, 5]))]
        [[3, 5], [1, 0], [1, 0, 1], [1, 2]]
    """
    values, indices, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    return (
        values,
        indices.astype(np.int64, copy=False),
        np.reshape(inverse, x.shape).astype(np.int64, copy=False),
        counts.astype(np.int64, copy=False),
    )
