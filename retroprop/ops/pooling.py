"""Sums over sliding windows and their adjoint, and what all pooling ops have in common.

Means are sums divided by a count, which callers choose (padding included or not). Maxima are in
`maxpool`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.errors import ShapeError
from retroprop.ops.define import NUMERIC, primitive
from retroprop.ops.samples import bad, call
from retroprop.ops.windows import Pairs, offsets, pad_spatial, padded_sizes, slide

__all__ = ["CASES", "LINE", "MISUSE", "need_spatial", "pooled", "sum_pool", "sum_unpool"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Sizes = Sequence[int]


def need_spatial(op: str, x: Shape) -> None:
    """Raise unless x has axes beside batch and channels."""
    if len(x) < 3:
        raise ShapeError(
            f"{op}: {x} has no spatial axes",
            fix="the axes are (batch, channels, *spatial); add them with rp.expand_dims",
        )


def pooled(op: str) -> Any:
    """The shape rule of a pooling op."""

    def shape(x: Shape, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Shape:
        need_spatial(op, x)
        need_window(op, x, window)
        return (*x[:2], *slide(op, x[2:], window, stride, padding, dilation))

    return shape


def need_window(op: str, x: Shape, window: Sizes) -> None:
    if len(window) != len(x) - 2:
        raise ShapeError(
            f"{op}: the window {tuple(window)} has {len(window)} axes, x {x} has {len(x) - 2} "
            "spatial axes",
            fix="give one size for each spatial axis",
        )


_PLAIN = {"window": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
_OVERLAP = {"window": (3, 2), "stride": (2, 1), "padding": ((1, 1), (0, 1)), "dilation": (1, 2)}
LINE = {"window": (3,), "stride": (1,), "padding": ((1, 1),), "dilation": (1,)}
_CUBE = {"window": (2,) * 3, "stride": (2,) * 3, "padding": ((0, 0),) * 3, "dilation": (1,) * 3}
# shapes of x and y under each of the attributes
CASES: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((2, 2, 4, 4), (2, 2, 2, 2), _PLAIN),
    ((1, 2, 5, 5), (1, 2, 2, 2), _PLAIN),
    ((1, 2, 4, 5), (1, 2, 2, 4), _OVERLAP),
    ((2, 1, 5), (2, 1, 5), LINE),
    ((1, 1, 2, 4, 2), (1, 1, 1, 2, 1), _CUBE),
    ((0, 2, 4, 4), (0, 2, 2, 2), _PLAIN),
]
MISUSE: list[tuple[Shape, dict[str, Any], str]] = [
    ((2, 4), LINE, r"\(2, 4\) has no spatial axes"),
    ((2, 4, 4), _PLAIN, r"the window \(2, 2\) has 2 axes, x \(2, 4, 4\) has 1"),
    ((1, 1, 4), {**LINE, "stride": (0,)}, "stride 0 is not positive"),
    ((1, 1, 1), {**LINE, "padding": ((0, 0),)}, "length has 1 elements .* reaches over 3"),
]


def _pull_back(
    g: Any, shape: Shape, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> Any:
    """What each position sends back to all that its window saw."""
    how = {"window": window, "stride": stride, "padding": padding, "dilation": dilation}
    return sum_unpool(g, **how, spatial=shape[2:])


@primitive(
    form="opaque",
    shape=pooled("sum_pool"),
    accepts=NUMERIC,
    vjp={
        "x": lambda g, x_shape, window, stride, padding, dilation: _pull_back(
            g, x_shape, window, stride, padding, dilation
        )
    },
    samples=[call(x, **attributes) for x, _, attributes in CASES],
    errors=[bad(x, **attributes, match=f"sum_pool: .*{match}") for x, attributes, match in MISUSE],
)
def sum_pool(
    x: Array, /, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> Array:
    """The sum over each window, zeros lying outside. Divide it by a count for the mean.

    Args:
        x: (batch, channels, *spatial); the attributes are those of `max_pool`.

    Returns:
        (batch, channels, *positions).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> how = {"window": (2,), "stride": (2,), "padding": [(0, 0)], "dilation": (1,)}
        >>> ops.sum_pool(rp.asarray([[[1.0, 3.0, 2.0, 2.0]]]), **how).tolist()
        [[[4.0, 4.0]]]
    """
    count = slide("sum_pool", x.shape[2:], window, stride, padding, dilation)
    y = pad_spatial(x, padding)
    for axis, (w, s, d, m) in enumerate(zip(window, stride, dilation, count, strict=True), 2):
        views = [y[key] for key in _along(axis, w, s, d, m)]
        y = np.array(views[0])
        for view in views[1:]:
            y += view
    return y


def _along(axis: int, window: int, stride: int, dilation: int, count: int) -> list[Any]:
    """The slices that one axis of a window sees, one for each offset."""
    spans = offsets((window,), (stride,), (dilation,), (count,))
    return [(*(slice(None),) * axis, *key) for _, key in spans]


def _sum_unpooled(
    x: Shape,
    *,
    window: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    spatial: Sizes,
) -> Shape:
    need_spatial("sum_unpool", x)
    need_window("sum_unpool", x, window)
    count = slide("sum_unpool", tuple(spatial), window, stride, padding, dilation)
    if count != x[2:]:
        raise ShapeError(
            f"sum_unpool: windows over {tuple(spatial)} take positions {count}, x has {x[2:]}"
        )
    return (*x[:2], *spatial)


@primitive(
    form="opaque",
    shape=_sum_unpooled,
    accepts=NUMERIC,
    vjp={
        "x": lambda g, window, stride, padding, dilation: sum_pool(
            g, window=window, stride=stride, padding=padding, dilation=dilation
        )
    },
    samples=[call(y, **attributes, spatial=x[2:]) for x, y, attributes in CASES],
    errors=[
        bad((1, 1, 3), **LINE, spatial=(5,), match=r"take positions \(5,\), x has \(3,\)"),
    ],
)
def sum_unpool(
    x: Array,
    /,
    *,
    window: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    spatial: Sizes,
) -> Array:
    """Each element of x added to all that its window saw: the adjoint of `sum_pool`.

    Args:
        x:       (batch, channels, *positions); the other attributes are those of `sum_pool`.
        spatial: sizes of the result's spatial axes.

    Returns:
        (batch, channels, *spatial).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> how = {"window": (2,), "stride": (2,), "padding": [(0, 0)], "dilation": (1,)}
        >>> ops.sum_unpool(rp.asarray([[[4.0, 5.0]]]), spatial=(4,), **how).tolist()
        [[[4.0, 4.0, 5.0, 5.0]]]
    """
    full = padded_sizes(tuple(spatial), padding)
    y = x
    for axis, (w, s, d, n) in enumerate(zip(window, stride, dilation, full, strict=True), 2):
        wider = np.zeros((*y.shape[:axis], n, *y.shape[axis + 1 :]), x.dtype)
        for key in _along(axis, w, s, d, y.shape[axis]):
            wider[key] += y
        y = wider
    inside = (slice(low, low + n) for n, (low, _) in zip(spatial, padding, strict=True))
    return np.ascontiguousarray(y[(slice(None), slice(None), *inside)])
