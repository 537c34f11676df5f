"""The network that forecasts: a reader of the past, and a head that says three quantiles."""

from __future__ import annotations

from typing import Any

import retroprop as rp
from retroprop import nn
from retroprop.errors import unknown
from retroprop.nn import functional as F

__all__ = ["MODELS", "QUANTILES", "Forecaster", "TemporalBlock", "band_loss", "price_loss"]

QUANTILES = (0.1, 0.5, 0.9)
MODELS = ("gru", "lstm", "tcn")


class TemporalBlock(nn.Module):
    """Two causal convolutions over time with a shortcut: y(t) looks at x up to t.

    Args:
        channels: of input and output, (batch, channels, time).
        kernel:   taps of each convolution.
        dilation: steps between taps.
        dropout:  share of channels' values dropped after each convolution.

    Example:
        >>> block = TemporalBlock(4, 3, 2, 0.0)
        >>> block(rp.zeros((1, 4, 9))).shape
        (1, 4, 9)

    Source: Bai, Kolter, Koltun 2018, arXiv:1803.01271. Differs: no weight normalisation.
    """

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        reach = (kernel - 1) * dilation
        layers: list[nn.Module] = []
        for _ in range(2):
            layers.append(nn.ConstantPad1d((reach, 0), 0.0))
            layers.append(nn.Conv1d(channels, channels, kernel, dilation=dilation))
            layers += [nn.ReLU(), nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        """(batch, channels, time) to the same."""
        return x + self.body(x)


class _Convolutions(nn.Module):
    """Blocks of doubling dilation, until the last output looks at the whole window."""

    def __init__(self, features: int, window: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv1d(features, hidden, 1)
        blocks: list[nn.Module] = []
        seen, dilation = 1, 1
        while seen < window and len(blocks) < 8:
            blocks.append(TemporalBlock(hidden, 3, dilation, dropout))
            seen, dilation = seen + 4 * dilation, 2 * dilation
        self.blocks: nn.Module = nn.Sequential(*blocks)

    def forward(self, past: Any) -> Any:
        """(batch, time, features) to (batch, hidden)."""
        x = self.first(past.mT)
        return self.blocks(x)[:, :, -1]


class Forecaster(nn.Module):
    """Reads a window and says, for each step ahead, three quantiles; of prices a variance too.

    The median is a sum of three parts: a linear map of the changes in the window, a linear map of
    other naive forecasts of the step, and what the network adds. The other quantiles lie a positive
    distance below and above it, so they never cross. All begin near the naive forecast.

    Args:
        model:    "gru", "lstm" or "tcn".
        features: of past, ahead and now (see `Recipe.inputs`).
        window, horizon: steps.
        fold:     steps of the window that are read at once, such as the 24 hours of a day.
        hidden:   size of the state.
        layers:   of gru and lstm.
        dropout:  share dropped between the parts.
        finance:  adds the logarithm of the variance of each step's return, which begins at the
                  last feature of ahead (that of GARCH).

    Example:
        >>> net = Forecaster("gru", (3, 5, 2), 12, 4, 8, 1, 0.0, fold=6)
        >>> net(rp.zeros((2, 12, 3)), rp.zeros((2, 4, 5)), rp.zeros((2, 2))).shape
        (2, 4, 3)
    """

    def __init__(
        self,
        model: str,
        features: tuple[int, int, int],
        window: int,
        horizon: int,
        hidden: int,
        layers: int,
        dropout: float,
        *,
        fold: int = 1,
        finance: bool = False,
    ) -> None:
        super().__init__()
        if model not in MODELS:
            raise unknown("model", model, MODELS)
        past, ahead, now = features
        self.model, self.horizon, self.finance, self.width = model, horizon, finance, 16
        self.folded = (window // fold, past * fold)
        if model == "tcn":
            self.reader: Any = _Convolutions(past * fold, window // fold, hidden, dropout)
        else:
            kind = nn.GRU if model == "gru" else nn.LSTM
            self.reader = kind(past * fold, hidden, layers, batch_first=True)
        self.linear, self.others = nn.Linear(window, horizon), nn.Linear(ahead, 1, bias=False)
        self.drop = nn.Dropout(dropout)
        self.context = nn.Linear(hidden + now, horizon * self.width)
        self.head = nn.Sequential(
            nn.Linear(self.width + ahead, 64), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(64, 4 if finance else 3),
        )  # fmt: skip
        for part in (self.linear, self.others, self.head[3]):
            nn.init.zeros_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        nn.init.normal_(self.head[3].weight, std=0.01)  # of zeros no gradient would come through

    def forward(self, past: Any, ahead: Any, now: Any) -> Any:
        """Quantiles 0.1, 0.5, 0.9 (and log variance): (batch, horizon, 3 or 4)."""
        steps = rp.reshape(past, (-1, *self.folded))
        read = self.reader(steps) if self.model == "tcn" else self.reader(steps)[0][:, -1]
        state = self.context(rp.concat([self.drop(read), now], axis=1))
        state = rp.reshape(state, (-1, self.horizon, self.width))
        said = self.head(rp.concat([F.silu(state), ahead], axis=2))
        straight = rp.expand_dims(self.linear(past[:, :, 0]), axis=2) + self.others(ahead)
        median = straight + said[:, :, 0:1]
        lower = median - F.softplus(said[:, :, 1:2] + 1.0)
        upper = median + F.softplus(said[:, :, 2:3] + 1.0)
        parts = [lower, median, upper]
        if self.finance:
            parts.append(ahead[:, :, -1:] + said[:, :, 3:4])
        return rp.concat(parts, axis=2)


def band_loss(prediction: Any, target: Any) -> Any:
    """Mean pinball loss of the three quantiles over the steps that are known.

    Args:
        prediction: (batch, horizon, 3).
        target:     (batch, horizon, 2): values, and 1 where they are known.

    Example:
        >>> round(band_loss(rp.zeros((1, 1, 3)), rp.asarray([[[1.0, 1.0]]])).item(), 4)
        0.5
    """
    each = F.quantile_loss(prediction[:, :, :3], target[:, :, 0], list(QUANTILES), reduction="none")
    known = target[:, :, 1:2]
    return rp.sum(each * known) / (3.0 * rp.sum(known) + 1e-6)


def price_loss(prediction: Any, target: Any) -> Any:
    """As `band_loss`, with QLIKE of the variance: log v + r²/v, a tenth of it.

    Args:
        prediction: (batch, horizon, 4): quantiles, log v.
        target:     (batch, horizon, 3): values, whether they are known, returns of single steps.

    Example:
        >>> price_loss(rp.zeros((1, 1, 4)), rp.zeros((1, 1, 3))).item()
        0.0
    """
    log_variance = prediction[:, :, 3]
    square = target[:, :, 2] * target[:, :, 2]
    known = target[:, :, 1]
    each = (log_variance + square * (-log_variance).exp()) * known
    return band_loss(prediction, target) + 0.1 * rp.sum(each) / (rp.sum(known) + 1e-6)
