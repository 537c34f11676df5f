"""Convolution and transposed convolution layers over one, two or three spatial axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray, check_device, zeros
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, unknown
from retroprop.nn.functional.conv import conv_nd, conv_transpose_nd, per_axis, resolve_padding
from retroprop.nn.functional.padding import PAD_MODES, pad
from retroprop.nn.linear import shown_dtype
from retroprop.nn.module import Module
from retroprop.nn.parameter import Parameter, draw_uniform
from retroprop.ops.windows import axis_names
from retroprop.shapes import size

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

Sizes = int | Sequence[int]


class _Convolution(Module):
    """What convolutions have in common: numbers per spatial axis, parameters, messages."""

    spatial = 0
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: Any,
        dilation: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: Any,
    ) -> None:
        super().__init__()
        name, count = type(self).__name__, self.spatial
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"{name}: {in_channels} input and {out_channels} output channels do not both split "
                f"into {groups} groups"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis(kernel_size, count, f"{name}: kernel_size")
        self.stride = per_axis(stride, count, f"{name}: stride")
        self.dilation = per_axis(dilation, count, f"{name}: dilation")
        self.padding_mode = padding_mode
        pairs = resolve_padding(padding, self.kernel_size, self.stride, self.dilation, name)
        self.padding = padding if isinstance(padding, str) else tuple(p for p, _ in pairs)
        shape = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        window = (shape[0], shape[1] // groups, *self.kernel_size)
        self.weight = Parameter(zeros(window, dtype=dtype))
        self.bias = Parameter(zeros((out_channels,), dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        fan_in = size(self.weight.shape[1:])
        draw_uniform(1 / math.sqrt(fan_in) if fan_in else 0.0, self.weight, self.bias)

    def multiply_adds(self, args: tuple[Any, ...], output: Any) -> int:
        positions = args[0] if self.transposed else output
        return size(positions.shape) * size(self.weight.shape[1:])

    def _check(self, shape: tuple[int, ...]) -> None:
        """Raise a ShapeError with axis names unless the channels are where they are expected."""
        count = self.spatial
        if len(shape) in {count + 1, count + 2} and shape[-count - 1] == self.in_channels:
            return
        names = ", ".join([f"{self.in_channels} channels", *axis_names(count)])
        fix = f"bring it to (batch, {names})"
        if len(shape) == count + 1 and self.in_channels == 1:
            fix = "add the channel axis: rp.expand_dims(x, axis=1)"
        elif len(shape) == count + 2 and shape[-1] == self.in_channels:
            order = (0, count + 1, *range(1, count + 1))
            fix = f"channels stand before {axis_names(count)[0]}: rp.permute_dims(x, {order})"
        elif len(shape) == count + 2:
            fix = f"make its in_channels {shape[1]}, or change what comes before it"
        raise ShapeError(f"{type(self).__name__} expects (batch, {names}), got {shape}", fix=fix)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}", f"kernel_size={self.kernel_size}"]
        parts += [f"stride={self.stride}"]
        plain = (0,) * self.spatial
        if self.padding != plain:
            parts += [f"padding={self.padding!r}"]
        extra = getattr(self, "output_padding", plain)
        if extra != plain:
            parts += [f"output_padding={extra}"]
        if self.dilation != (1,) * self.spatial:
            parts += [f"dilation={self.dilation}"]
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        parts += ["bias=False"] if self.bias is None else []
        if self.padding_mode != "zeros":
            parts += [f"padding_mode={self.padding_mode!r}"]
        return ", ".join(parts) + shown_dtype(self.weight)


class _Conv(_Convolution):
    """Convolution over `spatial` axes; Conv2d documents the arguments."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Any = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        modes = ("zeros", *(mode for mode in PAD_MODES if mode != "constant"))
        if padding_mode not in modes:
            raise unknown("padding mode", padding_mode, modes)
        shape = (in_channels, out_channels, kernel_size)
        super().__init__(*shape, stride, padding, dilation, groups, bias, padding_mode, dtype)

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        self._check(x.shape)
        name, padding = type(self).__name__, self.padding
        if self.padding_mode != "zeros":
            pairs = resolve_padding(padding, self.kernel_size, self.stride, self.dilation, name)
            x = pad(x, [n for pair in reversed(pairs) for n in pair], self.padding_mode)
            padding = (0,) * self.spatial
        how = (self.stride, padding, self.dilation, self.groups)
        return conv_nd(name, x, self.weight, self.bias, *how)


class Conv1d(_Conv):
    """Convolution over one spatial axis; the arguments are those of `Conv2d`.

    Shape: (batch, in channels, length) -> (batch, out channels, positions).

    Example:
        >>> import retroprop as rp
        >>> Conv1d(3, 8, 5, padding="same")(rp.zeros((2, 3, 50))).shape
        (2, 8, 50)
    """

    spatial = 1


class Conv2d(_Conv):
    """Convolution over height and width.

    Args:
        in_channels:  channels of the input.
        out_channels: channels of the output.
        kernel_size:  height and width of the window; a number is for both.
        stride:       step of the window.
        padding:      elements added on each side; "same" keeps the size (stride 1), "valid" is 0.
        dilation:     distance between the elements of the window.
        groups:       channel blocks that do not see each other; in_channels makes it depthwise.
        bias:         False leaves the bias out.
        padding_mode: what is added: "zeros", "reflect", "replicate" or "circular".
        device:       "cpu"; accepted because programs for PyTorch give one.
        dtype:        of the parameters; float32 by default.

    Attributes:
        weight: (out channels, in channels / groups, height, width) of the window, uniform in
                ±1/sqrt(fan in) at first.
        bias:   (out channels,), likewise, or None.

    Shape: (batch, in channels, height, width) -> (batch, out channels, positions, positions), where
        positions = floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. The batch
        axis may be left out.

    Example:
        >>> import retroprop as rp
        >>> Conv2d(1, 6, 5, padding=2)(rp.zeros((4, 1, 28, 28))).shape
        (4, 6, 28, 28)
    """

    spatial = 2


class Conv3d(_Conv):
    """Convolution over depth, height and width; the arguments are those of `Conv2d`.

    Shape: (batch, in channels, depth, height, width) -> (batch, out channels, *positions).

    Example:
        >>> import retroprop as rp
        >>> Conv3d(1, 2, 3)(rp.zeros((1, 1, 5, 5, 5))).shape
        (1, 2, 3, 3, 3)
    """

    spatial = 3


class _ConvTranspose(_Convolution):
    """Transposed convolution over `spatial` axes; ConvTranspose2d documents the arguments."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Any = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        name = type(self).__name__
        if padding_mode != "zeros":
            raise unknown(f"padding mode of {name}", padding_mode, ["zeros"])
        if isinstance(padding, str):
            raise ArgumentError(f"{name}: padding must be numbers, it is {padding!r}")
        shape = (in_channels, out_channels, kernel_size)
        super().__init__(*shape, stride, padding, dilation, groups, bias, padding_mode, dtype)
        self.output_padding = per_axis(output_padding, self.spatial, f"{name}: output_padding")

    def forward(self, x: Any, output_size: Sequence[int] | None = None) -> Tensor:
        """The adjoint of a convolution; `output_size` chooses among the sizes that fit."""
        x = asarray(x)
        self._check(x.shape)
        extra = self.output_padding if output_size is None else self._extra(x.shape, output_size)
        how = (self.stride, self.padding, extra, self.groups, self.dilation)
        return conv_transpose_nd(type(self).__name__, x, self.weight, self.bias, *how)

    def _extra(self, shape: tuple[int, ...], output_size: Sequence[int]) -> tuple[int, ...]:
        count = self.spatial
        wanted = tuple(output_size)[-count:]
        padding = per_axis(self.padding, count, "padding")
        how = zip(
            shape[-count:], self.kernel_size, self.stride, padding, self.dilation, strict=True
        )
        least = [(n - 1) * s - 2 * p + d * (w - 1) + 1 for n, w, s, p, d in how]
        extra = tuple(m - n for m, n in zip(wanted, least, strict=True))
        limits = map(max, self.stride, self.dilation)
        if any(not 0 <= e < limit for e, limit in zip(extra, limits, strict=True)):
            raise ShapeError(
                f"{type(self).__name__}: output_size {tuple(output_size)} is out of reach",
                fix=f"its sizes start at {tuple(least)} and stay below one stride more",
            )
        return extra


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over one spatial axis; the arguments are those of `ConvTranspose2d`.

    Shape: (batch, in channels, length) -> (batch, out channels, longer).

    Example:
        >>> import retroprop as rp
        >>> ConvTranspose1d(4, 2, 4, stride=2, padding=1)(rp.zeros((1, 4, 10))).shape
        (1, 2, 20)
    """

    spatial = 1


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution: the adjoint of `Conv2d`, from its output's size to its input's.

    Args:
        in_channels:    channels of the input.
        out_channels:   channels of the output.
        kernel_size:    height and width of the window; a number is for both.
        stride:         distance between windows in the output.
        padding:        elements cropped from each side of the output.
        output_padding: elements added at the end of each axis; below stride or dilation.
        groups:         channel blocks that do not see each other.
        bias:           False leaves the bias out.
        dilation:       distance between the elements of the window.
        padding_mode:   "zeros", the only one.
        device:         "cpu"; accepted because programs for PyTorch give one.
        dtype:          of the parameters; float32 by default.

    Attributes:
        weight: (in channels, out channels / groups, height, width) of the window.
        bias:   (out channels,) or None.

    Shape: (batch, in channels, height, width) -> (batch, out channels, larger, larger), where
        larger = (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Example:
        >>> import retroprop as rp
        >>> ConvTranspose2d(8, 3, 2, stride=2)(rp.zeros((1, 8, 7, 7))).shape
        (1, 3, 14, 14)
    """

    spatial = 2


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution over three axes; the arguments are those of `ConvTranspose2d`.

    Shape: (batch, in channels, depth, height, width) -> (batch, out channels, *larger).

    Example:
        >>> import retroprop as rp
        >>> ConvTranspose3d(2, 1, 2, stride=2)(rp.zeros((1, 2, 3, 3, 3))).shape
        (1, 1, 6, 6, 6)
    """

    spatial = 3
