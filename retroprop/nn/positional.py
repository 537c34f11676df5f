"""Positions told to attention, which does not see order by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.dropout import Dropout
from retroprop.nn.module import Module
from retroprop.nn.parameter import Buffer
from retroprop.ops.movement import concatenate, reshape, split, take_slice

__all__ = ["PositionalEncoding", "RotaryEmbedding", "turned"]


def _angles(max_len: int, features: int, base: float) -> np.ndarray[Any, Any]:
    """position / base^(2 i / features): (max_len, ceil(features / 2))."""
    if max_len < 1 or features < 1:
        raise ArgumentError(f"positions: {max_len} of {features} features, both must be above 0")
    exponents = np.arange(0, features, 2) / features
    return np.arange(max_len)[:, None] * base**-exponents


class PositionalEncoding(Module):
    """Adds waves of the position to the features, from fast to slow, then drops some out.

        y = dropout(x + pe)
        pe[p, 2 i] = sin(p / base^(2 i / d_model)),  pe[p, 2 i + 1] = cos(p / base^(2 i / d_model))

    Args:
        d_model:     features.
        dropout:     probability of dropping an element, in training.
        max_len:     positions that are made ready.
        batch_first: whether inputs are (batch, time, features) instead of (time, batch, features).
        base:        of the wave lengths, which go from 2 pi to 2 pi base.
        dtype:       of the table; float32 by default.

    Attributes:
        pe: (max_len, d_model), a buffer that is not saved.

    Shape: (time, batch, d_model), or (time, d_model) -> the same.

    Raises:
        ShapeError: "PositionalEncoding: 600 positions, it was made for 512".

    Example:
        >>> import retroprop as rp
        >>> PositionalEncoding(4, dropout=0.0)(rp.zeros((2, 4)))[0].tolist()
        [0.0, 1.0, 0.0, 1.0]

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """

    def __init__(
        self,
        d_model: int,
        dropout: float = 0.1,
        max_len: int = 5000,
        batch_first: bool = False,
        *,
        base: float = 10000.0,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.d_model = d_model
        self.max_len = max_len
        self.batch_first = batch_first
        self.base = base
        self.dropout = Dropout(dropout)
        angles = _angles(max_len, d_model, base)
        table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(max_len, -1)
        kind = dtypes.default_float if dtype is None else dtype
        self.pe = Buffer(table[:, :d_model], kind, persistent=False)

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        if x.ndim not in {2, 3} or x.shape[-1] != self.d_model:
            axes = "batch, time" if self.batch_first else "time, batch"
            raise ShapeError(
                f"PositionalEncoding expects ({axes}, {self.d_model} features), got {x.shape}",
                fix=f"make it nn.PositionalEncoding({x.shape[-1]})" if x.ndim in {2, 3} else None,
            )
        time_axis = 1 if self.batch_first and x.ndim == 3 else 0
        time = x.shape[time_axis]
        if time > self.max_len:
            turned = x.ndim == 3 and x.shape[1 - time_axis] <= self.max_len
            raise ShapeError(
                f"PositionalEncoding: {time} positions, it was made for {self.max_len}",
                fix=f"make it with max_len={time}"
                + f", or batch_first={not self.batch_first}" * turned,
            )
        pe = take_slice(self.pe, key=(slice(0, time),))
        if x.ndim == 3 and not self.batch_first:
            pe = reshape(pe, (time, 1, self.d_model))
        return self.dropout(x + pe)

    def extra_repr(self) -> str:
        return f"{self.d_model}, max_len={self.max_len}, batch_first={self.batch_first}"


def turned(x: Tensor, cos: Tensor, sin: Tensor, axis: int = -1) -> Tensor:
    """The halves of an axis as pairs, each turned by an angle.

    Args:
        cos, sin: of the angles; broadcast to a half.

    Example:
        >>> turned(Tensor([3.0, 4.0]), Tensor(0.0), Tensor(1.0)).tolist()
        [-4.0, 3.0]
    """
    a, b = split(x, sizes=(x.shape[axis] // 2,) * 2, axis=axis)
    y: Tensor = concatenate(a * cos - b * sin, a * sin + b * cos, axis=axis)
    return y


class RotaryEmbedding(Module):
    """Turns pairs of features by an angle that grows with the position.

        (a, b) -> (a cos t - b sin t, a sin t + b cos t)    t = position / base^(2 i / features)

    Applied to queries and keys, their products depend on the distance of their positions alone.

    Args:
        features:    of a head, even.
        max_len:     positions that are made ready.
        base:        of the wave lengths.
        interleaved: whether pair i is the features 2 i and 2 i + 1, as in the paper, instead of i
                     and i + features / 2, as in most later models.
        dtype:       of the tables; float32 by default.

    Attributes:
        cos, sin: (max_len, features / 2), buffers that are not saved.

    Shape: (..., time, features), such as (batch, heads, time, features) -> the same. `offset` is
    the position of the first step.

    Example:
        >>> import retroprop as rp
        >>> RotaryEmbedding(2)(rp.asarray([[1.0, 0.0], [1.0, 0.0]])).numpy().round(3).tolist()
        [[1.0, 0.0], [0.5400000214576721, 0.8410000205039978]]

    Source: Su et al. 2021, arXiv:2104.09864.
    """

    def __init__(
        self,
        features: int,
        max_len: int = 2048,
        base: float = 10000.0,
        interleaved: bool = False,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if features % 2:
            raise ArgumentError(f"RotaryEmbedding: {features} features do not make pairs")
        self.features = features
        self.max_len = max_len
        self.base = base
        self.interleaved = interleaved
        angles = _angles(max_len, features, base)
        kind = dtypes.default_float if dtype is None else dtype
        self.cos = Buffer(np.cos(angles), kind, persistent=False)
        self.sin = Buffer(np.sin(angles), kind, persistent=False)

    def forward(self, x: Any, offset: int = 0) -> Tensor:
        x = asarray(x)
        if x.ndim < 2 or x.shape[-1] != self.features:
            raise ShapeError(
                f"RotaryEmbedding expects (..., time, {self.features} features), got {x.shape}"
            )
        time = x.shape[-2]
        if offset < 0 or offset + time > self.max_len:
            raise ShapeError(
                f"RotaryEmbedding: positions {offset} to {offset + time - 1}, it was made for 0 to "
                f"{self.max_len - 1}",
                fix=f"make it with max_len={offset + time}",
            )
        key = (slice(offset, offset + time),)
        cos, sin = take_slice(self.cos, key=key), take_slice(self.sin, key=key)
        half = self.features // 2
        if not self.interleaved:
            return turned(x, cos, sin)
        pairs = reshape(x, (*x.shape[:-1], half, 2))
        cos, sin = (reshape(table, (time, half, 1)) for table in (cos, sin))
        return reshape(turned(pairs, cos, sin), x.shape)

    def extra_repr(self) -> str:
        return f"{self.features}, max_len={self.max_len}, interleaved={self.interleaved}"
