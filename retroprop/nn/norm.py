"""Normalisation layers without memory: over features, over groups of channels, over neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray, check_device, ones, zeros
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional.normalization import (
    group_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from retroprop.nn.linear import shown_dtype
from retroprop.nn.module import Module
from retroprop.nn.options import Optioned
from retroprop.nn.parameter import Parameter

__all__ = [
    "GroupNorm",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
]


def _scale(shape: Any, wanted: bool, dtype: Any) -> Parameter | None:
    return Parameter(ones(shape, dtype=dtype)) if wanted else None


def _shift(shape: Any, wanted: bool, dtype: Any) -> Parameter | None:
    return Parameter(zeros(shape, dtype=dtype)) if wanted else None


def _last(module: Module, given: Any, shape: tuple[int, ...]) -> Tensor:
    """The input, if its last axes are the normalised shape."""
    x = asarray(given)
    if x.shape[-len(shape) :] != shape:
        sizes = ", ".join(map(str, shape)) + (" features" if len(shape) == 1 else "")
        raise ShapeError(
            f"{type(module).__name__} expects (..., {sizes}), got {x.shape}",
            fix=f"make it nn.{type(module).__name__}({x.shape[-1] if x.shape else 1}), or bring "
            "what it normalises to the last axes",
        )
    return x


def _as_shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    given = normalized_shape
    shape = (given,) if isinstance(given, int) else tuple(n.__index__() for n in given)
    if not shape:
        raise ArgumentError("normalized_shape is empty", fix="give the sizes of the last axes")
    return shape


class LayerNorm(Module):
    """Layer normalisation: the last axes of each sample brought to mean 0 and variance 1.

        y = (x - mean) / sqrt(var + eps) * weight + bias

    Args:
        normalized_shape:   sizes of the last axes; a number is for one axis.
        eps:                added to the variance.
        elementwise_affine: False leaves weight and bias out.
        bias:               False leaves the bias out.
        device:             "cpu"; accepted because programs for PyTorch give one.
        dtype:              of the parameters; float32 by default.

    Attributes:
        weight, bias: of the normalised shape, 1 and 0 at first, or None.

    Example:
        >>> import retroprop as rp
        >>> LayerNorm(16)(rp.zeros((4, 10, 16))).shape
        (4, 10, 16)

    Source: Ba, Kiros, Hinton 2016, arXiv:1607.06450.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = _scale(self.normalized_shape, elementwise_affine, dtype)
        self.bias = _shift(self.normalized_shape, elementwise_affine and bias, dtype)

    def forward(self, x: Any) -> Tensor:
        x = _last(self, x, self.normalized_shape)
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        unbiased = self.weight is not None and self.bias is None
        dtype = "" if self.weight is None else shown_dtype(self.weight)
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}{', bias=False' * unbiased}{dtype}"
        )


class RMSNorm(Module):
    """Division by the root mean square of the last axes: y = x / sqrt(mean(x²) + eps) * weight.

    Args:
        normalized_shape:   sizes of the last axes; a number is for one axis.
        eps:                added to the mean square; the machine epsilon of the dtype if None.
        elementwise_affine: False leaves the weight out.
        device:             "cpu"; accepted because programs for PyTorch give one.
        dtype:              of the weight; float32 by default.

    Example:
        >>> import retroprop as rp
        >>> RMSNorm(16)(rp.zeros((4, 10, 16))).shape
        (4, 10, 16)

    Source: Zhang, Sennrich 2019, arXiv:1910.07467.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = _scale(self.normalized_shape, elementwise_affine, dtype)

    def forward(self, x: Any) -> Tensor:
        x = _last(self, x, self.normalized_shape)
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        dtype = "" if self.weight is None else shown_dtype(self.weight)
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}{dtype}"
        )


class GroupNorm(Module):
    """Group normalisation: groups of channels of each sample brought to mean 0 and variance 1.

    Args:
        num_groups:   how many groups the channels are split into; 1 takes all together.
        num_channels: the number of channels.
        eps:          added to the variance.
        affine:       False leaves weight and bias out.
        bias:         False leaves the bias out, and keeps the weight.
        device:       "cpu"; accepted because programs for PyTorch give one.
        dtype:        of the parameters; float32 by default.

    Shape: (batch, channels, *spatial) -> the same.

    Example:
        >>> import retroprop as rp
        >>> GroupNorm(2, 6)(rp.zeros((4, 6, 8, 8))).shape
        (4, 6, 8, 8)

    Source: Wu, He 2018, arXiv:1803.08494.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ArgumentError(
                f"GroupNorm: {num_channels} channels do not split into {num_groups} groups"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = _scale(num_channels, affine, dtype)
        self.bias = _shift(num_channels, affine and bias, dtype)

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(
                f"GroupNorm expects (batch, {self.num_channels} channels, ...), got {x.shape}",
                fix="the channels stand on axis 1, after the batch",
            )
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        unbiased = self.weight is not None and self.bias is None
        dtype = "" if self.weight is None else shown_dtype(self.weight)
        rest = f"{', bias=False' * unbiased}{dtype}"
        sizes = f"{self.num_groups}, {self.num_channels}"
        return f"{sizes}, eps={self.eps}, affine={self.affine}{rest}"


class LocalResponseNorm(Optioned):
    """Each element divided by the energy of `size` neighbouring channels at the same place.

        y = x / (k + alpha mean(x²))^beta

    Example:
        >>> import retroprop as rp
        >>> LocalResponseNorm(5)(rp.zeros((2, 8, 4, 4))).shape
        (2, 8, 4, 4)

    Source: Krizhevsky, Sutskever, Hinton 2012, section 3.3.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, x: Any) -> Tensor:
        return local_response_norm(x, self.size, self.alpha, self.beta, self.k)
