"""Layers that rearrange axes, channels and pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.nn.functional import shape as rearranged
from retroprop.nn.functional.fold import fold, unfold
from retroprop.nn.options import Optioned

__all__ = [
    "ChannelShuffle",
    "Flatten",
    "Fold",
    "PixelShuffle",
    "PixelUnshuffle",
    "Unflatten",
    "Unfold",
]

Sizes = int | Sequence[int]


class Flatten(Optioned):
    """The axes from start_dim to end_dim made into one; by default all but the batch.

    Example:
        >>> import retroprop as rp
        >>> Flatten()(rp.zeros((32, 1, 28, 28))).shape
        (32, 784)
    """

    always_shown = ("start_dim", "end_dim")

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Any) -> Tensor:
        return rearranged.flatten(x, self.start_dim, self.end_dim)


class Unflatten(Optioned):
    """An axis split into several.

    Args:
        dim:            the axis.
        unflattened_size: the sizes it is split into; one may be -1.

    Example:
        >>> import retroprop as rp
        >>> Unflatten(1, (1, 28, 28))(rp.zeros((32, 784))).shape
        (32, 1, 28, 28)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, x: Any) -> Tensor:
        return rearranged.unflatten(x, self.dim, self.unflattened_size)


class PixelShuffle(Optioned):
    """Channels spread out into pixels: (..., c r², h, w) -> (..., c, h r, w r).

    Args:
        upscale_factor: r.

    Example:
        >>> import retroprop as rp
        >>> PixelShuffle(3)(rp.zeros((1, 9, 4, 4))).shape
        (1, 1, 12, 12)

    Source: Shi et al. 2016, arXiv:1609.05158.
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Tensor:
        return rearranged.pixel_shuffle(x, self.upscale_factor)


class PixelUnshuffle(Optioned):
    """Pixels gathered into channels: (..., c, h r, w r) -> (..., c r², h, w).

    Args:
        downscale_factor: r.

    Example:
        >>> import retroprop as rp
        >>> PixelUnshuffle(3)(rp.zeros((1, 1, 12, 12))).shape
        (1, 9, 4, 4)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, x: Any) -> Tensor:
        return rearranged.pixel_unshuffle(x, self.downscale_factor)


class ChannelShuffle(Optioned):
    """Channels of different groups interleaved.

    Args:
        groups: into how many groups the channels were split.

    Example:
        >>> import retroprop as rp
        >>> ChannelShuffle(2)(rp.asarray([[[1], [2], [3], [4]]])).tolist()
        [[[1], [3], [2], [4]]]

    Source: Zhang et al. 2018, arXiv:1707.01083.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Any) -> Tensor:
        return rearranged.channel_shuffle(x, self.groups)


class Unfold(Optioned):
    """What each position of a sliding window sees, as columns.

    Args:
        kernel_size: height and width of the window; a number is for both.
        dilation:    distance between the elements of the window.
        padding:     zeros on each side.
        stride:      step of the window.

    Shape: (batch, channels, height, width) -> (batch, channels x window elements, positions).

    Example:
        >>> import retroprop as rp
        >>> Unfold(2)(rp.zeros((1, 3, 4, 4))).shape
        (1, 12, 9)
    """

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Any) -> Tensor:
        return unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Optioned):
    """Columns added back to where `Unfold` read them.

    Args:
        output_size: height and width of the output; a number is for both.
        kernel_size, dilation, padding, stride: as in `Unfold`.

    Shape: (batch, channels x window elements, positions) -> (batch, channels, height, width).

    Example:
        >>> import retroprop as rp
        >>> Fold(4, 2)(rp.zeros((1, 12, 9))).shape
        (1, 3, 4, 4)
    """

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Any) -> Tensor:
        how = (self.kernel_size, self.dilation, self.padding, self.stride)
        return fold(x, self.output_size, *how)
