"""Pooling layers over one, two or three spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.nn.functional.adaptive import adaptive_avg_pool_nd, adaptive_max_pool_nd
from retroprop.nn.functional.pooling import avg_pool_nd, max_pool_nd
from retroprop.nn.options import Optioned

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]

Sizes = int | Sequence[int]


class _MaxPool(Optioned):
    """MaxPool2d documents the arguments."""

    spatial = 0

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, x: Any) -> Any:
        how = (self.kernel_size, self.stride, self.padding, self.dilation)
        return max_pool_nd(self.spatial, x, *how, self.ceil_mode, self.return_indices)


class MaxPool1d(_MaxPool):
    """The largest element of each window along one axis; the arguments are those of `MaxPool2d`.

    Shape: (batch, channels, length) -> (batch, channels, positions).

    Example:
        >>> import retroprop as rp
        >>> MaxPool1d(2)(rp.zeros((1, 3, 10))).shape
        (1, 3, 5)
    """

    spatial = 1


class MaxPool2d(_MaxPool):
    """The largest element of each window.

    Args:
        kernel_size:    size of the window; a number is for all axes.
        stride:         step of the window; its size if None.
        padding:        elements on each side that never win; at most half of the window.
        dilation:       distance between the elements of the window.
        return_indices: True also returns the flat positions of the maxima, for `MaxUnpool2d`.
        ceil_mode:      True also takes windows that reach beyond the end.

    Shape: (batch, channels, height, width) -> (batch, channels, positions, positions).

    Example:
        >>> import retroprop as rp
        >>> MaxPool2d(2)(rp.zeros((1, 3, 28, 28))).shape
        (1, 3, 14, 14)
    """

    spatial = 2


class MaxPool3d(_MaxPool):
    """The largest element of each window over three axes; the arguments are those of `MaxPool2d`.

    Shape: (batch, channels, depth, height, width) -> (batch, channels, *positions).

    Example:
        >>> import retroprop as rp
        >>> MaxPool3d(2)(rp.zeros((1, 3, 4, 4, 4))).shape
        (1, 3, 2, 2, 2)
    """

    spatial = 3


class _AvgPool(Optioned):
    """AvgPool2d documents the arguments."""

    spatial = 0

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, x: Any) -> Tensor:
        how = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        count = (self.count_include_pad, self.divisor_override)
        return avg_pool_nd(self.spatial, x, *how, *count)


class AvgPool1d(_AvgPool):
    """The mean of each window along one axis; the arguments are those of `AvgPool2d`.

    Shape: (batch, channels, length) -> (batch, channels, positions).

    Example:
        >>> import retroprop as rp
        >>> AvgPool1d(2)(rp.zeros((1, 3, 10))).shape
        (1, 3, 5)
    """

    spatial = 1


class AvgPool2d(_AvgPool):
    """The mean of each window.

    Args:
        kernel_size:       size of the window; a number is for all axes.
        stride:            step of the window; its size if None.
        padding:           zeros on each side; at most half of the window.
        ceil_mode:         True also takes windows that reach beyond the end.
        count_include_pad: whether the zeros of the padding count as elements.
        divisor_override:  divides the sums instead of the number of elements.

    Shape: (batch, channels, height, width) -> (batch, channels, positions, positions).

    Example:
        >>> import retroprop as rp
        >>> AvgPool2d(2)(rp.zeros((1, 3, 28, 28))).shape
        (1, 3, 14, 14)
    """

    spatial = 2


class AvgPool3d(_AvgPool):
    """The mean of each window over three axes; the arguments are those of `AvgPool2d`.

    Shape: (batch, channels, depth, height, width) -> (batch, channels, *positions).

    Example:
        >>> import retroprop as rp
        >>> AvgPool3d(2)(rp.zeros((1, 3, 4, 4, 4))).shape
        (1, 3, 2, 2, 2)
    """

    spatial = 3


class _AdaptiveMaxPool(Optioned):
    """AdaptiveMaxPool2d documents the arguments."""

    spatial = 0

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, x: Any) -> Any:
        return adaptive_max_pool_nd(self.spatial, x, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maxima brought to a given length; the arguments are those of `AdaptiveMaxPool2d`.

    Example:
        >>> import retroprop as rp
        >>> AdaptiveMaxPool1d(4)(rp.zeros((1, 3, 10))).shape
        (1, 3, 4)
    """

    spatial = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima brought to a given height and width, over windows that cover the input evenly.

    Args:
        output_size:    height and width of the output; None keeps one, a number is for both.
        return_indices: True also returns the flat spatial positions of the maxima.

    Example:
        >>> import retroprop as rp
        >>> AdaptiveMaxPool2d((4, None))(rp.zeros((1, 3, 10, 9))).shape
        (1, 3, 4, 9)
    """

    spatial = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Maxima brought to a given size of three axes; the arguments are those of `AdaptiveMaxPool2d`.

    Example:
        >>> import retroprop as rp
        >>> AdaptiveMaxPool3d(2)(rp.zeros((1, 3, 5, 4, 3))).shape
        (1, 3, 2, 2, 2)
    """

    spatial = 3


class _AdaptiveAvgPool(Optioned):
    """AdaptiveAvgPool2d documents the arguments."""

    spatial = 0

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return adaptive_avg_pool_nd(self.spatial, x, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means brought to a given length; the argument is that of `AdaptiveAvgPool2d`.

    Example:
        >>> import retroprop as rp
        >>> AdaptiveAvgPool1d(4)(rp.zeros((1, 3, 10))).shape
        (1, 3, 4)
    """

    spatial = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means brought to a given height and width, over windows that cover the input evenly.

    Args:
        output_size: height and width of the output; None keeps one, a number is for both.

    Example:
        >>> import retroprop as rp
        >>> AdaptiveAvgPool2d(1)(rp.zeros((1, 3, 10, 9))).shape
        (1, 3, 1, 1)
    """

    spatial = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means brought to a given size of three axes; the argument is that of `AdaptiveAvgPool2d`.

    Example:
        >>> import retroprop as rp
        >>> AdaptiveAvgPool3d(2)(rp.zeros((1, 3, 5, 4, 3))).shape
        (1, 3, 2, 2, 2)
    """

    spatial = 3
