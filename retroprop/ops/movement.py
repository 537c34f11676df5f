"""Ops that move or retype elements and compute nothing: shapes, axes, types."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.errors import DTypeError, IndexRangeError, ShapeError
from retroprop.ops.define import primitive
from retroprop.ops.samples import bad, call, draw

__all__ = [
    "cast",
    "concatenate",
    "flip",
    "pad",
    "permute_dims",
    "place_slice",
    "reshape",
    "split",
    "take_slice",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


@primitive(
    lower=lambda b, x, dtype: b.cast(x, dtype),
    form="view",
    shape=lambda x, *, dtype: x,
    result=lambda x, *, dtype: dtype,
    vjp={"x": lambda g, x_dtype: cast(g, dtype=x_dtype)},
    samples=[
        call((2, 3), dtype=dtypes.float64),
        call((), dtype=dtypes.float32),
        call((0,), dtype=dtypes.float64),
        call(draw((3,), kind="bool"), dtype=dtypes.int8),
    ],
    errors=[
        bad(draw((2,), kind="complex"), dtype=dtypes.float32, match="cast: complex numbers do not")
    ],
)
def cast(x: Array, /, *, dtype: Any) -> Array:
    """The same numbers in another dtype; float to integer truncates towards zero."""
    if x.dtype.kind == "c" and dtype.kind != "c":
        raise DTypeError(
            f"cast: complex numbers do not fit into {dtype}",
            fix="take rp.real(x) or rp.abs(x) first",
        )
    return np.asarray(x).astype(dtype, copy=False)


@primitive(
    form="view",
    shape=lambda x, *, shape: shapes.resolve_reshape(x, shape),
    vjp={"x": lambda g, x_shape: reshape(g, x_shape)},
    method=True,
    samples=[
        call((2, 3), shape=(3, 2)),
        call((2, 3), shape=(-1,)),
        call((), shape=(1, 1)),
        call((0, 3), shape=(3, 0)),
    ],
    errors=[bad((2, 3), shape=(4, -1), match=r"reshape: 6 elements of \(2, 3\) do not fill")],
)
def reshape(x: Array, /, shape: Shape) -> Array:
    """The same elements in row-major order under another shape; one size may be -1.

    Example:
        >>> import retroprop as rp
        >>> rp.reshape(rp.arange(6), (2, -1)).shape
        (2, 3)
    """
    return np.reshape(x, shape)


@primitive(
    form="view",
    shape=lambda x, *, axes: tuple(x[a] for a in _permutation(axes, len(x))),
    vjp={"x": lambda g, axes: permute_dims(g, axes=_inverse(axes))},
    method=True,
    samples=[
        call((2, 3, 4), axes=(2, 0, 1)),
        call((2, 3), axes=(1, 0)),
        call((), axes=()),
        call((0, 2), axes=(1, 0)),
    ],
    errors=[bad((2, 3), axes=(0, 0), match="permute_dims: axes")],
)
def permute_dims(x: Array, /, axes: tuple[int, ...]) -> Array:
    """The axes of x in another order: axis i of the result is axis axes[i] of x.

    Example:
        >>> import retroprop as rp
        >>> rp.permute_dims(rp.zeros((2, 3, 4)), (2, 0, 1)).shape
        (4, 2, 3)
    """
    return np.transpose(x, axes)


def _permutation(axes: Any, ndim: int) -> tuple[int, ...]:
    found = tuple(shapes.normalise_axis(a, ndim, "permute_dims") for a in axes)
    if sorted(found) != list(range(ndim)):
        raise ShapeError(
            f"permute_dims: axes {tuple(axes)} do not name each of the {ndim} axes once",
            fix=f"give all of 0..{ndim - 1} in some order",
        )
    return found


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    ordered = _permutation(axes, len(axes))
    return tuple(ordered.index(i) for i in range(len(ordered)))


def _flipped(x: Shape, axis: shapes.Axes) -> Shape:
    shapes.normalise_axes(axis, len(x), "flip")
    return x


@primitive(
    form="view",
    shape=lambda x, *, axis: _flipped(x, axis),
    vjp={"x": lambda g, axis: flip(g, axis=axis)},
    method=True,
    samples=[
        call((2, 3), axis=None),
        call((2, 3), axis=1),
        call((2, 3), axis=(0, -1)),
        call((), axis=None),
        call((0,), axis=0),
    ],
    errors=[bad((2, 3), axis=2, match="flip: axis 2 is out of range")],
)
def flip(x: Array, /, *, axis: shapes.Axes = None) -> Array:
    """The elements in reverse order along axes (all by default).

    Example:
        >>> import retroprop as rp
        >>> rp.flip(rp.arange(3)).numpy().tolist()
        [2, 1, 0]
    """
    return np.flip(x, tuple(axis) if isinstance(axis, list) else axis)  # type: ignore[arg-type]


def _concatenated(*xs: Shape, axis: int) -> Shape:
    first = xs[0]
    at = shapes.normalise_axis(axis, len(first), "concat")
    for other in xs[1:]:
        if len(other) != len(first) or any(
            n != m for i, (n, m) in enumerate(zip(first, other, strict=True)) if i != at
        ):
            raise ShapeError(
                f"concat: shapes {first} and {other} differ outside axis {axis}",
                fix="all axes but the one joined along must agree; use rp.stack for a new axis",
            )
    return (*first[:at], sum(shape[at] for shape in xs), *first[at + 1 :])


def _part(g: Any, index: int, xs_shape: tuple[Shape, ...], axis: int) -> Any:
    at = shapes.normalise_axis(axis, len(xs_shape[0]))
    start = sum(shape[at] for shape in xs_shape[:index])
    stop = start + xs_shape[index][at]
    return take_slice(g, key=(slice(None),) * at + (slice(start, stop),))


@primitive(
    form="view",
    shape=_concatenated,
    vjp={"xs": _part},
    samples=[
        call((2, 3), (1, 3), axis=0),
        call((2, 3), (2, 2), (2, 1), axis=-1),
        call((0, 2), (3, 2), axis=0),
    ],
    errors=[bad((2, 3), (2, 4), axis=0, match=r"concat: shapes \(2, 3\) and \(2, 4\) differ")],
)
def concatenate(*xs: Array, axis: int = 0) -> Array:
    """Tensors joined end to end along an axis they have."""
    return np.concatenate(xs, axis=axis)


def _parts(x: Shape, *, sizes: tuple[int, ...], axis: int) -> list[Shape]:
    at = shapes.normalise_axis(axis, len(x), "split")
    if not sizes or sum(sizes) != x[at] or any(n < 0 for n in sizes):
        raise ShapeError(
            f"split: sizes {tuple(sizes)} do not make up the {x[at]} elements of axis {axis} of {x}"
        )
    return [(*x[:at], n, *x[at + 1 :]) for n in sizes]


@primitive(
    form="view",
    shape=_parts,
    result=lambda x, *, sizes, axis: [x] * len(sizes),
    vjp={"x": lambda g, axis: concatenate(*(g if type(g) is tuple else (g,)), axis=axis)},
    samples=[
        call((5, 3), sizes=(2, 3), axis=0),
        call((2, 4), sizes=(1, 0, 3), axis=-1),
        call((3,), sizes=(3,), axis=0),
        call((0, 2), sizes=(0, 0), axis=0),
    ],
    errors=[
        bad((2, 4), sizes=(2, 1), axis=1, match=r"split: sizes \(2, 1\) do not make up the 4"),
        bad((2,), sizes=(2,), axis=1, match="split: axis 1 is out of range"),
    ],
)
def split(x: Array, /, *, sizes: tuple[int, ...], axis: int = 0) -> tuple[Array, ...]:
    """Consecutive parts of x along an axis: what `concatenate` joined, taken apart again.

    Its gradient is one concatenation, where as many slices would each make an array of x's size.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> [part.tolist() for part in ops.split(rp.asarray([1.0, 2.0, 3.0]), sizes=(1, 2))]
        [[1.0], [2.0, 3.0]]
    """
    front: tuple[slice, ...] = (slice(None),) * shapes.normalise_axis(axis, x.ndim, "split")
    ends = np.cumsum(sizes).tolist()
    starts = [0, *ends[:-1]]
    return tuple(x[(*front, slice(*part))] for part in zip(starts, ends, strict=True))


@primitive(
    form="view",
    shape=lambda x, *, widths, value: tuple(
        n + before + after for n, (before, after) in zip(x, _checked(widths, x), strict=True)
    ),
    vjp={"x": lambda g, widths, x_shape: _unpad(g, widths, x_shape)},
    samples=[
        call((2, 3), widths=((1, 0), (2, 2)), value=0.0),
        call((2,), widths=((0, 1),), value=1.5),
        call((), widths=(), value=0.0),
        call((0, 2), widths=((1, 1), (0, 0)), value=0.0),
    ],
    errors=[bad((2, 3), widths=((1, 1),), value=0.0, match="pad: 1 pair of widths for 2 axes")],
)
def pad(x: Array, /, *, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> Array:
    """x with a border of a constant: `widths` holds (before, after) for every axis.

    Example:
        >>> import retroprop as rp
        >>> rp.pad(rp.ones((2,)), widths=((1, 1),)).numpy().tolist()
        [0.0, 1.0, 1.0, 0.0]
    """
    return (
        np.pad(x, widths, constant_values=np.asarray(value, np.asarray(x).dtype)) if widths else x
    )


def _checked(widths: Any, shape: Shape) -> Any:
    if len(widths) != len(shape):
        raise ShapeError(
            f"pad: {len(widths)} pair{'s' * (len(widths) != 1)} of widths for {len(shape)} axes",
            fix="give one (before, after) pair per axis",
        )
    if any(n < 0 for pair in widths for n in pair):
        raise ShapeError(f"pad: widths {widths} hold a negative number", fix="slice to crop")
    return widths


def _unpad(g: Any, widths: Any, x_shape: Shape) -> Any:
    inside = (slice(low, low + n) for (low, _), n in zip(widths, x_shape, strict=True))
    return take_slice(g, key=tuple(inside))


def _sliced(shape: Shape, key: tuple[Any, ...]) -> Shape:
    axis, result = 0, []
    for item in key:
        if item is None:
            result.append(1)
            continue
        if axis == len(shape):
            raise IndexRangeError(f"index: the key has more parts than the {axis} axes of {shape}")
        length = shape[axis]
        if isinstance(item, slice):
            result.append(len(range(*item.indices(length))))
        elif not -length <= item < length:
            raise IndexRangeError(
                f"index: {item} is out of range for axis {axis} of {length} elements",
                fix=f"use an index from {-length} to {length - 1}" if length else "it is empty",
            )
        axis += 1
    return (*result, *shape[axis:])


_SLICES = [
    ((4, 5), (slice(1, 3), slice(None, None, 2))),
    ((4, 5), (2,)),
    ((4, 5), (slice(None), None, 3)),
    ((4,), (slice(None, None, -1),)),
    ((4,), (slice(2, 2),)),
    ((), (None,)),
]


@primitive(
    form="view",
    shape=lambda x, *, key: _sliced(x, key),
    vjp={"x": lambda g, key, x_shape: place_slice(g, key=key, shape=x_shape)},
    samples=[call(shape, key=key) for shape, key in _SLICES],
    errors=[
        bad((4, 5), key=(slice(None), -6), match="index: -6 is out of range for axis 1 of 5"),
        bad((4,), key=(0, 0), match="index: the key has more parts than the 1 axes"),
    ],
)
def take_slice(x: Array, /, *, key: tuple[Any, ...]) -> Array:
    """Basic indexing: x[key] with integers, slices and None (a new axis) in `key`."""
    return np.asarray(x[key])


@primitive(
    form="view",
    shape=lambda x, *, key, shape: _placed(x, key, shape),
    vjp={"x": lambda g, key: take_slice(g, key=key)},
    samples=[call(_sliced(shape, key), key=key, shape=shape) for shape, key in _SLICES],
    errors=[
        bad((3,), key=(slice(0, 2),), shape=(4,), match=r"place_slice: \(3,\) is not what the key")
    ],
)
def place_slice(x: Array, /, *, key: tuple[Any, ...], shape: Shape) -> Array:
    """Zeros of a shape with x written at `key`: the adjoint of `take_slice`."""
    y = np.zeros(shape, np.asarray(x).dtype)
    y[key] = x
    return y


def _placed(x: Shape, key: tuple[Any, ...], shape: Shape) -> Shape:
    if _sliced(shape, key) != x:
        raise ShapeError(f"place_slice: {x} is not what the key selects from {shape}")
    return shape
