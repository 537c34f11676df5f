"""Running results along an axis: each element combines all before it and itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.ops.arithmetic import add, multiply
from retroprop.ops.define import NUMERIC, primitive
from retroprop.ops.movement import flip, pad, take_slice
from retroprop.ops.samples import bad, call, draw

__all__ = ["cumulative_prod", "cumulative_sum"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _same(name: str) -> Any:
    def rule(x: Shape, *, axis: int) -> Shape:
        shapes.normalise_axis(axis, len(x), name)
        return x

    return rule


def _wide(dtype: Any, **_: Any) -> Any:
    """Integers are accumulated in the default integer, as the Array API asks."""
    if dtype.kind == "u":
        return dtypes.uint64
    return dtypes.default_int if dtype.kind in "bi" else dtype


def _accumulate(ufunc: np.ufunc, x: Array, axis: int) -> Array:
    dtype = _wide(x.dtype)
    if dtype.name in ("float16", "bfloat16"):
        return ufunc.accumulate(x.astype(np.float32), axis=axis).astype(dtype)
    return ufunc.accumulate(x, axis=axis, dtype=dtype)


_CALLS = [
    call((2, 3, 4), axis=0),
    call((2, 3, 4), axis=-1),
    call((5,), axis=0),
    call((1,), axis=0),
    call((0, 3), axis=0),
    call((3, 0), axis=0),
]


def _errors(name: str) -> list[Any]:
    return [
        bad((2, 3), axis=2, match=f"{name}: axis 2 is out of range for a tensor of 2 dimensions"),
        bad((), axis=0, match=f"{name}: axis 0 is out of range for a tensor of 0 dimensions"),
    ]


def _backward_sum(g: Any, axis: int) -> Any:
    return flip(cumulative_sum(flip(g, axis=axis), axis=axis), axis=axis)


@primitive(
    form="scan",
    shape=_same("cumulative_sum"),
    vjp={"x": _backward_sum},
    result=_wide,
    accepts=NUMERIC,
    samples=_CALLS,
    errors=_errors("cumulative_sum"),
)
def cumulative_sum(x: Array, /, *, axis: int) -> Array:
    """Running sum along an axis: y[i] = x[0] + ... + x[i]; integers are summed in int64.

    Example:
        >>> import retroprop as rp
        >>> rp.cumulative_sum(rp.asarray([1, 2, 3]), axis=0).numpy().tolist()
        [1, 3, 6]
    """
    return _accumulate(np.add, x, axis)


def _shifted(x: Any, axis: int, *, by: int, fill: float) -> Any:
    """x moved by a number of places along an axis, to the left when negative."""
    every = (slice(None),) * axis
    kept = slice(0, x.shape[axis] - by) if by > 0 else slice(-by, None)
    border = (by, 0) if by > 0 else (0, -by)
    widths = tuple(border if i == axis else (0, 0) for i in range(len(x.shape)))
    return pad(take_slice(x, key=(*every, kept)), widths=widths, value=fill)


def _prod_rule(g: Any, x: Any, y: Any, axis: int) -> Any:
    """The product before i, times s[i] = g[i] + x[i+1] s[i+1]; exact also where some x are zero.

    The recurrence is solved in log(n) steps: after each, s[i] holds the terms of twice as many
    places, and factor[i] the product that leads on to the next ones.
    """
    at = shapes.normalise_axis(axis, len(x.shape))
    length, step = x.shape[at], 1
    if length == 0:
        return g
    total, factor = g, _shifted(x, at, by=-1, fill=1.0)
    while step < length:
        total = add(total, multiply(factor, _shifted(total, at, by=-step, fill=0.0)))
        factor = multiply(factor, _shifted(factor, at, by=-step, fill=1.0))
        step *= 2
    return multiply(_shifted(y, at, by=1, fill=1.0), total)


@primitive(
    form="scan",
    shape=_same("cumulative_prod"),
    vjp={"x": _prod_rule},
    result=_wide,
    accepts=NUMERIC,
    samples=[*_CALLS, call(draw((6,), values=[2.0, 0.0, 3.0, 0.5, 0.0, 2.0]), axis=0)],
    errors=_errors("cumulative_prod"),
)
def cumulative_prod(x: Array, /, *, axis: int) -> Array:
    """Running product along an axis: y[i] = x[0] * ... * x[i]; integers are multiplied in int64.

    Example:
        >>> import retroprop as rp
        >>> rp.cumulative_prod(rp.asarray([1, 2, 3]), axis=0).numpy().tolist()
        [1, 2, 6]
    """
    return _accumulate(np.multiply, x, axis)
