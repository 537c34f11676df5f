"""Dropout layers: active in training, the identity in evaluation."""

from __future__ import annotations

from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.nn.functional.dropout import (
    alpha_dropout,
    dropout,
    dropout_nd,
    feature_alpha_dropout,
)
from retroprop.nn.options import Optioned

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Optioned):
    """A probability of being dropped."""

    always_shown = ("p",)

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ArgumentError(f"{type(self).__name__}: p is {p}, a probability is from 0 to 1")
        self.p = p
        self.inplace = inplace


class Dropout(_Dropout):
    """In training, elements set to 0 with probability p and the others scaled by 1 / (1 - p).

    Args:
        p:       the probability of being dropped.
        inplace: True also puts the result into the input's cell.

    Example:
        >>> import retroprop as rp
        >>> layer = Dropout(0.25)
        >>> sorted(set(layer(rp.full((100,), 3.0)).tolist()))
        [0.0, 4.0]
        >>> layer.eval()(rp.ones((2,))).tolist()
        [1.0, 1.0]

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent overfitting".
    """

    def forward(self, x: Any) -> Tensor:
        return dropout(x, self.p, self.training, self.inplace)


class _ChannelDropout(_Dropout):
    """Dropout of whole channels, over `spatial` axes."""

    spatial = 0

    def forward(self, x: Any) -> Tensor:
        return dropout_nd(self.spatial, x, self.p, self.training, self.inplace)


class Dropout1d(_ChannelDropout):
    """In training, whole channels of (batch, channels, length) set to 0; see `Dropout`.

    Example:
        >>> import retroprop as rp
        >>> Dropout1d(1.0)(rp.ones((1, 2, 2))).tolist()
        [[[0.0, 0.0], [0.0, 0.0]]]
    """

    spatial = 1


class Dropout2d(_ChannelDropout):
    """In training, whole channels of (batch, channels, height, width) set to 0; see `Dropout`.

    Example:
        >>> import retroprop as rp
        >>> y = Dropout2d(0.5)(rp.ones((1, 4, 2, 2)))
        >>> bool(rp.all(rp.min(y, axis=(2, 3)) == rp.max(y, axis=(2, 3))))
        True

    Source: Tompson et al. 2014, arXiv:1411.4280.
    """

    spatial = 2


class Dropout3d(_ChannelDropout):
    """In training, whole channels of (batch, channels, depth, height, width) set to 0.

    Example:
        >>> import retroprop as rp
        >>> Dropout3d(0.5)(rp.ones((1, 4, 2, 2, 2))).shape
        (1, 4, 2, 2, 2)
    """

    spatial = 3


class AlphaDropout(_Dropout):
    """Dropout for SELU networks, which keeps mean 0 and variance 1; the arguments are `Dropout`'s.

    Example:
        >>> import retroprop as rp
        >>> abs(rp.mean(AlphaDropout(0.3)(rp.random.normal((10000,)))).item()) < 0.05
        True

    Source: Klambauer et al. 2017, arXiv:1706.02515.
    """

    def forward(self, x: Any) -> Tensor:
        return alpha_dropout(x, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of (batch, channels, *spatial).

    Example:
        >>> import retroprop as rp
        >>> FeatureAlphaDropout(0.3)(rp.ones((2, 4, 8))).shape
        (2, 4, 8)
    """

    def forward(self, x: Any) -> Tensor:
        return feature_alpha_dropout(x, self.p, self.training, self.inplace)
