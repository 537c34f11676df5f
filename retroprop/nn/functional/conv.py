"""Convolution and transposed convolution over one, two or three spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional.padding import constant_pad
from retroprop.ops.convolution import conv, conv_transpose
from retroprop.ops.movement import reshape
from retroprop.ops.windows import axis_names

__all__ = [
    "batched",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_nd",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "conv_transpose_nd",
    "per_axis",
    "resolve_padding",
]

Sizes = int | Sequence[int]
Shape = tuple[int, ...]


def per_axis(value: Any, count: int, name: str) -> tuple[int, ...]:
    """One whole number for each of `count` spatial axes, from one for all or one each.

    Example:
        >>> per_axis(3, 2, "stride"), per_axis((1, 2), 2, "stride")
        ((3, 3), (1, 2))
    """
    given = (value,) * count if hasattr(value, "__index__") else value
    if isinstance(given, Sequence) and not isinstance(given, str):
        numbers = tuple(given) * count if len(given) == 1 else tuple(given)
        if len(numbers) == count and all(hasattr(n, "__index__") for n in numbers):
            return tuple(n.__index__() for n in numbers)
    raise ArgumentError(
        f"{name} is {value!r}",
        fix=f"give a whole number, or {count} of them (one per spatial axis)",
    )


def batched(name: str, x: Tensor, count: int) -> Tensor:
    """x as (batch, channels, *spatial); a sample without a batch axis gets one.

    Raises:
        ShapeError: "conv2d expects (batch, channels, height, width), got (28, 28)".
    """
    if x.ndim == count + 2:
        return x
    if x.ndim == count + 1:
        made: Tensor = reshape(x, (1, *x.shape))
        return made
    raise ShapeError(
        f"{name} expects (batch, channels, {', '.join(axis_names(count))}), got {x.shape}",
        fix="add the axes that lack with rp.expand_dims, or rp.reshape it",
    )


def resolve_padding(
    padding: Any, window: Shape, stride: Shape, dilation: Shape, name: str
) -> tuple[tuple[int, int], ...]:
    """(before, after) for each spatial axis, from numbers, "valid" or "same"."""
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(window)
        if padding != "same":
            raise ArgumentError(
                f"{name}: unknown padding {padding!r}", fix='use "same", "valid" or whole numbers'
            )
        if any(s != 1 for s in stride):
            raise ArgumentError(
                f'{name}: padding="same" needs stride 1, it is {stride}',
                fix="give the padding as numbers",
            )
        reach = (d * (w - 1) for w, d in zip(window, dilation, strict=True))
        return tuple((r // 2, r - r // 2) for r in reach)
    return tuple((p, p) for p in per_axis(padding, len(window), f"{name}: padding"))


def conv_nd(
    name: str,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """Convolution over as many spatial axes as the weight has."""
    count = weight.ndim - 2
    given = asarray(input)
    x = batched(name, given, count)
    stride = per_axis(stride, count, f"{name}: stride")
    dilation = per_axis(dilation, count, f"{name}: dilation")
    pairs = resolve_padding(padding, weight.shape[2:], stride, dilation, name)
    y = conv(x, weight, stride=stride, padding=pairs, dilation=dilation, groups=groups)
    return _finished(y, bias, given.ndim != x.ndim)


def _finished(y: Tensor, bias: Any, single: bool) -> Tensor:
    """y with its bias, and without the batch axis of a single sample."""
    if bias is not None:
        y = y + reshape(bias, (bias.shape[0], *(1,) * (y.ndim - 2)))
    return reshape(y, y.shape[1:]) if single else y


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Any = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution over one spatial axis; see `conv2d`.

    Example:
        >>> import retroprop as rp
        >>> conv1d(rp.ones((1, 1, 5)), rp.ones((1, 1, 3))).tolist()
        [[[3.0, 3.0, 3.0]]]
    """
    _spatial("conv1d", weight, 1)
    return conv_nd("conv1d", input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Any = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution (without a flip) over height and width.

    Args:
        input:    (batch, channels, height, width), or one sample (channels, height, width).
        weight:   (out channels, channels / groups, window height, window width).
        bias:     (out channels,) or None.
        stride:   step of the window.
        padding:  zeros on each side; "same" keeps the size (stride 1), "valid" is 0.
        dilation: distance between the elements of the window.
        groups:   channel blocks that do not see each other.

    Example:
        >>> import retroprop as rp
        >>> conv2d(rp.ones((1, 1, 4, 4)), rp.ones((2, 1, 3, 3)), padding=1).shape
        (1, 2, 4, 4)
    """
    _spatial("conv2d", weight, 2)
    return conv_nd("conv2d", input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Any = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution over depth, height and width; see `conv2d`.

    Example:
        >>> import retroprop as rp
        >>> conv3d(rp.ones((1, 1, 3, 3, 3)), rp.ones((1, 1, 3, 3, 3))).tolist()
        [[[[[27.0]]]]]
    """
    _spatial("conv3d", weight, 3)
    return conv_nd("conv3d", input, weight, bias, stride, padding, dilation, groups)


def _spatial(name: str, weight: Any, count: int) -> None:
    if weight.ndim != count + 2:
        raise ShapeError(
            f"{name}: the weight has shape {weight.shape}, it must have {count + 2} axes",
            fix=f"its axes are channels, channels / groups, {', '.join(axis_names(count))}",
        )


def conv_transpose_nd(
    name: str,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    """Transposed convolution over as many spatial axes as the weight has."""
    count = weight.ndim - 2
    given = asarray(input)
    x = batched(name, given, count)
    steps, border, gaps = (
        per_axis(value, count, f"{name}: {what}")
        for value, what in ((stride, "stride"), (padding, "padding"), (dilation, "dilation"))
    )
    extra = per_axis(output_padding, count, f"{name}: output_padding")
    numbers = zip(x.shape[2:], weight.shape[2:], steps, border, gaps, extra, strict=True)
    spans = [_transposed_span(name, *each) for each in numbers]
    y = conv_transpose(
        x,
        weight,
        stride=steps,
        padding=tuple(pair for _, pair, _ in spans),
        dilation=gaps,
        groups=groups,
        output=tuple(length for length, _, _ in spans),
    )
    y = constant_pad(y, [(0, beyond) for _, _, beyond in spans])
    return _finished(y, bias, given.ndim != x.ndim)


def _transposed_span(
    name: str, n: int, w: int, s: int, p: int, d: int, extra: int
) -> tuple[int, tuple[int, int], int]:
    """Along one axis: the length of the result, what is cropped of it, and zeros that follow it.

    What `extra` asks for at the end is first what the padding would have cropped there, then zeros.
    """
    if not 0 <= extra < max(s, d):
        raise ArgumentError(
            f"{name}: output_padding {extra} must be from 0 to below the larger of stride {s} and "
            f"dilation {d}"
        )
    length = (n - 1) * s - 2 * p + d * (w - 1) + 1
    if length + extra < 1:
        raise ShapeError(f"{name}: {n} elements would leave {length + extra}", fix="pad less")
    inside = min(extra, p)
    return length + inside, (p, p - inside), extra - inside


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Transposed convolution over one spatial axis; see `conv_transpose2d`.

    Example:
        >>> import retroprop as rp
        >>> conv_transpose1d(rp.ones((1, 1, 2)), rp.ones((1, 1, 2)), stride=2).tolist()
        [[[1.0, 1.0, 1.0, 1.0]]]
    """
    name = "conv_transpose1d"
    _spatial(name, weight, 1)
    return conv_transpose_nd(
        name, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """The adjoint of `conv2d` in its input: each element adds its multiple of the window.

    Args:
        input:          (batch, channels, height, width), or one sample without batch axis.
        weight:         (channels, out channels / groups, window height, window width).
        bias:           (out channels,) or None.
        stride:         distance between windows in the output.
        padding:        elements cropped from each side of the output.
        output_padding: elements added at the end of each axis; below stride or dilation.
        groups:         channel blocks that do not see each other.
        dilation:       distance between the elements of the window.

    Example:
        >>> import retroprop as rp
        >>> conv_transpose2d(rp.ones((1, 3, 4, 4)), rp.ones((3, 2, 2, 2)), stride=2).shape
        (1, 2, 8, 8)
    """
    name = "conv_transpose2d"
    _spatial(name, weight, 2)
    return conv_transpose_nd(
        name, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Transposed convolution over depth, height and width; see `conv_transpose2d`.

    Example:
        >>> import retroprop as rp
        >>> conv_transpose3d(rp.ones((1, 1, 2, 2, 2)), rp.ones((1, 1, 2, 2, 2)), stride=2).shape
        (1, 1, 4, 4, 4)
    """
    name = "conv_transpose3d"
    _spatial(name, weight, 3)
    return conv_transpose_nd(
        name, input, weight, bias, stride, padding, output_padding, groups, dilation
    )
