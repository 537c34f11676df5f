"""Mean and variance over axes, and what normalisation makes of them.

The rules share their sums: the gradients of a normalisation in its mean and in a shift behind it
are the same sum over the cotangent, taken once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import shapes
from retroprop.ops.arithmetic import add, multiply, negative, subtract
from retroprop.ops.define import FLOATING, elementwise, primitive
from retroprop.ops.reduction import sum_to
from retroprop.ops.samples import bad, call, draw

__all__ = ["moments", "standardize"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Axes = shapes.Axes


def _both(x: Shape, *, axis: Axes) -> list[Shape]:
    return [shapes.reduced(x, axis, True, op="moments")] * 2


def _pull_back(g: Any, x: Any, y: Any, x_shape: Shape, axis: Axes) -> Any:
    count = shapes.size(x_shape) / max(shapes.size(y[0].shape), 1)
    spread = multiply(multiply(g[1], 2.0 / count), subtract(x, y[0]))
    return add(multiply(g[0], 1.0 / count), spread)


@primitive(
    form="opaque",
    shape=_both,
    result=lambda x, **_: [x, x],
    accepts=FLOATING,
    vjp={"x": _pull_back},
    samples=[
        call((2, 3, 4), axis=0),
        call((2, 3, 4), axis=(0, 2)),
        call((2, 3, 2, 2), axis=(0, 2, 3)),
        call((2, 3, 2, 2), axis=(2, 3)),
        call((3, 4), axis=-1),
        call((5,), axis=None),
        call(draw((4, 3), 100.0, 101.0), axis=0),
    ],
    errors=[bad((2, 3), axis=2, match="moments: axis 2 is out of range")],
)
def moments(x: Array, /, *, axis: Axes = None) -> tuple[Array, Array]:
    """Mean and biased variance over axes, which are kept with size 1.

        mean = Σ x / n        variance = Σ (x - mean)² / n

    Args:
        x:    any shape, real floating.
        axis: the axes; all if None.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> mean, variance = ops.moments(rp.asarray([[1.0, 3.0]]), axis=1)
        >>> mean.tolist(), variance.tolist()
        ([[2.0]], [[1.0]])
    """
    over = tuple(axis) if isinstance(axis, list) else axis
    mean = np.mean(x, axis=over, keepdims=True)
    variance = np.mean(np.square(x - mean), axis=over, keepdims=True)
    return np.asarray(mean, x.dtype), np.asarray(variance, x.dtype)


def _pull_mean(g: Any, scale: Any, mean_shape: Shape, scale_shape: Shape) -> Any:
    if mean_shape == scale_shape:
        return negative(multiply(sum_to(g, mean_shape), scale))
    return negative(multiply(g, scale))


@elementwise(
    lower=lambda b, x, mean, scale: b.multiply(b.subtract(x, mean), scale),
    vjp={
        "x": lambda g, scale: multiply(g, scale),
        "mean": _pull_mean,
        "scale": lambda g, x, mean: multiply(g, subtract(x, mean)),
    },
    accepts=FLOATING,
    samples=[
        call((2, 3), (2, 3), (2, 3)),
        call((2, 3, 4), (3, 1), (3, 1)),
        call((2, 3), (2, 1), (3,)),
        call((0, 3), (1, 3), (1, 3)),
    ],
    errors=[bad((2, 3), (4,), (4,), match="standardize: shapes .* do not broadcast")],
)
def standardize(x: Array, mean: Array, scale: Array, /) -> Array:
    """(x - mean) * scale, elementwise; mean and scale broadcast.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> ops.standardize(rp.asarray([1.0, 3.0]), rp.asarray(2.0), rp.asarray(10.0)).tolist()
        [-10.0, 10.0]
    """
    return np.multiply(np.subtract(x, mean), scale)
