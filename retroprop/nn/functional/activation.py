"""Activations made of straight pieces. At a corner each takes the one-sided derivative that PyTorch
takes.

`inplace=True` puts the result into the cell of the input too, as PyTorch does; it saves no memory
here.
"""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional._checks import floating
from retroprop.random import uniform

__all__ = [
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "softshrink",
    "threshold",
]


def placed(input: Any, y: Tensor, inplace: bool) -> Tensor:
    """The result, put into the cell of the input when that was asked for."""
    if not inplace:
        return y
    if not isinstance(input, Tensor):
        raise ArgumentError("inplace=True needs a Tensor to change", fix="leave inplace out")
    return input.assign(y)


def relu(input: Any, inplace: bool = False) -> Tensor:
    """The positive part, elementwise: y = max(x, 0); its derivative at 0 is 0.

    Example:
        >>> relu(Tensor([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return placed(input, ops.relu(asarray(input)), inplace)


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """The positive part up to 6, elementwise: y = min(max(x, 0), 6).

    Example:
        >>> relu6(Tensor([-1.0, 2.0, 9.0])).tolist()
        [0.0, 2.0, 6.0]

    Source: Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10".
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(
    input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x between two bounds, elementwise; the derivative on the bounds is 0.

    Args:
        input:   floating.
        min_val: lower bound.
        max_val: upper bound, not below the lower one.
        inplace: put the result into the input's cell too.

    Example:
        >>> hardtanh(Tensor([-3.0, 0.5, 3.0])).tolist()
        [-1.0, 0.5, 1.0]
    """
    if min_val > max_val:
        raise ArgumentError(f"hardtanh: min_val {min_val} is above max_val {max_val}")
    (x,) = floating("hardtanh", input=input)
    below = ops.where(ops.greater_equal(x, max_val), max_val, x)
    return placed(input, ops.where(ops.less_equal(x, min_val), min_val, below), inplace)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x above 0, a fraction of it below, elementwise: y = max(x, 0) + negative_slope min(x, 0).

    Example:
        >>> leaky_relu(Tensor([-2.0, 3.0]), 0.5).tolist()
        [-1.0, 3.0]

    Source: Maas, Hannun, Ng 2013, "Rectifier nonlinearities improve neural network acoustic
        models".
    """
    (x,) = floating("leaky_relu", input=input)
    return placed(input, ops.where(ops.greater(x, 0.0), x, x * negative_slope), inplace)


def prelu(input: Any, weight: Any) -> Tensor:
    """leaky_relu with a learned slope: y = max(x, 0) + weight min(x, 0).

    Args:
        input:  (batch, channels, ...) floating, or (channels,) or () alone.
        weight: one slope for all, shape () or (1,), or one for each channel, (channels,).

    Raises:
        ShapeError: "prelu: weight holds 3 slopes, input (2, 4) has 4 channels".

    Example:
        >>> prelu(Tensor([[-2.0, -2.0]]), Tensor([0.5, 0.25])).tolist()
        [[-1.0, -0.5]]

    Source: He et al. 2015, arXiv:1502.01852.
    """
    x, slope = floating("prelu", input=input, weight=weight)
    if slope.ndim > 1:
        raise ShapeError(f"prelu: weight must be () or (channels,), it has shape {slope.shape}")
    if slope.size != 1:
        channels = x.shape[1] if x.ndim > 1 else x.size
        if slope.size != channels:
            raise ShapeError(
                f"prelu: weight holds {slope.size} slopes, input {x.shape} has {channels} channels",
                fix="give one slope, or num_parameters = the size of axis 1",
            )
        slope = ops.reshape(slope, (channels, *(1,) * max(0, x.ndim - 2)))
    elif slope.ndim > x.ndim:
        slope = ops.reshape(slope, ())
    return ops.where(ops.greater(x, 0.0), x, x * slope)


def rrelu(
    input: Any,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Any = None,
) -> Tensor:
    """leaky_relu with random slopes in training, and with the mean of their bounds otherwise.

    Args:
        input:     floating.
        lower:     lower end of the slopes.
        upper:     upper end of the slopes, not below the lower one.
        training:  draw the slopes.
        inplace:   put the result into the input's cell too.
        generator: random generator; the default one when None.

    Example:
        >>> rrelu(Tensor([-2.0, 3.0]), 0.25, 0.75).tolist()
        [-1.0, 3.0]

    Source: Xu et al. 2015, arXiv:1505.00853.
    """
    if lower > upper:
        raise ArgumentError(f"rrelu: lower {lower} is above upper {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    (x,) = floating("rrelu", input=input)
    slopes = uniform(x.shape, lower, upper, dtype=x.dtype, generator=generator)
    return placed(input, ops.where(ops.greater(x, 0.0), x, x * slopes), inplace)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """The sigmoid in three straight pieces, elementwise: y = min(max(x + 3, 0), 6) / 6.

    Example:
        >>> hardsigmoid(Tensor([-4.0, 0.0, 4.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    (x,) = floating("hardsigmoid", input=input)
    return placed(input, hardtanh(x + 3.0, 0.0, 6.0) / 6.0, inplace)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """x hardsigmoid(x), elementwise: 0 below -3, x above 3, a parabola between.

    Example:
        >>> hardswish(Tensor([-4.0, 1.5, 4.0])).tolist()
        [0.0, 1.125, 4.0]

    Source: Howard et al. 2019, arXiv:1905.02244.
    """
    (x,) = floating("hardswish", input=input)
    bent = ops.where(ops.greater_equal(ops.abs(x), 3.0), 0.0, x)
    bent = bent * (bent + 3.0) / 6.0
    return placed(input, ops.where(ops.greater_equal(x, 3.0), x, bent), inplace)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, elementwise; 0 where |x| <= lambd.

    Example:
        >>> softshrink(Tensor([-2.0, 0.25, 2.0])).tolist()
        [-1.5, 0.0, 1.5]
    """
    if lambd < 0:
        raise ArgumentError(f"softshrink: lambd must not be negative, it is {lambd}")
    (x,) = floating("softshrink", input=input)
    small = ops.less_equal(ops.abs(x), lambd)
    return ops.where(small, 0.0, x - ops.sign(x) * lambd)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, 0 elsewhere.

    Example:
        >>> hardshrink(Tensor([-2.0, 0.25, 2.0])).tolist()
        [-2.0, 0.0, 2.0]
    """
    (x,) = floating("hardshrink", input=input)
    return ops.where(ops.less_equal(ops.abs(x), lambd), 0.0, x)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above a threshold, a constant elsewhere.

    Example:
        >>> threshold(Tensor([-2.0, 0.5, 2.0]), 1.0, -1.0).tolist()
        [-1.0, -1.0, 2.0]
    """
    (x,) = floating("threshold", input=input)
    return placed(input, ops.where(ops.less_equal(x, threshold), value, x), inplace)
