"""Maxima over sliding windows with their positions, and the adjoints.

A maximum comes with `index`, the flat spatial position of the element that won, so its gradient is
to add at these positions (`unpool`), and the gradient of that is to read there (`repool`).
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.errors import ArgumentError, ShapeError
from retroprop.ops.define import INTEGER, NUMERIC, REAL, primitive
from retroprop.ops.pooling import CASES, LINE, MISUSE, need_spatial, pooled
from retroprop.ops.samples import bad, call, draw
from retroprop.ops.windows import Pairs, axis_names, offsets, pad_spatial, slide

__all__ = ["adaptive_max_pool", "max_pool", "repool", "unpool"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Sizes = Sequence[int]
Tables = tuple[Array, ...]  # per spatial axis: element seen by each position at each offset


def _max_pooled(
    x: Shape, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> list[Shape]:
    count = pooled("max_pool")(x, window=window, stride=stride, padding=padding, dilation=dilation)
    _tables(x[2:], count[2:], *map(tuple, (window, stride, padding, dilation)))
    return [count, count]


def _with_index(x: Any, **_: Any) -> Any:
    return [x, dtypes.default_int]


def _pull_back(g: Any, index: Any, shape: Shape, overlap: bool) -> Any:
    return unpool(g, index, spatial=shape[2:], overlap=overlap)


def _read(g: Any, index: Any) -> Any:
    return repool(g, index)


def _overlap(window: Sizes, stride: Sizes, dilation: Sizes) -> bool:
    """Whether two windows may see the same element."""
    reach = (d * (w - 1) + 1 for w, d in zip(window, dilation, strict=True))
    return builtins.any(r > s for r, s in zip(reach, stride, strict=True))


@primitive(
    form="opaque",
    shape=_max_pooled,
    result=_with_index,
    accepts=REAL,
    vjp={
        "x": lambda g, y, x_shape, window, stride, dilation: _pull_back(
            g[0], y[1], x_shape, _overlap(window, stride, dilation)
        )
    },
    samples=[call(draw(x, apart=0 not in x), **attributes) for x, _, attributes in CASES],
    errors=[
        *(bad(x, **attributes, match=f"max_pool: .*{match}") for x, attributes, match in MISUSE),
        bad((1, 1, 4), **{**LINE, "padding": ((3, 0),)}, match="sees nothing but padding"),
    ],
)
def max_pool(
    x: Array, /, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> tuple[Array, Array]:
    """The largest element of each window, and where it stands.

    Args:
        x:        (batch, channels, *spatial).
        window:   size of the window, per spatial axis.
        stride:   step between windows, per spatial axis.
        padding:  (before, after) elements that never win, per spatial axis.
        dilation: distance between the elements of the window, per spatial axis.

    Returns:
        y:     (batch, channels, *positions). The first of equal maxima wins; NaN wins over numbers.
        index: int64, same shape; the winner's position in the flattened spatial axes of x.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> how = {"window": (2,), "stride": (2,), "padding": [(0, 0)], "dilation": (1,)}
        >>> y, index = ops.max_pool(rp.asarray([[[1.0, 3.0, 2.0, 2.0]]]), **how)
        >>> y.numpy().tolist(), index.numpy().tolist()
        ([[[3.0, 2.0]]], [[[1, 2]]])
    """
    count = slide("max_pool", x.shape[2:], window, stride, padding, dilation)
    tables = _tables(x.shape[2:], count, *map(tuple, (window, stride, padding, dilation)))
    lowest = -np.inf if x.dtype.kind in "fV" else np.iinfo(x.dtype).min
    seen = pad_spatial(x, padding, lowest)
    spans = offsets(window, stride, dilation, count)
    views = ((offset, seen[..., *key]) for offset, key in spans)
    return _running_max(views, tables, x.shape[2:])


@functools.lru_cache(maxsize=256)
def _tables(
    sizes: Shape, count: Shape, window: Shape, stride: Shape, padding: Any, dilation: Shape
) -> Tables:
    """Which element of x each position sees at each offset; padding stands for its neighbour in x.

    The neighbour is the first (last) element that the same window sees, so that a window in which
    nothing beats the padding, being all -inf, still points into x.
    """
    tables = []
    for axis, (n, m, w, s, (low, _), d) in enumerate(
        zip(sizes, count, window, stride, padding, dilation, strict=True)
    ):
        places = np.arange(m)[:, None] * s - low + np.arange(w) * d
        valid = (places >= 0) & (places < n)
        if not valid.any(1).all():
            raise ArgumentError(
                f"max_pool: a window along {axis_names(len(sizes))[axis]} sees nothing but padding",
                fix="padding must be smaller than the window",
            )
        first = np.where(valid, places, n).min(1, keepdims=True)
        last = np.where(valid, places, -1).max(1, keepdims=True)
        tables.append(np.clip(places, first, last))
    return tuple(tables)


def _running_max(
    views: Iterator[tuple[Shape, Array]], tables: Tables, sizes: Shape
) -> tuple[Array, Array]:
    """Maximum and its flat index over views of x, one for each offset in the window.

    The offset that won is kept in a small integer: it only ever grows, so a maximum updates it.
    """
    seen = list(views)
    y = np.array(seen[0][1], order="C")
    winner = np.zeros(y.shape, np.min_scalar_type(len(seen) - 1))
    for number, (_, view) in enumerate(seen[1:], 1):
        other = np.ascontiguousarray(view)
        np.maximum(winner, np.greater(other, y) * winner.dtype.type(number), out=winner)
        np.maximum(y, other, out=y)
    if y.dtype.kind in "fV" and np.isnan(y).any():
        for number, (_, view) in enumerate(seen):
            winner[np.isnan(view)] = number
    places = np.stack([_flat(offset, tables, sizes).reshape(-1) for offset, _ in seen])
    count = places.shape[1]
    rows = winner.reshape(*y.shape[:2], count) * np.int64(count) + np.arange(count)
    return y, places.reshape(-1).take(rows).reshape(y.shape)


def _flat(offset: Shape, tables: Tables, sizes: Shape) -> Array:
    """The flat spatial position that each window sees at an offset."""
    result = np.zeros((), np.int64)
    for o, table, n in zip(offset, tables, sizes, strict=True):
        result = result[..., None] * n + table[:, o]
    return result


def _adaptive_shape(x: Shape, *, output: Sizes) -> list[Shape]:
    need_spatial("adaptive_max_pool", x)
    if len(output) != len(x) - 2:
        raise ShapeError(
            f"adaptive_max_pool: output {tuple(output)} has {len(output)} axes, x {x} has "
            f"{len(x) - 2} spatial axes",
            fix="give one size for each spatial axis",
        )
    if builtins.any(m < 1 for m in output) or 0 in x[2:]:
        raise ArgumentError(f"adaptive_max_pool: {x[2:]} cannot be pooled to {tuple(output)}")
    return [(*x[:2], *output)] * 2


@functools.lru_cache(maxsize=256)
def _adaptive_tables(sizes: Shape, output: Shape) -> Tables:
    """Windows from floor(i n / m) to ceil((i + 1) n / m); short ones repeat their last element."""
    tables = []
    for n, m in zip(sizes, output, strict=True):
        steps = np.arange(m)
        start, stop = steps * n // m, -(-(steps + 1) * n // m)
        longest = int((stop - start).max())
        tables.append(np.minimum(start[:, None] + np.arange(longest), stop[:, None] - 1))
    return tuple(tables)


@primitive(
    form="opaque",
    shape=_adaptive_shape,
    result=_with_index,
    accepts=REAL,
    vjp={
        "x": lambda g, y, x_shape, output: _pull_back(
            g[0], y[1], x_shape, _uneven(x_shape[2:], output)
        )
    },
    samples=[
        call(draw((2, 2, 4, 6), apart=True), output=(2, 3)),
        call(draw((1, 2, 5, 4), apart=True), output=(3, 3)),
        call(draw((2, 1, 3), apart=True), output=(5,)),
        call(draw((1, 1, 2, 3, 2), apart=True), output=(1, 2, 1)),
        call((0, 2, 4), output=(2,)),
    ],
    errors=[
        bad((2, 4), output=(1,), match=r"\(2, 4\) has no spatial axes"),
        bad((2, 4, 4), output=(1, 1), match=r"output \(1, 1\) has 2 axes, x \(2, 4, 4\) has 1"),
        bad((2, 4, 4), output=(0,), match=r"\(4,\) cannot be pooled to \(0,\)"),
    ],
)
def adaptive_max_pool(x: Array, /, *, output: Sizes) -> tuple[Array, Array]:
    """The largest element of each of `output` windows that cover x evenly, and where it stands.

    Window i of m over n elements runs from floor(i n / m) to ceil((i + 1) n / m).

    Args:
        x:      (batch, channels, *spatial).
        output: spatial sizes of the result.

    Returns:
        y, index: as `max_pool` gives them.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> y, _ = ops.adaptive_max_pool(rp.asarray([[[1.0, 3.0, 2.0]]]), output=(2,))
        >>> y.numpy().tolist()
        [[[3.0, 3.0]]]
    """
    tables = _adaptive_tables(x.shape[2:], tuple(output))
    spans = np.ndindex(*(table.shape[1] for table in tables))
    views = ((o, x[..., *_open(o, tables)]) for o in spans)
    return _running_max(views, tables, x.shape[2:])


def _uneven(sizes: Shape, output: Sizes) -> bool:
    """Whether neighbouring windows share elements."""
    return builtins.any(n % m for n, m in zip(sizes, output, strict=True))


def _open(offset: Shape, tables: Tables) -> Any:
    """Index arrays, one per axis, that together read the elements at an offset."""
    return np.ix_(*(table[:, o] for o, table in zip(offset, tables, strict=True)))


def _flattened(x: Array, sizes: Shape) -> Array:
    """(batch, channels, *spatial) as (batch x channels, spatial)."""
    return x.reshape(-1, int(np.prod(sizes))) if x.size else x.reshape(0, int(np.prod(sizes)))


@primitive(
    form="opaque",
    shape=lambda x, index, *, spatial, overlap: _paired("unpool", x, index, spatial),
    accepts=NUMERIC,
    roles={"index": INTEGER},
    vjp={"x": lambda g, index: _read(g, index)},
    samples=[
        call((1, 1, 3), draw((1, 1, 3), values=[[[4, 0, 2]]], kind="integer"), spatial=(5,)),
        call((1, 1, 3), draw((1, 1, 3), values=[[[1, 0, 1]]], kind="integer"), spatial=(2,)),
        call((1, 2, 1, 2), draw((1, 2, 1, 2), 0, 6, kind="integer"), spatial=(2, 3)),
        call((0, 2, 2), draw((0, 2, 2), 0, 3, kind="integer"), spatial=(3,)),
    ],
    errors=[
        bad(
            (1, 1, 3),
            draw((1, 1, 2), 0, 2, kind="integer"),
            spatial=(2,),
            match=r"unpool: x \(1, 1, 3\) and index \(1, 1, 2\) differ",
        )
    ],
)
def unpool(x: Array, index: Array, /, *, spatial: Sizes, overlap: bool = True) -> Array:
    """Zeros with x added at the positions that `max_pool` gave: the adjoint of reading there.

    Args:
        x:       (batch, channels, *positions).
        index:   same shape, integer; flat positions in the result's spatial axes.
        spatial: sizes of the result's spatial axes.
        overlap: False promises that no position occurs twice in a channel, which is faster.

    Returns:
        (batch, channels, *spatial).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> ops.unpool(rp.asarray([[[3.0, 2.0]]]), rp.asarray([[[1, 2]]]), spatial=(4,)).tolist()
        [[[0.0, 3.0, 2.0, 0.0]]]
    """
    y = np.zeros((*x.shape[:2], *spatial), x.dtype)
    flat, places = _flattened(y, tuple(spatial)), _flattened(index, index.shape[2:])
    places = places + np.arange(len(flat))[:, None] * flat.shape[1]
    if overlap:
        np.add.at(flat.reshape(-1), places.reshape(-1), x.reshape(-1))
    else:
        flat.reshape(-1)[places.reshape(-1)] = x.reshape(-1)
    return y


def _paired(op: str, x: Shape, index: Shape, spatial: Sizes | None) -> Shape:
    """The shape of reading or writing at index; the operands' leading axes must agree."""
    need_spatial(op, x)
    agree = x == index if spatial is not None else x[:2] == index[:2]
    if not agree or len(index) < 3:
        raise ShapeError(f"{op}: x {x} and index {index} differ", fix="use the index of max_pool")
    return (*x[:2], *spatial) if spatial is not None else index


@primitive(
    form="opaque",
    shape=lambda x, index: _paired("repool", x, index, None),
    accepts=NUMERIC,
    roles={"index": INTEGER},
    vjp={"x": lambda g, index, x_shape: _pull_back(g, index, x_shape, True)},
    samples=[
        call((1, 1, 5), draw((1, 1, 3), values=[[[4, 0, 4]]], kind="integer")),
        call((1, 2, 2, 3), draw((1, 2, 1, 2), 0, 6, kind="integer")),
        call((0, 2, 3), draw((0, 2, 2), 0, 3, kind="integer")),
    ],
    errors=[
        bad(
            (1, 2, 3),
            draw((1, 1, 2), 0, 2, kind="integer"),
            match=r"repool: x \(1, 2, 3\) and index \(1, 1, 2\) differ",
        )
    ],
)
def repool(x: Array, index: Array, /) -> Array:
    """The elements of x at the positions that `max_pool` gave.

    Args:
        x:     (batch, channels, *spatial).
        index: (batch, channels, *positions), integer; flat positions in the spatial axes of x.

    Returns:
        (batch, channels, *positions).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> ops.repool(rp.asarray([[[1.0, 3.0, 2.0]]]), rp.asarray([[[1, 1]]])).tolist()
        [[[3.0, 3.0]]]
    """
    flat, places = _flattened(x, x.shape[2:]), _flattened(index, index.shape[2:])
    return np.take_along_axis(flat, places, 1).reshape(index.shape)
