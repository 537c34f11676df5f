"""Pooling layers by p-norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.nn.functional.lp_pool import lp_pool_nd
from retroprop.nn.options import Optioned

__all__ = ["LPPool1d", "LPPool2d", "LPPool3d"]

Sizes = int | Sequence[int]


class _LPPool(Optioned):
    """LPPool2d documents the arguments."""

    spatial = 0

    def __init__(
        self,
        norm_type: float,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, x: Any) -> Tensor:
        how = (self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
        return lp_pool_nd(self.spatial, x, *how)


class LPPool1d(_LPPool):
    """The p-norm of each window along one axis; the arguments are those of `LPPool2d`.

    Example:
        >>> import retroprop as rp
        >>> LPPool1d(2, 2)(rp.asarray([[[3.0, 4.0]]])).tolist()
        [[[5.0]]]
    """

    spatial = 1


class LPPool2d(_LPPool):
    """The p-norm of each window: (Σ xᵖ)^(1/p).

    Args:
        norm_type:   p; 1 gives sums.
        kernel_size: size of the window; a number is for all axes.
        stride:      step of the window; its size if None.
        ceil_mode:   True also takes windows that reach beyond the end.

    Example:
        >>> import retroprop as rp
        >>> LPPool2d(2, 2)(rp.ones((1, 1, 2, 2))).tolist()
        [[[[2.0]]]]
    """

    spatial = 2


class LPPool3d(_LPPool):
    """The p-norm of each window over three axes; the arguments are those of `LPPool2d`.

    Example:
        >>> import retroprop as rp
        >>> LPPool3d(1, 2)(rp.ones((1, 1, 2, 2, 2))).tolist()
        [[[[[8.0]]]]]
    """

    spatial = 3
