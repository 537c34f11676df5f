"""The matrix product: the contraction of vectors and matrices that all others are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import shapes
from retroprop.errors import ShapeError
from retroprop.ops.arithmetic import multiply
from retroprop.ops.define import NUMERIC, primitive
from retroprop.ops.movement import permute_dims, reshape
from retroprop.ops.samples import bad, call

__all__ = ["matmul", "transposed"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def transposed(x: Any) -> Any:
    """x with its last two axes swapped."""
    ndim = len(x.shape)
    return permute_dims(x, axes=(*range(ndim - 2), ndim - 1, ndim - 2))


def _product(x: Shape, w: Shape) -> Shape:
    for name, shape in (("x", x), ("w", w)):
        if not shape:
            raise ShapeError(
                f"matmul: {name} is a single number, matmul takes vectors and matrices",
                fix="multiply by it with *",
            )
    inner = w[-2] if len(w) > 1 else w[0]
    if x[-1] != inner:
        raise ShapeError(
            f"matmul: inner sizes differ: "
            f"x {x} has {x[-1]} {'columns' if len(x) > 1 else 'elements'}, "
            f"w {w} has {inner} {'rows' if len(w) > 1 else 'elements'}",
            fix="the last axis of x and the last but one of w must agree; .mT swaps two axes",
        )
    batch = shapes.broadcast(x[:-2], w[:-2], op="matmul")
    return (*batch, *x[-2:-1], *(w[-1:] if len(w) > 1 else ()))


def _pull_x(g: Any, w: Any, x_shape: Shape, w_shape: Shape) -> Any:
    """g wᵀ, with the axes that vectors lack put in and taken out again."""
    if len(w_shape) == 1:
        return multiply(reshape(g, (*g.shape, 1)), w)
    if len(x_shape) > 1:
        return matmul(g, transposed(w))
    rows = matmul(reshape(g, (*g.shape[:-1], 1, g.shape[-1])), transposed(w))
    return reshape(rows, (*rows.shape[:-2], rows.shape[-1]))


def _pull_w(g: Any, x: Any, x_shape: Shape, w_shape: Shape) -> Any:
    """xᵀ g; the rows of a whole batch are joined when they met one matrix."""
    if len(w_shape) == 1:
        columns = reshape(g, (*g.shape, 1))
        return multiply(columns, x)
    if len(x_shape) == 1:
        return multiply(reshape(x, (*x_shape, 1)), reshape(g, (*g.shape[:-1], 1, g.shape[-1])))
    if len(w_shape) == 2 and len(x_shape) > 2:
        count = shapes.size(x_shape[:-1])
        rows = reshape(x, (count, x_shape[-1]))
        return matmul(transposed(rows), reshape(g, (count, g.shape[-1])))
    return matmul(transposed(x), g)


@primitive(
    form="contract",
    shape=_product,
    vjp={"x": _pull_x, "w": _pull_w},
    accepts=NUMERIC,
    operator="@",
    method=True,
    samples=[
        call((2, 3), (3, 4)),
        call((3,), (3,)),
        call((3,), (3, 2)),
        call((2, 3), (3,)),
        call((2, 2, 3), (3, 4)),
        call((2, 3), (4, 3, 2)),
        call((2, 1, 2, 3), (4, 3, 2)),
        call((2, 2, 3), (3,)),
        call((3,), (2, 3, 2)),
        call((2, 0), (0, 3)),
        call((0, 3), (3, 2)),
        call((0, 2, 3), (3, 2)),
    ],
    errors=[
        bad((32, 784), (512, 10), match=r"784\) has 784 columns, w \(512, 10\) has 512 rows"),
        bad((3,), (2,), match=r"x \(3,\) has 3 elements, w \(2,\) has 2 elements"),
        bad((), (2, 2), match="x is a single number"),
        bad((2, 2, 3), (3, 3, 2), match="matmul: shapes .* do not broadcast"),
    ],
)
def matmul(x: Array, w: Array, /) -> Array:
    """Matrix product over the last two axes, batched over all others: y = x w.

    Args:
        x: (..., rows, inner), or a vector (inner,).
        w: (..., inner, columns), or a vector (inner,). The axes in front broadcast.

    Returns:
        (..., rows, columns); the axis that a vector lacks is left out.

    Raises:
        ShapeError: "matmul: inner sizes differ: x (32, 784) has 784 columns,
            w (512, 10) has 512 rows".

    Numerics: 16-bit numbers are multiplied and summed in float32.

    Example:
        >>> import retroprop as rp
        >>> x = rp.asarray([[1.0, 2.0], [3.0, 4.0]])
        >>> rp.matmul(x, rp.asarray([1.0, 10.0])).tolist()
        [21.0, 43.0]
    """
    if x.dtype.itemsize == 2 and x.dtype.kind in "fV":
        return np.asarray(np.matmul(x.astype(np.float32), w.astype(np.float32))).astype(x.dtype)
    if w.ndim == 2 and x.ndim > 2:
        rows = x.reshape(shapes.size(x.shape[:-1]), x.shape[-1])  # one product instead of a batch
        return np.asarray(np.matmul(rows, w)).reshape(*x.shape[:-1], w.shape[-1])
    return np.asarray(np.matmul(x, w))
