"""Ops that combine the elements along axes, and the sums that undo broadcasting."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import ShapeError
from retroprop.ops.arithmetic import divide, multiply
from retroprop.ops.comparison import equal
from retroprop.ops.define import ANY, REAL, primitive
from retroprop.ops.movement import cast, pad, permute_dims, reshape, take_slice
from retroprop.ops.samples import bad, call, draw

__all__ = ["all", "any", "broadcast_to", "max", "min", "prod", "spread", "sum", "sum_to"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Axes = shapes.Axes


def spread(reduced: Any, shape: Shape, axis: Axes) -> Any:
    """A reduction's result stretched back over the axes it lost."""
    return broadcast_to(reshape(reduced, shapes.restored(shape, axis)), shape)


@primitive(
    form="view",
    shape=lambda x, *, shape: _stretched(x, tuple(shape)),
    vjp={"x": lambda g, x_shape: sum_to(g, x_shape)},
    samples=[
        call((3,), shape=(2, 3)),
        call((2, 1), shape=(2, 4)),
        call((), shape=(2, 2)),
        call((1,), shape=(0,)),
    ],
    errors=[bad((3,), shape=(2, 4), match=r"broadcast_to: \(3,\) does not stretch to \(2, 4\)")],
)
def broadcast_to(x: Array, /, shape: Shape) -> Array:
    """x stretched to a shape: new axes on the left, axes of size 1 repeated.

    Example:
        >>> import retroprop as rp
        >>> rp.broadcast_to(rp.asarray([1.0, 2.0]), (3, 2)).shape
        (3, 2)
    """
    return np.broadcast_to(x, shape)


def _stretched(x: Shape, target: Shape) -> Shape:
    aligned = zip(x, target[len(target) - len(x) :], strict=False)
    if len(x) > len(target) or builtins.any(n not in (1, m) for n, m in aligned):
        raise ShapeError(
            f"broadcast_to: {x} does not stretch to {target}",
            fix="each size must be equal or 1, counted from the right",
        )
    return target


def _shape_of(name: str) -> Any:
    return lambda x, *, axis, keepdims: shapes.reduced(x, axis, keepdims, op=name)


def _wide(dtype: Any, **_: Any) -> Any:
    """Sums of small integers are taken in the default integer, as the Array API asks."""
    if dtype.kind == "u":
        return dtypes.uint64
    return dtypes.default_int if dtype.kind in "bi" else dtype


def _as_tuple(axis: Axes) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


_CALLS = [
    call((2, 3, 4), axis=axis, keepdims=keepdims)
    for axis in (None, 0, -1, (0, 2))
    for keepdims in (False, True)
]
_EMPTY = [call((0,)), call((3, 0), axis=1), call((3, 0), axis=0)]
_APART = [
    call(draw((2, 3, 4), apart=True), axis=axis, keepdims=keepdims)
    for axis in (None, 0, -1, (0, 2))
    for keepdims in (False, True)
]


def _no_axis(name: str) -> Any:
    return bad((2, 3), axis=2, match=f"{name}: axis 2 is out of range for a tensor of 2 dimensions")


@primitive(
    form="reduce",
    shape=_shape_of("sum"),
    vjp={"x": lambda g, x_shape, axis: spread(g, x_shape, axis)},
    result=_wide,
    method=True,
    samples=[call(()), *_CALLS, *_EMPTY],
    errors=[_no_axis("sum")],
)
def sum(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Sum over axes; integers are summed in int64."""
    dtype = _wide(x.dtype)
    if dtype.name in ("float16", "bfloat16"):
        wide = np.sum(x, axis=_as_tuple(axis), keepdims=keepdims, dtype=np.float32)
        return np.asarray(wide).astype(dtype)
    return np.asarray(np.sum(x, axis=_as_tuple(axis), keepdims=keepdims, dtype=dtype))


def sum_to(g: Any, shape: Shape) -> Any:
    """g summed over the axes that broadcasting had added or stretched, back to `shape`."""
    if g.shape == shape:
        return g
    axes = shapes.match_axes(shape, g.shape)
    return reshape(sum(g, axis=axes), shape)


def _prod_rule(g: Any, x: Any, x_shape: Shape, axis: Axes) -> Any:
    """g times the product of all other elements, exact also where some are zero."""
    axes = shapes.normalise_axes(axis, len(x_shape))
    kept = tuple(i for i in range(len(x_shape)) if i not in axes)
    order = (*kept, *axes)
    moved = permute_dims(x, order)
    rows = reshape(moved, (*moved.shape[: len(kept)], shapes.size(moved.shape[len(kept) :])))
    others = multiply(_prods_of_others(rows, before=True), _prods_of_others(rows, before=False))
    back = tuple(order.index(i) for i in range(len(order)))
    return multiply(spread(g, x_shape, axis), permute_dims(reshape(others, moved.shape), back))


def _prods_of_others(rows: Any, *, before: bool) -> Any:
    """Product of the elements before (or after) each one along the last axis, in log(n) steps."""
    n = rows.shape[-1]
    front = ((0, 0),) * (len(rows.shape) - 1)
    every = (slice(None),) * (len(rows.shape) - 1)

    def shift(x: Any, by: int) -> Any:
        by = builtins.min(by, n)
        inside = slice(0, n - by) if before else slice(by, n)
        border = (by, 0) if before else (0, by)
        return pad(take_slice(x, key=(*every, inside)), widths=(*front, border), value=1.0)

    running, step = shift(rows, 1), 1
    while step < n:
        running, step = multiply(running, shift(running, step)), 2 * step
    return running


@primitive(
    form="reduce",
    shape=_shape_of("prod"),
    vjp={"x": _prod_rule},
    result=_wide,
    accepts=ANY,
    method=True,
    samples=[call(()), *_CALLS, *_EMPTY, call(draw((4,), values=[0.0, 2.0, 0.0, 3.0]))],
    errors=[_no_axis("prod")],
)
def prod(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Product over axes; integers are multiplied in int64."""
    dtype = _wide(x.dtype)
    return np.asarray(np.prod(x, axis=_as_tuple(axis), keepdims=keepdims, dtype=dtype))


def _share_among_ties(g: Any, x: Any, y: Any, x_shape: Shape, axis: Axes) -> Any:
    """The cotangent goes to the extreme elements, in equal shares when several tie."""
    chosen = cast(equal(x, spread(y, x_shape, axis)), dtype=x.dtype)
    count = sum(chosen, axis=axis, keepdims=True)
    return multiply(spread(g, x_shape, axis), divide(chosen, count))


def _need_elements(name: str) -> Any:
    def rule(x: Shape, *, axis: Axes, keepdims: bool) -> Shape:
        result = shapes.reduced(x, axis, keepdims, op=name)
        if shapes.size(x) == 0 and shapes.size(result):
            raise ShapeError(f"{name}: no elements along axis {axis} of shape {x}")
        return result

    return rule


@primitive(
    form="reduce",
    shape=_need_elements("max"),
    vjp={"x": _share_among_ties},
    accepts=REAL,
    method=True,
    samples=[call(()), *_APART, call((3, 0), axis=0)],
    errors=[_no_axis("max"), bad((0,), match="max: no elements")],
)
def max(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Largest element over axes; NaN if there is one. Ties share the gradient equally.

    Example:
        >>> import retroprop as rp
        >>> rp.max(rp.asarray([[1.0, 4.0], [3.0, 2.0]]), axis=1).numpy().tolist()
        [4.0, 3.0]
    """
    return np.asarray(np.max(x, axis=_as_tuple(axis), keepdims=keepdims))


@primitive(
    form="reduce",
    shape=_need_elements("min"),
    vjp={"x": _share_among_ties},
    accepts=REAL,
    method=True,
    samples=[call(()), *_APART, call((3, 0), axis=0)],
    errors=[_no_axis("min"), bad((0,), match="min: no elements")],
)
def min(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Smallest element over axes; NaN if there is one. Ties share the gradient equally.

    Example:
        >>> import retroprop as rp
        >>> rp.min(rp.asarray([[1.0, 4.0], [3.0, 2.0]]), axis=1).numpy().tolist()
        [1.0, 2.0]
    """
    return np.asarray(np.min(x, axis=_as_tuple(axis), keepdims=keepdims))


@primitive(
    form="reduce",
    shape=_shape_of("all"),
    accepts=ANY,
    result=dtypes.bool,
    method=True,
    samples=[call(draw((2, 3), kind="bool"), axis=axis) for axis in (None, 0, (0, 1))],
    errors=[_no_axis("all")],
)
def all(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether every element over axes is true (not zero); true for none.

    Example:
        >>> import retroprop as rp
        >>> rp.all(rp.asarray([[True, False], [True, True]]), axis=1).numpy().tolist()
        [False, True]
    """
    return np.asarray(np.all(x, axis=_as_tuple(axis), keepdims=keepdims))


@primitive(
    form="reduce",
    shape=_shape_of("any"),
    accepts=ANY,
    result=dtypes.bool,
    method=True,
    samples=[call(draw((2, 3), kind="bool"), axis=axis) for axis in (None, 0, (0, 1))],
    errors=[_no_axis("any")],
)
def any(x: Array, /, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether some element over axes is true (not zero); false for none.

    Example:
        >>> import retroprop as rp
        >>> rp.any(rp.asarray([[True, False], [False, False]]), axis=1).numpy().tolist()
        [True, False]
    """
    return np.asarray(np.any(x, axis=_as_tuple(axis), keepdims=keepdims))
