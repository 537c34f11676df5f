"""Layers that put maxima back to where max pooling found them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.nn.functional.unpool import max_unpool_nd
from retroprop.nn.options import Optioned

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]

Sizes = int | Sequence[int]


class _MaxUnpool(Optioned):
    """MaxUnpool2d documents the arguments."""

    spatial = 0

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def forward(self, x: Any, indices: Any, output_size: Sequence[int] | None = None) -> Tensor:
        how = (self.kernel_size, self.stride, self.padding)
        return max_unpool_nd(self.spatial, x, indices, *how, output_size)


class MaxUnpool1d(_MaxUnpool):
    """Maxima put back along one axis; the arguments are those of `MaxUnpool2d`.

    Example:
        >>> import retroprop as rp
        >>> MaxUnpool1d(2)(rp.asarray([[[5.0, 6.0]]]), rp.asarray([[[1, 2]]])).tolist()
        [[[0.0, 5.0, 6.0, 0.0]]]
    """

    spatial = 1


class MaxUnpool2d(_MaxUnpool):
    """Maxima put back to where `MaxPool2d(..., return_indices=True)` found them, zeros elsewhere.

    Args:
        kernel_size, stride, padding: as they were given to the pooling layer.

    Shape: (batch, channels, height, width) and indices of that shape -> (batch, channels, larger,
        larger); `output_size` in the call chooses the size where these leave it open.

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn
        >>> y, index = nn.MaxPool2d(2, return_indices=True)(rp.ones((1, 1, 4, 4)))
        >>> MaxUnpool2d(2)(y, index).shape
        (1, 1, 4, 4)
    """

    spatial = 2


class MaxUnpool3d(_MaxUnpool):
    """Maxima put back over three axes; the arguments are those of `MaxUnpool2d`.

    Example:
        >>> import retroprop as rp
        >>> y, index = rp.ones((1, 1, 1, 1, 1)), rp.zeros((1, 1, 1, 1, 1), dtype=rp.int64)
        >>> MaxUnpool3d(2)(y, index).shape
        (1, 1, 2, 2, 2)
    """

    spatial = 3
