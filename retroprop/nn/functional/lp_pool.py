"""Pooling by p-norms over sliding windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.nn.functional.conv import per_axis
from retroprop.nn.functional.pooling import avg_pool_nd
from retroprop.ops.activation import relu
from retroprop.ops.exponential import power
from retroprop.shapes import size

__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d", "lp_pool_nd"]

Sizes = int | Sequence[int]


def lp_pool_nd(
    count: int,
    input: Any,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window over `count` spatial axes: (Σ xᵖ)^(1/p), 0 where the sum is < 0.

    Source: PyTorch's definition, in which xᵖ keeps its sign for odd p.
    """
    window = per_axis(kernel_size, count, f"lp_pool{count}d: kernel_size")
    average = avg_pool_nd(count, power(asarray(input), norm_type), window, stride, 0, ceil_mode)
    y: Tensor = power(relu(average) * size(window), 1.0 / norm_type)
    return y


def lp_pool1d(
    input: Any,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window over one spatial axis.

    Example:
        >>> lp_pool1d(asarray([[[3.0, 4.0]]]), 2, 2).tolist()
        [[[5.0]]]
    """
    return lp_pool_nd(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Any,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window over height and width.

    Example:
        >>> lp_pool2d(asarray([[[[2.0, 2.0], [2.0, 2.0]]]]), 2, 2).tolist()
        [[[[4.0]]]]
    """
    return lp_pool_nd(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Any,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window over depth, height and width.

    Example:
        >>> import retroprop as rp
        >>> lp_pool3d(rp.ones((1, 1, 2, 2, 2)), 1, 2).tolist()
        [[[[[8.0]]]]]
    """
    return lp_pool_nd(3, input, norm_type, kernel_size, stride, ceil_mode)
