"""Initialisers of single tensors, gathered in `nn.init`.

Each function fills a tensor in place, outside the tape, and returns it.

Names, arguments and formulas are PyTorch's; `generator=` makes a draw reproducible on its own. "Fan
in" is the number of inputs of one output (axis 1 times the window), "fan out" the number of outputs
of one input (axis 0 times the window), for weights laid out as (out, in, *window).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retroprop import random, shapes
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, unknown

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "fans",
    "glorot_normal_",
    "glorot_uniform_",
    "he_normal_",
    "he_uniform_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "lecun_normal_",
    "lecun_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_LINEAR = ("linear", "identity", *(f"conv{k}{n}d" for k in ("", "_transpose") for n in (1, 2, 3)))
_GAINS = {**dict.fromkeys(_LINEAR, 1.0), "sigmoid": 1.0, "tanh": 5.0 / 3.0, "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights have to be larger to make up for what their activation takes away.

    Args:
        nonlinearity: "linear", "conv2d" (and the like), "sigmoid", "tanh", "relu", "leaky_relu",
                      "selu".
        param:        negative slope of the leaky_relu, 0.01 by default.

    Example:
        >>> calculate_gain("tanh"), round(calculate_gain("leaky_relu", 1.0), 3)
        (1.6666666666666667, 1.0)
    """
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ArgumentError(f"calculate_gain: the negative slope is {slope!r}, no number")
        return math.sqrt(2.0 / (1.0 + slope**2))
    if nonlinearity not in _GAINS:
        raise unknown("nonlinearity", nonlinearity, (*_GAINS, "relu", "leaky_relu"))
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan in, fan out) of a weight of shape (out, in, *window).

    Example:
        >>> fans(Tensor(np.zeros((8, 3, 5, 5))))
        (75, 200)
    """
    if tensor.ndim < 2:
        raise ShapeError(
            f"init: fans need a weight of two axes or more, (out, in, ...), got {tensor.shape}",
            fix="start biases and scales with zeros_, ones_ or constant_",
        )
    window = shapes.size(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _filled(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        return tensor.assign(values if isinstance(values, Tensor) else Tensor(values, tensor.dtype))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same number everywhere.

    Example:
        >>> constant_(Tensor([1.0, 2.0]), 0.5).tolist()
        [0.5, 0.5]
    """
    return _filled(tensor, np.full(tensor.shape, val, tensor.dtype))


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros.

    Example:
        >>> zeros_(Tensor([1.0, 2.0])).tolist()
        [0.0, 0.0]
    """
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones.

    Example:
        >>> ones_(Tensor([0.0, 2.0])).tolist()
        [1.0, 1.0]
    """
    return constant_(tensor, 1)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in [a, b).

    Example:
        >>> bool((uniform_(Tensor([0.0] * 9), 2.0, 3.0) >= 2.0).all())
        True
    """
    return _filled(
        tensor, random.uniform(tensor.shape, a, b, dtype=tensor.dtype, generator=generator)
    )


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normally distributed.

    Example:
        >>> normal_(Tensor([1.0, 2.0]), mean=5.0, std=0.0).tolist()
        [5.0, 5.0]
    """
    drawn = random.normal(tensor.shape, mean, std, dtype=tensor.dtype, generator=generator)
    return _filled(tensor, drawn)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Normally distributed given that it lies in [a, b]; the bounds are not multiples of std.

    Example:
        >>> drawn = trunc_normal_(Tensor([0.0] * 99), std=5.0)
        >>> float(np.abs(drawn.numpy()).max()) <= 2.0
        True
    """
    return _filled(
        tensor,
        random.truncated_normal(
            tensor.shape, mean, std, a, b, dtype=tensor.dtype, generator=generator
        ),
    )


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in ±gain sqrt(6 / (fan in + fan out)): for tanh and sigmoid.

    Example:
        >>> bool((xavier_uniform_(Tensor(np.ones((3, 3)))) < 1.0).all())
        True

    Source: Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural
        networks".
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with standard deviation gain sqrt(2 / (fan in + fan out)): for tanh and sigmoid.

    Example:
        >>> xavier_normal_(Tensor(np.ones((5, 6)))).shape
        (5, 6)

    Source: Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural
        networks".
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / max(1, sum(fans(tensor))))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Uniform in ±gain sqrt(3 / fan): for the relu and its relatives.

    Args:
        tensor:       (out, in, *window).
        a:            negative slope of the leaky_relu that follows; 0 is the relu.
        mode:         "fan_in" keeps the size of the signal forward, "fan_out" that of the gradient
                      backward.
        nonlinearity: what follows; gives the gain, see `calculate_gain`.
        generator:    random generator; the default one when None.

    Example:
        >>> bool((kaiming_uniform_(Tensor(np.ones((5, 6)))) <= 1.0).all())
        True

    Source: He et al. 2015, arXiv:1502.01852.
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan); arguments as those of `kaiming_uniform_`.

    Example:
        >>> kaiming_normal_(Tensor(np.ones((5, 6)))).shape
        (5, 6)

    Source: He et al. 2015, arXiv:1502.01852.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise unknown("mode", mode, ("fan_in", "fan_out"))
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(1, fan))


def lecun_uniform_(tensor: Tensor, generator: Any = None) -> Tensor:
    """Uniform in ±sqrt(3 / fan in).

    Example:
        >>> bool((lecun_uniform_(Tensor(np.ones((5, 3)))) <= 1.0).all())
        True

    Source: LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.6.
    """
    bound = math.sqrt(3.0 / max(1, fans(tensor)[0]))
    return uniform_(tensor, -bound, bound, generator)


def lecun_normal_(tensor: Tensor, generator: Any = None) -> Tensor:
    """Normal with standard deviation 1 / sqrt(fan in): what the selu asks for.

    Example:
        >>> lecun_normal_(Tensor(np.ones((5, 3)))).shape
        (5, 3)

    Source: LeCun, Bottou, Orr, Müller 1998, section 4.6; Klambauer et al. 2017, arXiv:1706.02515.
        Differs: not truncated.
    """
    return normal_(tensor, 0.0, 1.0 / math.sqrt(max(1, fans(tensor)[0])), generator)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Rows (or columns, if fewer) of length `gain` at right angles; axes from 1 on count as one.

    Example:
        >>> w = orthogonal_(Tensor(np.ones((2, 3)))).numpy()
        >>> bool(np.abs(w @ w.T - np.eye(2)).max() < 1e-6)
        True

    Source: Saxe, McClelland, Ganguli 2014, arXiv:1312.6120; uniform by Mezzadri 2007,
        arXiv:math-ph/0609050.
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: needs two axes or more, got {tensor.shape}")
    if not tensor.size:
        return tensor
    rows = tensor.shape[0]
    drawn = random.normal((rows, tensor.size // rows), dtype="float64", generator=generator)
    matrix = drawn.numpy() if rows >= tensor.size // rows else drawn.numpy().T
    q, r = np.linalg.qr(matrix)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    q = q if rows >= tensor.size // rows else q.T
    return _filled(tensor, (gain * q).reshape(tensor.shape).astype(tensor.dtype))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """A matrix that is normal with a share of zeros in each column, at random places.

    Args:
        tensor:    (rows, columns).
        sparsity:  the share of zeros in each column, from 0 to 1; rounded up.
        std:       standard deviation of the rest.
        generator: random generator; the default one when None.

    Example:
        >>> (sparse_(Tensor(np.ones((4, 2))), 0.5).numpy() == 0).sum(axis=0).tolist()
        [2, 2]

    Source: Martens 2010, "Deep learning via Hessian-free optimization".
    """
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: needs a matrix, got {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise ArgumentError(f"sparse_: sparsity lies between 0 and 1, it is {sparsity}")
    values = random.normal(tensor.shape, 0.0, std, dtype=tensor.dtype, generator=generator)
    keys = random.uniform(tensor.shape, dtype="float64", generator=generator).numpy()
    ranks = keys.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    kept = ranks >= math.ceil(sparsity * tensor.shape[0])
    return _filled(tensor, np.where(kept, values.numpy(), np.zeros((), tensor.dtype)))


def eye_(tensor: Tensor) -> Tensor:
    """The identity: ones on the diagonal of a matrix, zeros elsewhere.

    Example:
        >>> eye_(Tensor(np.zeros((2, 3)))).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: needs a matrix, got {tensor.shape}", fix="dirac_ is for windows")
    return _filled(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The identity of a convolution: each channel passes through the middle of the window.

    Args:
        tensor: (out, in, *window) with one to three axes of window.
        groups: of the convolution; each keeps its own channels.

    Example:
        >>> dirac_(Tensor(np.zeros((1, 1, 3)))).tolist()
        [[[0.0, 1.0, 0.0]]]
    """
    if tensor.ndim not in (3, 4, 5):
        raise ShapeError(f"dirac_: needs (out, in, *window) of 3 to 5 axes, got {tensor.shape}")
    out, inside, *window = tensor.shape
    if groups < 1 or out % groups:
        raise ArgumentError(f"dirac_: {out} output channels do not divide into {groups} groups")
    values = np.zeros(tensor.shape, tensor.dtype)
    middle = tuple(n // 2 for n in window)
    for channel in range(out):
        own = channel % (out // groups)
        if own < inside:
            values[(channel, own, *middle)] = 1
    return _filled(tensor, values)


glorot_uniform_, glorot_normal_ = xavier_uniform_, xavier_normal_
he_uniform_, he_normal_ = kaiming_uniform_, kaiming_normal_
