"""Normalisation of channels with running statistics: over the batch, or within each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retroprop.array.creation import asarray, check_device, ones, zeros
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError
from retroprop.nn.functional.normalization import batch_norm, instance_norm
from retroprop.nn.linear import shown_dtype
from retroprop.nn.module import Module
from retroprop.nn.parameter import Buffer, Parameter
from retroprop.ops.exponential import reciprocal
from retroprop.ops.movement import reshape
from retroprop.ops.windows import axis_names

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
]


class _ChannelNorm(Module):
    """Normalisation of channels with running statistics, over `spatial` axes."""

    spatial = 0

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: Any,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(ones(num_features, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_features, dtype=dtype)) if affine and bias else None
        tracked = track_running_stats
        self.running_mean = Buffer(zeros(num_features, dtype=dtype)) if tracked else None
        self.running_var = Buffer(ones(num_features, dtype=dtype)) if tracked else None
        self.num_batches_tracked = Buffer(zeros((), dtype="int64")) if tracked else None

    def reset_running_stats(self) -> None:
        """Forget the statistics: mean 0, variance 1, no batches."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.assign(zeros(self.num_features, dtype=self.running_mean.dtype))
            self.running_var.assign(ones(self.num_features, dtype=self.running_var.dtype))
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.assign(zeros((), dtype="int64"))

    def reset_parameters(self) -> None:
        """Weights 1, biases 0, statistics forgotten."""
        self.reset_running_stats()
        with no_grad():
            if self.weight is not None:
                self.weight.assign(ones(self.num_features, dtype=self.weight.dtype))
            if self.bias is not None:
                self.bias.assign(zeros(self.num_features, dtype=self.bias.dtype))

    def _momentum(self) -> Any:
        """How far this batch moves the statistics; momentum None takes their plain average."""
        if self.num_batches_tracked is None:
            return 0.0
        self.num_batches_tracked.assign(self.num_batches_tracked + 1)
        if self.momentum is not None:
            return self.momentum
        running: Any = self.running_mean
        return reciprocal(self.num_batches_tracked.astype(running.dtype))

    def _expects(self, shape: tuple[int, ...], allowed: Sequence[int], at: int = 1) -> None:
        if len(shape) in allowed and shape[at] == self.num_features:
            return
        names = ["batch"] * (at >= 0) + [f"{self.num_features} channels", *axis_names(self.spatial)]
        if len(shape) not in allowed:
            fix = f"use {type(self).__name__[:-2]}{max(len(shape) - 2, 1)}d, or reshape it"
        elif shape[-1] == self.num_features:
            fix = "the channels stand on axis 1, after the batch: rp.permute_dims(x, axes)"
        else:
            fix = f"make it nn.{type(self).__name__}({shape[at]}), or change what comes before it"
        raise ShapeError(
            f"{type(self).__name__} expects ({', '.join(names)}), got {shape}", fix=fix
        )

    def extra_repr(self) -> str:
        unbiased = self.weight is not None and self.bias is None
        dtype = "" if self.weight is None else shown_dtype(self.weight)
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}{', bias=False' * unbiased}{dtype}"
        )


class _BatchNorm(_ChannelNorm):
    """BatchNorm2d documents the arguments."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        self._expects(x.shape, (2, 3) if self.spatial == 1 else (self.spatial + 2,))
        by_batch = self.training or self.running_mean is None
        momentum = self._momentum() if self.training else 0.0
        statistics = (self.running_mean, self.running_var) if self._uses(by_batch) else (None, None)
        affine = (self.weight, self.bias)
        return batch_norm(x, *statistics, *affine, by_batch, momentum, self.eps)

    def _uses(self, by_batch: bool) -> bool:
        """Whether the running statistics are read or moved."""
        return not by_batch or self.training


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (batch, features) or (batch, channels, length); see `BatchNorm2d`.

    Example:
        >>> import retroprop as rp
        >>> BatchNorm1d(3)(rp.zeros((4, 3))).shape
        (4, 3)
    """

    spatial = 1


class BatchNorm2d(_BatchNorm):
    """Batch normalisation: each channel brought to mean 0 and variance 1 over batch, height, width.

        y = (x - mean) / sqrt(var + eps) * weight + bias

    In training the statistics are those of the batch, and the running ones move towards them; in
    evaluation they are the running ones.

    Args:
        num_features:        the number of channels.
        eps:                 added to the variance.
        momentum:            how far the running statistics move; None averages all batches.
        affine:              False leaves weight and bias out.
        track_running_stats: False always uses the statistics of the batch.
        bias:                False leaves the bias out, and keeps the weight.
        device:              "cpu"; accepted because programs for PyTorch give one.
        dtype:               of parameters and statistics; float32 by default.

    Attributes:
        weight, bias:        (channels,), 1 and 0 at first, or None.
        running_mean, running_var: (channels,) buffers; the unbiased variance.
        num_batches_tracked: int64 buffer.

    Shape: (batch, channels, height, width) -> the same.

    Example:
        >>> import retroprop as rp
        >>> BatchNorm2d(3)(rp.zeros((4, 3, 8, 8))).shape
        (4, 3, 8, 8)

    Source: Ioffe, Szegedy 2015, arXiv:1502.03167.
    """

    spatial = 2


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (batch, channels, depth, height, width); see `BatchNorm2d`.

    Example:
        >>> import retroprop as rp
        >>> BatchNorm3d(3)(rp.zeros((4, 3, 2, 8, 8))).shape
        (4, 3, 2, 8, 8)
    """

    spatial = 3


class _InstanceNorm(_ChannelNorm):
    """InstanceNorm2d documents the arguments."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Any) -> Tensor:
        given = asarray(x)
        single = given.ndim == self.spatial + 1
        self._expects(given.shape, (self.spatial + 1, self.spatial + 2), 0 if single else 1)
        batch = reshape(given, (1, *given.shape)) if single else given
        by_input = self.training or self.running_mean is None
        statistics = (self.running_mean, self.running_var)
        momentum = 0.0 if self.momentum is None else self.momentum
        affine = (self.weight, self.bias)
        y = instance_norm(batch, *statistics, *affine, by_input, momentum, self.eps)
        return reshape(y, given.shape) if single else y


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (batch, channels, length); see `InstanceNorm2d`.

    Example:
        >>> import retroprop as rp
        >>> InstanceNorm1d(3)(rp.zeros((4, 3, 5))).shape
        (4, 3, 5)
    """

    spatial = 1


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation: each channel of each sample brought to mean 0 and variance 1.

    Args:
        num_features:        the number of channels.
        eps:                 added to the variance.
        momentum:            how far the running statistics move.
        affine:              True adds weight and bias.
        track_running_stats: True keeps running statistics, and evaluation uses them.
        bias:                False leaves the bias out, and keeps the weight.
        device:              "cpu"; accepted because programs for PyTorch give one.
        dtype:               of parameters and statistics; float32 by default.

    Shape: (batch, channels, height, width) -> the same. The batch axis may be left out.

    Example:
        >>> import retroprop as rp
        >>> InstanceNorm2d(3)(rp.zeros((4, 3, 8, 8))).shape
        (4, 3, 8, 8)

    Source: Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022.
    """

    spatial = 2


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (batch, channels, depth, height, width); see `InstanceNorm2d`.

    Example:
        >>> import retroprop as rp
        >>> InstanceNorm3d(3)(rp.zeros((4, 3, 2, 8, 8))).shape
        (4, 3, 2, 8, 8)
    """

    spatial = 3
