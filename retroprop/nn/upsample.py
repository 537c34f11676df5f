"""Layers that resample spatial axes."""

from __future__ import annotations

from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.errors import unknown
from retroprop.nn.functional.interpolation import INTERPOLATION_MODES, interpolate
from retroprop.nn.options import Optioned

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]


class Upsample(Optioned):
    """The spatial axes resampled to a size, or by a factor.

    Args:
        size:          the new spatial sizes; a number is for all axes.
        scale_factor:  or the factors, rounded down to whole sizes.
        mode:          "nearest", "nearest-exact", "area"; by the number of spatial axes "linear",
                       "bilinear" or "bicubic", "trilinear".
        align_corners: whether the corner elements stay at the corners (linear and cubic modes).
        recompute_scale_factor: True samples by the ratio of the sizes instead of scale_factor.

    Shape: (batch, channels, *spatial) -> (batch, channels, *new spatial).

    Example:
        >>> import retroprop as rp
        >>> Upsample(scale_factor=2, mode="bilinear")(rp.zeros((1, 3, 8, 8))).shape
        (1, 3, 16, 16)
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        if mode not in INTERPOLATION_MODES:
            raise unknown("interpolation mode", mode, INTERPOLATION_MODES)
        self.size = size
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Any) -> Tensor:
        how = (self.size, self.scale_factor, self.mode, self.align_corners)
        return interpolate(x, *how, self.recompute_scale_factor)


class UpsamplingNearest2d(Upsample):
    """Each pixel repeated: `Upsample` with mode "nearest".

    Example:
        >>> import retroprop as rp
        >>> UpsamplingNearest2d(scale_factor=2)(rp.asarray([[[[1.0, 2.0]]]])).tolist()
        [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """Pixels joined by straight lines: `Upsample` with mode "bilinear" and align_corners=True.

    Example:
        >>> import retroprop as rp
        >>> UpsamplingBilinear2d((1, 3))(rp.asarray([[[[1.0, 3.0]]]])).tolist()
        [[[[1.0, 2.0, 3.0]]]]
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)
