"""Dropout: random elements, or whole channels, set aside during training."""

from __future__ import annotations

from typing import Any

from retroprop import random
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional.activation import placed

__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "dropout_nd",
    "feature_alpha_dropout",
]

Shape = tuple[int, ...]

# The value that SELU tends to far left, -scale * alpha: what alpha dropout puts for what it drops.
_SATURATED = -1.7580993408473766


def _probability(name: str, p: float) -> float:
    if not 0 <= p <= 1:
        raise ArgumentError(f"{name}: p is {p}, a probability is from 0 to 1")
    return p


def _dropped(name: str, x: Tensor, p: float, training: bool, shape: Shape) -> Tensor:
    """x times a random mask of a shape that broadcasts, scaled so that the mean stays."""
    if _probability(name, p) == 0 or not training:
        return x
    if p == 1:
        return x * 0.0
    return x * (random.bernoulli(shape, 1 - p, dtype=x.dtype) * (1 / (1 - p)))


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set elements to 0 with probability p and scale the others by 1 / (1 - p).

    Args:
        input:    any shape.
        p:        the probability of being dropped.
        training: False returns the input as it is.
        inplace:  True also puts the result into the input's cell.

    Example:
        >>> sorted(set(dropout(Tensor([1.0] * 100), 0.5).tolist()))
        [0.0, 2.0]

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent overfitting".
    """
    x = asarray(input)
    y = _dropped("dropout", x, p, training, x.shape)
    return placed(input, y, inplace and y is not x)


def dropout_nd(count: int, input: Any, p: float, training: bool, inplace: bool = False) -> Tensor:
    """Set whole channels of `count` spatial axes to 0; see `dropout2d`."""
    x, name = asarray(input), f"dropout{count}d"
    if x.ndim not in {count + 1, count + 2}:
        raise ShapeError(
            f"{name}: {x.shape} is no (batch, channels, *spatial) with {count} spatial axes",
            fix="use dropout to drop single elements",
        )
    shape = (*x.shape[:-count], *(1,) * count)
    y = _dropped(name, x, p, training, shape)
    return placed(input, y, inplace and y is not x)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels of (batch, channels, length) to 0; see `dropout2d`.

    Example:
        >>> dropout1d(Tensor([[[1.0, 1.0]]]), 1.0).tolist()
        [[[0.0, 0.0]]]
    """
    return dropout_nd(1, input, p, training, inplace)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels to 0 with probability p and scale the others by 1 / (1 - p).

    Args:
        input:    (batch, channels, height, width), or one sample without batch axis.
        p:        the probability of being dropped.
        training: False returns the input as it is.
        inplace:  True also puts the result into the input's cell.

    Example:
        >>> dropout2d(Tensor([[[[1.0, 1.0]]]]), 0.5, training=False).tolist()
        [[[[1.0, 1.0]]]]

    Source: Tompson et al. 2014, arXiv:1411.4280.
    """
    return dropout_nd(2, input, p, training, inplace)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels of (batch, channels, depth, height, width) to 0; see `dropout2d`.

    Example:
        >>> dropout3d(Tensor([[[[[1.0, 1.0]]]]]), 1.0).tolist()
        [[[[[0.0, 0.0]]]]]
    """
    return dropout_nd(3, input, p, training, inplace)


def _saturated(x: Tensor, p: float, training: bool, shape: Shape) -> Tensor:
    """Dropped elements put to SELU's limit, then all moved so that mean and variance stay."""
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0.0
    scale = ((1 - p) * (1 + p * _SATURATED**2)) ** -0.5
    kept = random.bernoulli(shape, 1 - p, dtype=x.dtype)
    shift = kept * (-scale * _SATURATED) + scale * _SATURATED * (1 - p)
    y: Tensor = x * (kept * scale) + shift
    return y


def alpha_dropout(
    input: Any,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Dropout for SELU networks: it keeps mean 0 and variance 1.

    Args:
        input:    any shape.
        p:        the probability of being dropped.
        training: False (the default, as in PyTorch) returns the input as it is.
        inplace:  True also puts the result into the input's cell.

    Example:
        >>> import retroprop as rp
        >>> y = alpha_dropout(rp.random.normal((10000,)), 0.3, training=True)
        >>> abs(rp.mean(y).item()) < 0.05, abs(rp.std(y).item() - 1) < 0.05
        (True, True)

    Source: Klambauer et al. 2017, arXiv:1706.02515.
    """
    x = asarray(input)
    y = _saturated(x, _probability("alpha_dropout", p), training, x.shape)
    return placed(input, y, inplace and y is not x)


def feature_alpha_dropout(
    input: Any,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Alpha dropout of whole channels of (batch, channels, *spatial); see `alpha_dropout`.

    Example:
        >>> feature_alpha_dropout(Tensor([[[1.0, 1.0]]]), 0.5).tolist()
        [[[1.0, 1.0]]]
    """
    x = asarray(input)
    if x.ndim < 2:
        raise ShapeError(f"feature_alpha_dropout expects (batch, channels, ...), got {x.shape}")
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2))
    y = _saturated(x, _probability("feature_alpha_dropout", p), training, shape)
    return placed(input, y, inplace and y is not x)
