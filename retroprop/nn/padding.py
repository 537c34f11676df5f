"""Layers that put a border around the last one, two or three axes.

Each takes one width for all sides, or (before, after) for each axis, the last axis first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional.padding import pad
from retroprop.nn.options import Optioned
from retroprop.ops.windows import axis_names

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

Widths = int | Sequence[int]


class _Pad(Optioned):
    """A border of a mode around `spatial` axes."""

    spatial = 0
    mode = "constant"
    value = 0.0

    def __init__(self, padding: Widths) -> None:
        super().__init__()
        sides = 2 * self.spatial
        self.padding = (padding,) * sides if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != sides:
            raise ArgumentError(
                f"{type(self).__name__}: padding is {padding!r}",
                fix=f"give one width, or {sides}: before and after each axis, the last axis first",
            )

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        if x.ndim not in {self.spatial + 1, self.spatial + 2}:
            raise ShapeError(
                f"{type(self).__name__} expects (batch, channels, "
                f"{', '.join(axis_names(self.spatial))}), got {x.shape}"
            )
        return pad(x, self.padding, self.mode, self.value)


class _ConstantPad(_Pad):
    """A border of a constant."""

    def __init__(self, padding: Widths, value: float) -> None:
        super().__init__(padding)
        self.value = value


class ConstantPad1d(_ConstantPad):
    """A border of a constant around the last axis: (left, right), or one width.

    Example:
        >>> import retroprop as rp
        >>> ConstantPad1d((1, 2), 9.0)(rp.asarray([[[1.0]]])).tolist()
        [[[9.0, 1.0, 9.0, 9.0]]]
    """

    spatial = 1


class ConstantPad2d(_ConstantPad):
    """A border of a constant around height and width: (left, right, top, bottom), or one width.

    Example:
        >>> import retroprop as rp
        >>> ConstantPad2d(1, 9.0)(rp.zeros((1, 1, 4, 4))).shape
        (1, 1, 6, 6)
    """

    spatial = 2


class ConstantPad3d(_ConstantPad):
    """A border of a constant around the last three axes.

    Example:
        >>> import retroprop as rp
        >>> ConstantPad3d(1, 9.0)(rp.zeros((1, 1, 4, 4, 4))).shape
        (1, 1, 6, 6, 6)
    """

    spatial = 3


class ZeroPad1d(_Pad):
    """Zeros around the last axis: (left, right), or one width.

    Example:
        >>> import retroprop as rp
        >>> ZeroPad1d(1)(rp.asarray([[[1.0]]])).tolist()
        [[[0.0, 1.0, 0.0]]]
    """

    spatial = 1


class ZeroPad2d(_Pad):
    """Zeros around height and width: (left, right, top, bottom), or one width.

    Example:
        >>> import retroprop as rp
        >>> ZeroPad2d((1, 1, 2, 0))(rp.zeros((1, 1, 4, 4))).shape
        (1, 1, 6, 6)
    """

    spatial = 2


class ZeroPad3d(_Pad):
    """Zeros around the last three axes.

    Example:
        >>> import retroprop as rp
        >>> ZeroPad3d(1)(rp.zeros((1, 1, 4, 4, 4))).shape
        (1, 1, 6, 6, 6)
    """

    spatial = 3


class ReflectionPad1d(_Pad):
    """A mirrored border around the last axis; the border element is not repeated.

    Example:
        >>> import retroprop as rp
        >>> ReflectionPad1d(2)(rp.asarray([[[1.0, 2.0, 3.0]]])).tolist()
        [[[3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]]
    """

    spatial = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """A mirrored border around height and width: (left, right, top, bottom), or one width.

    Example:
        >>> import retroprop as rp
        >>> ReflectionPad2d(1)(rp.zeros((1, 1, 4, 4))).shape
        (1, 1, 6, 6)
    """

    spatial = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """A mirrored border around the last three axes.

    Example:
        >>> import retroprop as rp
        >>> ReflectionPad3d(1)(rp.zeros((1, 1, 4, 4, 4))).shape
        (1, 1, 6, 6, 6)
    """

    spatial = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """The border element repeated around the last axis: (left, right), or one width.

    Example:
        >>> import retroprop as rp
        >>> ReplicationPad1d((2, 1))(rp.asarray([[[1.0, 2.0]]])).tolist()
        [[[1.0, 1.0, 1.0, 2.0, 2.0]]]
    """

    spatial = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """The border elements repeated around height and width.

    Example:
        >>> import retroprop as rp
        >>> ReplicationPad2d(1)(rp.zeros((1, 1, 4, 4))).shape
        (1, 1, 6, 6)
    """

    spatial = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """The border elements repeated around the last three axes.

    Example:
        >>> import retroprop as rp
        >>> ReplicationPad3d(1)(rp.zeros((1, 1, 4, 4, 4))).shape
        (1, 1, 6, 6, 6)
    """

    spatial = 3
    mode = "replicate"


class CircularPad1d(_Pad):
    """The last axis wrapped around: (left, right), or one width.

    Example:
        >>> import retroprop as rp
        >>> CircularPad1d((2, 1))(rp.asarray([[[1.0, 2.0, 3.0]]])).tolist()
        [[[2.0, 3.0, 1.0, 2.0, 3.0, 1.0]]]
    """

    spatial = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """Height and width wrapped around: (left, right, top, bottom), or one width.

    Example:
        >>> import retroprop as rp
        >>> CircularPad2d(1)(rp.zeros((1, 1, 4, 4))).shape
        (1, 1, 6, 6)
    """

    spatial = 2
    mode = "circular"


class CircularPad3d(_Pad):
    """The last three axes wrapped around.

    Example:
        >>> import retroprop as rp
        >>> CircularPad3d(1)(rp.zeros((1, 1, 4, 4, 4))).shape
        (1, 1, 6, 6, 6)
    """

    spatial = 3
    mode = "circular"
