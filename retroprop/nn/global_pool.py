"""Pooling over all of the spatial axes: what stands between convolutions and a linear layer."""

from __future__ import annotations

from typing import Any

from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError
from retroprop.nn.functional.pooling import global_avg_pool, global_max_pool
from retroprop.nn.module import Module
from retroprop.ops.windows import axis_names

__all__ = [
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalAvgPool3d",
    "GlobalMaxPool1d",
    "GlobalMaxPool2d",
    "GlobalMaxPool3d",
]


class _Global(Module):
    """A reduction over `spatial` axes, which it takes away."""

    spatial = 0
    is_mean = True

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        if x.ndim != self.spatial + 2:
            raise ShapeError(
                f"{type(self).__name__} expects (batch, channels, "
                f"{', '.join(axis_names(self.spatial))}), got {x.shape}"
            )
        return global_avg_pool(x) if self.is_mean else global_max_pool(x)


class GlobalAvgPool1d(_Global):
    """Mean over the length: (batch, channels, length) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> GlobalAvgPool1d()(rp.asarray([[[1.0, 3.0]]])).tolist()
        [[2.0]]
    """

    spatial = 1


class GlobalAvgPool2d(_Global):
    """Mean over height and width: (batch, channels, height, width) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> GlobalAvgPool2d()(rp.zeros((8, 64, 7, 7))).shape
        (8, 64)

    Source: Lin, Chen, Yan 2014, arXiv:1312.4400.
    """

    spatial = 2


class GlobalAvgPool3d(_Global):
    """Mean over depth, height and width: (batch, channels, *spatial) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> GlobalAvgPool3d()(rp.zeros((8, 64, 2, 7, 7))).shape
        (8, 64)
    """

    spatial = 3


class GlobalMaxPool1d(_Global):
    """Maximum over the length: (batch, channels, length) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> GlobalMaxPool1d()(rp.asarray([[[1.0, 3.0]]])).tolist()
        [[3.0]]
    """

    spatial = 1
    is_mean = False


class GlobalMaxPool2d(_Global):
    """Maximum over height and width: (batch, channels, height, width) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> GlobalMaxPool2d()(rp.zeros((8, 64, 7, 7))).shape
        (8, 64)
    """

    spatial = 2
    is_mean = False


class GlobalMaxPool3d(_Global):
    """Maximum over depth, height and width: (batch, channels, *spatial) -> (batch, channels).

    Example:
        >>> import retroprop as rp
        >>> GlobalMaxPool3d()(rp.zeros((8, 64, 2, 7, 7))).shape
        (8, 64)
    """

    spatial = 3
    is_mean = False
