"""Convolution and its two adjoints: three bilinear ops, each the gradient of the other two.

    conv(x, w)            y[b, o, p] = Σ_ck x[b, c, p * stride + k * dilation - before] w[o, c, k]
    conv_transpose(z, w)  its adjoint in x, given the spatial sizes of x as `output`
    conv_weight(x, z)     its adjoint in w, given the window

For all x, w, z:  <conv(x, w), z> = <x, conv_transpose(z, w)> = <w, conv_weight(x, z)>. With groups,
channel block i of x meets only block i of the output. Zeros lie outside.

The references gather what the windows see into columns, a few images at a time so that they stay in
the cache, and leave the sums to one matrix product per block.
Source: Chellapilla, Puri, Simard 2006, High performance convolutional neural networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from retroprop.errors import ArgumentError, ShapeError
from retroprop.ops.define import FLOATING, primitive
from retroprop.ops.samples import bad, call
from retroprop.ops.windows import Pairs, axis_names, offsets, pad_spatial, padded_sizes, slide

__all__ = ["conv", "conv_transpose", "conv_weight"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Sizes = Sequence[int]

_BLOCK_BYTES = 8 << 20  # columns built at a time


def _ranks(op: str, **operands: Shape) -> None:
    """All operands have the same number of axes, two of them not spatial."""
    (first, shape), *others = operands.items()
    if len(shape) < 3:
        raise ShapeError(
            f"{op}: {first} {shape} has no spatial axes",
            fix="its axes are (batch, channels, *spatial); add them with rp.expand_dims",
        )
    for name, other in others:
        if len(other) != len(shape):
            raise ShapeError(
                f"{op}: {first} {shape} has {len(shape) - 2} spatial axes, "
                f"{name} {other} has {len(other) - 2}",
                fix="give both the same number of spatial axes",
            )


def _grouped(op: str, outputs: int, groups: int) -> None:
    if groups < 1 or outputs % groups:
        raise ArgumentError(f"{op}: {outputs} output channels do not split into {groups} groups")


def _conv_shape(
    x: Shape, w: Shape, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Shape:
    _ranks("conv", x=x, w=w)
    if w[1] * groups != x[1]:
        raise ShapeError(
            f"conv: w has {w[1]} input channels x {groups} group{'s' * (groups != 1)}, "
            f"x has {x[1]} channels",
            fix="x is (batch, channels, *spatial), w is (out, channels / groups, *window)",
        )
    _grouped("conv", w[0], groups)
    return (x[0], w[0], *slide("conv", x[2:], w[2:], stride, padding, dilation))


def _transpose_shape(
    x: Shape,
    w: Shape,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    output: Sizes,
) -> Shape:
    _ranks("conv_transpose", x=x, w=w)
    if w[0] != x[1]:
        raise ShapeError(
            f"conv_transpose: w has {w[0]} input channels, x has {x[1]} channels",
            fix="x is (batch, channels, *spatial), w is (channels, out / groups, *window)",
        )
    _grouped("conv_transpose", w[0], groups)
    _positions("conv_transpose", "x", x, tuple(output), w[2:], stride, padding, dilation)
    return (x[0], w[1] * groups, *output)


def _weight_shape(
    x: Shape,
    z: Shape,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    window: Sizes,
) -> Shape:
    _ranks("conv_weight", x=x, z=z)
    if x[0] != z[0]:
        raise ShapeError(f"conv_weight: x has a batch of {x[0]}, z of {z[0]}")
    _grouped("conv_weight", z[1], groups)
    if x[1] % groups:
        raise ArgumentError(f"conv_weight: {x[1]} channels do not split into {groups} groups")
    _positions("conv_weight", "z", z, x[2:], tuple(window), stride, padding, dilation)
    return (z[1], x[1] // groups, *window)


def _positions(
    op: str,
    name: str,
    given: Shape,
    sizes: Shape,
    window: Shape,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
) -> None:
    """The operand on the output's side has one element for each position of the window."""
    count = slide(op, sizes, window, stride, padding, dilation)
    for axis, (n, have) in enumerate(zip(count, given[2:], strict=True)):
        if n != have:
            raise ShapeError(
                f"{op}: the window takes {n} positions along {axis_names(len(count))[axis]} of "
                f"{sizes}, {name} has {have} there"
            )


def _pull_image(
    z: Any, w: Any, shape: Shape, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """What z, shaped like an output, sends to an input of this shape."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return conv_transpose(z, w, **how, output=shape[2:])


def _pull_weight(
    x: Any, z: Any, shape: Shape, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """What x and z, an input and an output, send to weights of this shape."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return conv_weight(x, z, **how, window=shape[2:])


_ONE = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}
_EVEN = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
_ODD = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2), "groups": 2}
_CUBE = {"stride": (1, 2, 1), "padding": ((0, 0), (1, 1), (0, 1)), "dilation": (1, 1, 1)}
# shapes of x, w and y under each of the attributes
_CASES: list[tuple[Shape, Shape, Shape, dict[str, Any]]] = [
    ((2, 2, 5), (3, 2, 3), (2, 3, 3), _ONE),
    ((1, 2, 4, 3), (2, 2, 3, 3), (1, 2, 4, 3), _EVEN),
    ((2, 4, 4, 5), (2, 2, 2, 3), (2, 2, 2, 3), _ODD),
    ((1, 1, 2, 3, 3), (2, 1, 1, 2, 2), (1, 2, 2, 2, 3), {**_CUBE, "groups": 1}),
    ((0, 2, 5), (3, 2, 3), (0, 3, 3), _ONE),
]


@primitive(
    form="contract",
    shape=_conv_shape,
    accepts=FLOATING,
    vjp={
        "x": lambda g, w, x_shape, stride, padding, dilation, groups: _pull_image(
            g, w, x_shape, stride, padding, dilation, groups
        ),
        "w": lambda g, x, w_shape, stride, padding, dilation, groups: _pull_weight(
            x, g, w_shape, stride, padding, dilation, groups
        ),
    },
    samples=[call(x, w, **attributes) for x, w, _, attributes in _CASES],
    errors=[
        bad((1, 4, 5), (2, 3, 3), **_ONE, match="w has 3 input channels x 1 group, x has 4"),
        bad((1, 2, 2), (2, 2, 3), **_ONE, match="length has 2 elements .* reaches over 3"),
        bad((1, 2, 5), (2, 2, 3, 3), **_ONE, match="x .* has 1 spatial axes, w .* has 2"),
        bad((1, 2, 5), (2, 2, 3), **{**_ONE, "stride": (0,)}, match="stride 0 is not positive"),
        bad((1, 2, 5), (3, 1, 3), **{**_ONE, "groups": 2}, match="3 output channels do not split"),
    ],
)
def conv(
    x: Array,
    w: Array,
    /,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Convolution without a flip (cross-correlation) over any number of spatial axes.

    Args:
        x:        (batch, channels, *spatial).
        w:        (out, channels / groups, *window).
        stride:   step between positions, per spatial axis.
        padding:  (before, after) zeros, per spatial axis.
        dilation: distance between the elements of the window, per spatial axis.
        groups:   number of channel blocks that do not see each other.

    Returns:
        (batch, out, *positions).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> x, w = rp.asarray([[[1.0, 2.0, 4.0, 8.0]]]), rp.asarray([[[-1.0, 1.0]]])
        >>> ops.conv(x, w, stride=(1,), padding=[(0, 0)], dilation=(1,), groups=1).numpy().tolist()
        [[[1.0, 2.0, 4.0]]]
    """
    window, out = w.shape[2:], w.shape[0]
    count = slide("conv", x.shape[2:], window, stride, padding, dilation)
    wide, dtype = _wide(w), x.dtype
    rows = wide.reshape(groups, out // groups, w.shape[1] * int(np.prod(window)))
    y = np.empty((len(x), out, *count), dtype)
    for block in _blocks(len(x), rows.shape[2] * groups, count, wide.dtype):
        seen = pad_spatial(x[block], padding)
        columns = _columns(seen, window, stride, dilation, count, groups, wide.dtype)
        product = np.matmul(rows, columns).reshape(out, len(seen), *count)
        y[block] = np.moveaxis(product, 0, 1)
    return y


@primitive(
    form="contract",
    shape=_transpose_shape,
    accepts=FLOATING,
    vjp={
        "x": lambda g, w, stride, padding, dilation, groups: conv(
            g, w, stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        "w": lambda g, x, w_shape, stride, padding, dilation, groups: _pull_weight(
            g, x, w_shape, stride, padding, dilation, groups
        ),
    },
    samples=[call(y, w, **attributes, output=x[2:]) for x, w, y, attributes in _CASES],
    errors=[
        bad((1, 4, 5), (2, 3, 3), **_ONE, output=(7,), match="w has 2 input channels, x has 4"),
        bad((1, 2, 5), (2, 3, 3), **_ONE, output=(9,), match="takes 7 positions .* x has 5"),
    ],
)
def conv_transpose(
    x: Array,
    w: Array,
    /,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    output: Sizes,
) -> Array:
    """The adjoint of `conv` in x: each element of x adds its multiple of the window to the output.

    Args:
        x:      (batch, channels, *positions), shaped like an output of `conv`.
        w:      (channels, out / groups, *window), as `conv` takes it.
        output: spatial sizes of the result; `conv` with these attributes must lead back to x.

    Returns:
        (batch, out, *output).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> x, w = rp.asarray([[[1.0, 3.0]]]), rp.asarray([[[1.0, 2.0]]])
        >>> how = {"stride": (2,), "padding": [(0, 0)], "dilation": (1,), "groups": 1}
        >>> ops.conv_transpose(x, w, output=(4,), **how).numpy().tolist()
        [[[1.0, 2.0, 3.0, 6.0]]]
    """
    window, out = w.shape[2:], w.shape[1] * groups
    count, sizes = x.shape[2:], tuple(output)
    wide, dtype = _wide(w), x.dtype
    inner = w.shape[1] * int(np.prod(window))
    rows = np.swapaxes(wide.reshape(groups, w.shape[0] // groups, inner), 1, 2)
    y = np.empty((len(x), out, *sizes), dtype)
    inside = (slice(low, low + n) for n, (low, _) in zip(sizes, padding, strict=True))
    crop: Any = (..., *inside)
    for block in _blocks(len(x), rows.shape[1] * groups, count, wide.dtype):
        z = _joined(x[block], groups, wide.dtype)
        product = np.matmul(rows, z) if z.shape[1] > 1 else rows * z
        columns: Any = product.reshape(out, *window, len(x[block]), *count)
        full = np.zeros((out, len(x[block]), *padded_sizes(sizes, padding)), wide.dtype)
        for offset, key in offsets(window, stride, dilation, count):
            full[..., *key] += columns[:, *offset]
        y[block] = np.moveaxis(full[crop], 0, 1)
    return y


@primitive(
    form="contract",
    shape=_weight_shape,
    accepts=FLOATING,
    vjp={
        "x": lambda g, z, x_shape, stride, padding, dilation, groups: _pull_image(
            z, g, x_shape, stride, padding, dilation, groups
        ),
        "z": lambda g, x, stride, padding, dilation, groups: conv(
            x, g, stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
    },
    samples=[call(x, y, **attributes, window=w[2:]) for x, w, y, attributes in _CASES],
    errors=[
        bad((1, 4, 5), (2, 3, 3), **_ONE, window=(3,), match="x has a batch of 1, z of 2"),
        bad((1, 2, 5), (1, 3, 2), **_ONE, window=(3,), match="takes 3 positions .* z has 2"),
    ],
)
def conv_weight(
    x: Array,
    z: Array,
    /,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    window: Sizes,
) -> Array:
    """The adjoint of `conv` in w: how x and z, its input and an output, correlate at each offset.

    Args:
        x:      (batch, channels, *spatial).
        z:      (batch, out, *positions).
        window: spatial sizes of the result.

    Returns:
        (out, channels / groups, *window).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import ops
        >>> x, z = rp.asarray([[[1.0, 2.0, 4.0]]]), rp.asarray([[[1.0, 1.0]]])
        >>> how = {"stride": (1,), "padding": [(0, 0)], "dilation": (1,), "groups": 1}
        >>> ops.conv_weight(x, z, window=(2,), **how).numpy().tolist()
        [[[3.0, 6.0]]]
    """
    out, channels, count = z.shape[1], x.shape[1] // groups, z.shape[2:]
    dtype = _wide(x[:0]).dtype
    inner = int(np.prod(window)) * channels
    total = np.zeros((groups, out // groups, inner), dtype)
    for block in _blocks(len(x), inner * groups, count, dtype):
        seen = pad_spatial(x[block], padding)
        columns = _columns(seen, window, stride, dilation, count, groups, dtype)
        total += np.matmul(_joined(z[block], groups, dtype), np.swapaxes(columns, 1, 2))
    return total.reshape(out, channels, *window).astype(x.dtype, copy=False)


def _wide(x: Array) -> Array:
    """16-bit numbers are multiplied and summed in float32."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def _blocks(batch: int, rows: int, count: Shape, dtype: np.dtype[Any]) -> Iterator[slice]:
    """Slices of the batch whose columns fit the cache."""
    each = rows * int(np.prod(count)) * dtype.itemsize
    step = max(1, _BLOCK_BYTES // max(1, each))
    return (slice(start, start + step) for start in range(0, batch, step))


def _joined(z: Array, groups: int, dtype: np.dtype[Any]) -> Array:
    """(batch, channels, *positions) as (groups, channels / groups, batch x positions)."""
    channels_first = np.moveaxis(z, 1, 0).astype(dtype, order="C")
    return channels_first.reshape(groups, z.shape[1] // groups, z.size // max(1, z.shape[1]))


def _columns(
    seen: Array,
    window: Sizes,
    stride: Sizes,
    dilation: Sizes,
    count: Shape,
    groups: int,
    dtype: np.dtype[Any],
) -> Array:
    """What each window sees: (groups, channels / groups x window, batch x positions)."""
    batch, channels = seen.shape[:2]
    columns: Any = np.empty((channels, *window, batch, *count), dtype)
    channels_first: Any = np.moveaxis(seen, 1, 0)
    for offset, key in offsets(window, stride, dilation, count):
        columns[:, *offset] = channels_first[..., *key]
    inner = channels // groups * int(np.prod(window))
    rows: Array = columns.reshape(groups, inner, batch * int(np.prod(count)))
    return rows
