"""Activations that bend smoothly, written so that neither tail overflows nor loses its gradient.

Where a formula would overflow on the side that is not taken, its argument is replaced there first:
a `where` around an infinite value alone would still send NaN back through the gradient.
"""

from __future__ import annotations

import math
from typing import Any

from retroprop import ops, shapes
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, unknown
from retroprop.nn.functional._checks import floating
from retroprop.nn.functional.activation import placed

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "log_sigmoid",
    "logsigmoid",
    "mish",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "swiglu",
    "tanh",
    "tanhshrink",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def sigmoid(input: Any) -> Tensor:
    """Logistic function, elementwise: y = 1 / (1 + exp(-x)).

    Example:
        >>> sigmoid(Tensor([0.0, -1000.0])).tolist()
        [0.5, 0.0]
    """
    return ops.sigmoid(asarray(input))


def tanh(input: Any) -> Tensor:
    """Hyperbolic tangent, elementwise.

    Example:
        >>> tanh(Tensor([0.0, 1000.0])).tolist()
        [0.0, 1.0]
    """
    return ops.tanh(asarray(input))


def logsigmoid(input: Any) -> Tensor:
    """Logarithm of the sigmoid, elementwise: y = -log(1 + exp(-x)).

    Example:
        >>> logsigmoid(Tensor([1000.0, -1000.0])).tolist()
        [0.0, -1000.0]
    """
    return ops.log_sigmoid(asarray(input))


log_sigmoid = logsigmoid


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """A smooth ramp: y = log(1 + exp(beta x)) / beta; x itself where beta x > threshold.

    Example:
        >>> softplus(Tensor([0.0, 30.0])).numpy().round(3).tolist()
        [0.6930000185966492, 30.0]
    """
    (x,) = floating("softplus", input=input)
    if beta == 0:
        raise ArgumentError("softplus: beta must not be 0")
    scaled = x * beta
    return ops.where(ops.greater(scaled, threshold), x, ops.softplus(scaled) / beta)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha (exp(x) - 1) below, elementwise; its derivative at 0 is alpha.

    Example:
        >>> elu(Tensor([-1000.0, 2.0])).tolist()
        [-1.0, 2.0]

    Source: Clevert, Unterthiner, Hochreiter 2016, arXiv:1511.07289.
    """
    (x,) = floating("elu", input=input)
    return placed(input, _bent(x, alpha, 1.0), inplace)


def _bent(x: Tensor, height: float, width: float) -> Tensor:
    """x above 0, height (exp(x / width) - 1) below."""
    above = ops.greater(x, 0.0)
    below = ops.where(above, 0.0, x)
    below = below if width == 1.0 else below / width
    return ops.where(above, x, ops.expm1(below) * height)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha (exp(x / alpha) - 1) below: an elu with slope 1 at 0 for each alpha.

    Example:
        >>> celu(Tensor([-1000.0, 2.0]), 0.5).tolist()
        [-0.5, 2.0]

    Source: Barron 2017, arXiv:1704.07483.
    """
    if not alpha > 0:
        raise ArgumentError(f"celu: alpha must be > 0, it is {alpha}")
    (x,) = floating("celu", input=input)
    return placed(input, _bent(x, alpha, alpha), inplace)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """1.0507 elu(x, 1.6733), elementwise: keeps mean 0 and variance 1 from layer to layer.

    The weights have to be drawn for it: see `nn.init.lecun_normal_`.

    Example:
        >>> selu(Tensor([-1000.0, 1.0])).numpy().round(4).tolist()
        [-1.758100..., 1.0506999...]

    Source: Klambauer et al. 2017, arXiv:1706.02515.
    """
    (x,) = floating("selu", input=input)
    return placed(input, _bent(x, _SELU_ALPHA, 1.0) * _SELU_SCALE, inplace)


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal number is below x, elementwise.

        "none"   y = x (1 + erf(x / sqrt(2))) / 2
        "tanh"   y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2

    Args:
        input:       floating.
        approximate: "none" or "tanh".

    Example:
        >>> gelu(Tensor([-100.0, 0.0, 100.0])).tolist()
        [-0.0, 0.0, 100.0]

    Source: Hendrycks, Gimpel 2016, arXiv:1606.08415.
    """
    (x,) = floating("gelu", input=input)
    if approximate == "none":
        return x * (ops.erf(x * math.sqrt(0.5)) + 1.0) * 0.5
    if approximate == "tanh":  # (1 + tanh(u)) / 2 = sigmoid(2 u)
        slope = 2.0 * math.sqrt(2.0 / math.pi)
        bent = x * (ops.square(x) * (0.044715 * slope) + slope)
        return x * ops.sigmoid(bent)
    raise unknown("approximation of gelu", approximate, ("none", "tanh"))


def silu(input: Any, inplace: bool = False) -> Tensor:
    """x sigmoid(x), elementwise; also called swish.

    Example:
        >>> silu(Tensor([-1000.0, 0.0, 1000.0])).tolist()
        [-0.0, 0.0, 1000.0]

    Source: Elfwing, Uchibe, Doya 2018, arXiv:1702.03118.
    """
    (x,) = floating("silu", input=input)
    return placed(input, x * ops.sigmoid(x), inplace)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x)), elementwise.

    Example:
        >>> mish(Tensor([-1000.0, 0.0, 1000.0])).tolist()
        [-0.0, 0.0, 1000.0]

    Source: Misra 2019, arXiv:1908.08681.
    """
    (x,) = floating("mish", input=input)
    return placed(input, x * ops.tanh(ops.softplus(x)), inplace)


def softsign(input: Any) -> Tensor:
    """x / (1 + |x|), elementwise.

    Example:
        >>> softsign(Tensor([-1.0, 0.0, 3.0])).tolist()
        [-0.5, 0.0, 0.75]
    """
    (x,) = floating("softsign", input=input)
    return x / (ops.abs(x) + 1.0)


def tanhshrink(input: Any) -> Tensor:
    """x - tanh(x), elementwise.

    Example:
        >>> tanhshrink(Tensor([0.0, 1000.0])).tolist()
        [0.0, 999.0]
    """
    (x,) = floating("tanhshrink", input=input)
    return x - ops.tanh(x)


def _halves(op: str, input: Any, dim: int) -> tuple[Tensor, Tensor]:
    (x,) = floating(op, input=input)
    axis = shapes.normalise_axis(dim, x.ndim, op)
    length = x.shape[axis]
    if length % 2:
        raise ShapeError(
            f"{op}: axis {dim} of input {x.shape} has {length} elements, it must be an even number",
            fix="make the layer before it twice as wide as the output you want",
        )
    every = (slice(None),) * axis
    first = ops.take_slice(x, key=(*every, slice(0, length // 2)))
    return first, ops.take_slice(x, key=(*every, slice(length // 2, length)))


def glu(input: Any, dim: int = -1) -> Tensor:
    """Gated linear unit: the first half of an axis times the sigmoid of the second half.

    Args:
        input: floating, with an even number of elements along `dim`.
        dim:   the axis to halve.

    Example:
        >>> glu(Tensor([2.0, 4.0, 0.0, 1000.0])).tolist()
        [1.0, 4.0]

    Source: Dauphin et al. 2017, arXiv:1612.08083.
    """
    value, gate = _halves("glu", input, dim)
    return value * ops.sigmoid(gate)


def swiglu(input: Any, dim: int = -1) -> Tensor:
    """SwiGLU: silu of the first half of an axis times the second half.

        y = silu(a) b        with (a, b) the halves of x

    With x = (h W, h V), the outputs of one linear layer of twice the width, this is Swish_1(h W) *
    (h V) of the paper. Mind the order: here the *first* half is the gate, in `glu` it is the
    second.

    Args:
        input: floating, with an even number of elements along `dim`.
        dim:   the axis to halve.

    Example:
        >>> swiglu(Tensor([0.0, 1000.0, 5.0, 2.0])).tolist()
        [0.0, 2000.0]

    Source: Shazeer 2020, arXiv:2002.05202.
    """
    gate, value = _halves("swiglu", input, dim)
    return gate * ops.sigmoid(gate) * value
