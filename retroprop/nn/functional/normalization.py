"""Normalisation: slices of the input brought to mean 0 and variance 1, then scaled and shifted.

Differences to a small tensor are written as sums with its negative, so that the backward pass
negates the small one. 16-bit input is normalised in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retroprop import dtypes
from retroprop.array.creation import asarray
from retroprop.array.statistics import mean
from retroprop.core.faces import astype
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional.padding import constant_pad
from retroprop.ops.arithmetic import negative, square
from retroprop.ops.exponential import power, rsqrt
from retroprop.ops.movement import reshape
from retroprop.ops.pooling import sum_pool
from retroprop.ops.statistics import moments, standardize
from retroprop.shapes import size

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
]

Shape = tuple[int, ...]


def _wide(input: Any) -> Tensor:
    """The input in a type of at least 32 bits."""
    x = asarray(input)
    return astype(x, dtypes.float32) if x.dtype.itemsize == 2 else x


def _centred(x: Tensor, axis: Any) -> tuple[Tensor, Tensor, Tensor]:
    """x less its mean over axes, the mean, and the biased variance; axes kept."""
    middle = mean(x, axis=axis, keepdims=True)
    centred = x + negative(middle)
    return centred, middle, mean(square(centred), axis=axis, keepdims=True)


def _scaled(
    x: Tensor, middle: Tensor, scale: Tensor, weight: Any, bias: Any, shape: Shape
) -> Tensor:
    """(x - middle) * scale * weight + bias, with weight and bias under a shape that broadcasts."""
    if weight is not None:
        scale = scale * reshape(weight, shape)
    y: Tensor = standardize(x, middle, scale)
    return y if bias is None else y + reshape(bias, shape)


def _blend(running: Tensor | None, new: Tensor, momentum: Any) -> None:
    """Move a running statistic towards a new one."""
    if running is not None:
        with no_grad():
            step = astype(reshape(new.detach(), running.shape), running.dtype) - running
            running.assign(running + astype(asarray(step * momentum), running.dtype))


def batch_norm(
    input: Any,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel over the batch and all spatial axes.

        y = (x - mean) / sqrt(var + eps) * weight + bias

    Args:
        input:        (batch, channels, *spatial).
        running_mean: (channels,); moved towards the batch's in training, used in evaluation.
        running_var:  likewise; the unbiased variance goes into it.
        weight, bias: (channels,) or None.
        training:     whether to normalise by the statistics of this batch.
        momentum:     how far the running statistics move.
        eps:          added to the variance.

    Example:
        >>> import retroprop as rp
        >>> batch_norm(rp.asarray([[1.0], [3.0]]), None, None, training=True).numpy().round(2)
        array([[-1.],
               [ 1.]], dtype=float32)

    Source: Ioffe, Szegedy 2015, arXiv:1502.03167.
    """
    x = _wide(input)
    if x.ndim < 2:
        raise ShapeError(f"batch_norm expects (batch, channels, ...), got {x.shape}")
    shape = (x.shape[1], *(1,) * (x.ndim - 2))
    if not training:
        if running_mean is None or running_var is None:
            raise ArgumentError("batch_norm: evaluation needs running_mean and running_var")
        scale = rsqrt(running_var + eps)
        scale = scale if weight is None else scale * weight
        shift = negative(running_mean * scale)
        shift = shift if bias is None else shift + bias
        return astype(x * reshape(scale, shape) + reshape(shift, shape), asarray(input).dtype)
    count = x.shape[0] * size(x.shape[2:])
    if count < 2:
        raise ShapeError(
            f"batch_norm: {x.shape} has {count} values per channel, so no variance to train with",
            fix="use a larger batch (drop a last batch of one), or model.eval()",
        )
    middle, variance = moments(x, axis=(0, *range(2, x.ndim)))
    _blend(running_mean, middle, momentum)
    _blend(running_var, variance.detach() * (count / (count - 1)), momentum)
    y = _scaled(x, middle, rsqrt(variance + eps), weight, bias, shape)
    return astype(y, asarray(input).dtype)


def instance_norm(
    input: Any,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each sample over its spatial axes.

    Args:
        input:           (batch, channels, *spatial).
        running_mean, running_var: (channels,); averages over the batch go into them.
        weight, bias:    (channels,) or None.
        use_input_stats: False normalises by the running statistics.
        momentum, eps:   as in `batch_norm`.

    Example:
        >>> import retroprop as rp
        >>> instance_norm(rp.asarray([[[1.0, 3.0]]])).numpy().round(2)
        array([[[-1.,  1.]]], dtype=float32)

    Source: Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    x = _wide(input)
    count = size(x.shape[2:])
    if x.ndim < 3 or count < 2:
        raise ShapeError(
            f"instance_norm: {x.shape} has {count} values per channel of a sample, so no variance",
            fix="it needs (batch, channels, *spatial) with more than one spatial element",
        )
    middle, variance = moments(x, axis=tuple(range(2, x.ndim)))
    _blend(running_mean, mean(middle.detach(), axis=0), momentum)
    unbiased = mean(variance.detach(), axis=0) * (count / (count - 1))
    _blend(running_var, unbiased, momentum)
    shape = (x.shape[1], *(1,) * (x.ndim - 2))
    y = _scaled(x, middle, rsqrt(variance + eps), weight, bias, shape)
    return astype(y, asarray(input).dtype)


def _last_axes(name: str, x: Tensor, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"{name} expects (..., {', '.join(map(str, shape))}), got {x.shape}",
            fix="the last axes must be the normalised shape",
        )
    return tuple(range(-len(shape), 0))


def layer_norm(
    input: Any,
    normalized_shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last axes.

        y = (x - mean) / sqrt(var + eps) * weight + bias

    Args:
        input:            (..., *normalized shape).
        normalized_shape: sizes of the last axes.
        weight, bias:     of the normalised shape, or None.
        eps:              added to the variance.

    Example:
        >>> import retroprop as rp
        >>> layer_norm(rp.asarray([[1.0, 3.0]]), (2,)).numpy().round(2)
        array([[-1.,  1.]], dtype=float32)

    Source: Ba, Kiros, Hinton 2016, arXiv:1607.06450. Differs: the paper's formula has no eps.
    """
    x = _wide(input)
    axes = _last_axes("layer_norm", x, normalized_shape)
    centred, _, variance = _centred(x, axes)
    y = centred * rsqrt(variance + eps)
    y = y if weight is None else y * weight
    y = y if bias is None else y + bias
    return astype(y, asarray(input).dtype)


def rms_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None
) -> Tensor:
    """Divide by the root mean square over the last axes: y = x / sqrt(mean(x²) + eps) * weight.

    Args:
        input:            (..., *normalized shape).
        normalized_shape: sizes of the last axes.
        weight:           of the normalised shape, or None.
        eps:              added to the mean square; the dtype's machine epsilon if None.

    Example:
        >>> import retroprop as rp
        >>> rms_norm(rp.asarray([[3.0, 4.0]]), (2,)).numpy().round(3)
        array([[0.849, 1.131]], dtype=float32)

    Source: Zhang, Sennrich 2019, arXiv:1910.07467.
    """
    x = _wide(input)
    axes = _last_axes("rms_norm", x, normalized_shape)
    floor = dtypes.finfo(x.dtype).eps if eps is None else eps
    y = x * rsqrt(mean(square(x), axis=axes, keepdims=True) + floor)
    y = y if weight is None else y * weight
    return astype(y, asarray(input).dtype)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Normalise groups of channels of each sample, together with all spatial axes.

    Args:
        input:        (batch, channels, *spatial).
        num_groups:   how many groups the channels are split into.
        weight, bias: (channels,) or None.
        eps:          added to the variance.

    Example:
        >>> import retroprop as rp
        >>> group_norm(rp.asarray([[1.0, 3.0, 5.0, 9.0]]), 2).numpy().round(2)
        array([[-1.,  1., -1.,  1.]], dtype=float32)

    Source: Wu, He 2018, arXiv:1803.08494.
    """
    x = _wide(input)
    if x.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(
            f"group_norm: the channels of {x.shape} do not split into {num_groups} groups",
            fix="axis 1 holds the channels; their number must be a multiple of num_groups",
        )
    channels, count = x.shape[1], size(x.shape[1:]) // num_groups
    grouped = reshape(x, (x.shape[0], num_groups, count))
    centred, _, variance = _centred(grouped, -1)
    y: Tensor = reshape(centred * rsqrt(variance + eps), x.shape)
    shape = (channels, *(1,) * (x.ndim - 2))
    y = y if weight is None else y * reshape(weight, shape)
    y = y if bias is None else y + reshape(bias, shape)
    return astype(y, asarray(input).dtype)


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide each element by the energy of its channel's neighbours at the same place.

        y = x / (k + alpha mean(x²))^beta        over `size` channels around each

    Args:
        input: (batch, channels, *spatial), at least one spatial axis.

    Example:
        >>> import retroprop as rp
        >>> local_response_norm(rp.ones((1, 2, 1)), 2, alpha=2.0, beta=1.0).numpy().round(
        ...     3
        ... ).tolist()
        [[[0.5], [0.3330000042915344]]]

    Source: Krizhevsky, Sutskever, Hinton 2012, section 3.3.
    """
    x = _wide(input)
    if x.ndim < 3:
        raise ShapeError(f"local_response_norm expects (batch, channels, ...), got {x.shape}")
    elements = math.prod(x.shape[2:])
    rows = reshape(square(x), (x.shape[0], 1, x.shape[1], elements))
    padded = constant_pad(rows, [(size // 2, (size - 1) // 2), (0, 0)])
    how = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
    energy = reshape(sum_pool(padded, window=(size, 1), **how), x.shape) * (alpha / size)
    return astype(x * power(energy + k, -beta), asarray(input).dtype)
