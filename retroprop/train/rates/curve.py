"""The curve of a range test: the loss while the learning rate rises, of several seeds, smoothed.

Each loss is compared with the loss of the same batch before training: what makes one batch harder
than another cancels, and the beginning of the fall stands out of the noise. Smoothing is a window
that looks both ways; a moving average would shift everything to larger rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["SURE", "Curve", "curve", "smoothed"]

Array = np.ndarray[Any, Any]

_WINDOW = 0.02  # standard deviation of the window, as a share of the curve
_CLEAR = 0.1  # of the whole fall: where it begins
SURE = 4.0  # standard errors that a fall must have
_HIGHEST = 1.0  # falls above the start: what is higher counts as so high


def smoothed(values: Array, width: float) -> Array:
    """Averages over a Gaussian window that ends where the values end.

    Args:
        values: (..., n).
        width:  the standard deviation of the window, in values.

    Example:
        >>> smoothed(np.array([1.0, 1.0, 4.0, 1.0]), 0.0).tolist()
        [1.0, 1.0, 4.0, 1.0]
        >>> smoothed(np.array([1.0, 1.0, 1.0]), 2.0).round(12).tolist()
        [1.0, 1.0, 1.0]
    """
    if width <= 0:
        return values
    at = np.arange(values.shape[-1])
    window = np.exp(-0.5 * ((at[:, None] - at) / width) ** 2)
    averages: Array = values @ (window / window.sum(axis=0))
    return averages


class Curve(NamedTuple):
    """What a range test saw.

    Attributes:
        rates:  (n,) rising.
        losses: (seeds, n) at each, the difference between batches taken out, cut off far above.
        mean:   (n,) smoothed, over the seeds.
        error:  (n,) standard error of the mean.
        start:  the loss before training.
        ended:  whether it ended before the last rate: the loss was not finite or far too high.
    """

    rates: Array
    losses: Array
    mean: Array
    error: Array
    start: float
    ended: bool

    @property
    def lowest(self) -> int:
        """Where the smoothed loss is lowest."""
        return int(np.argmin(self.mean))

    @property
    def fall(self) -> float:
        """How far the loss falls."""
        return float(self.start - self.mean[self.lowest])

    @property
    def is_clear(self) -> bool:
        """Whether the loss falls by more than noise and rounding explain."""
        rounding = 1e-5 * max(abs(self.start), 1e-30)
        return bool(self.fall > SURE * self.error[self.lowest] + rounding)

    @property
    def begins(self) -> int:
        """Where the loss begins to fall clearly, and does not come back before its lowest."""
        clear = np.maximum(_CLEAR * self.fall, SURE * self.error)
        above = np.flatnonzero(self.start - self.mean[: self.lowest] < clear[: self.lowest])
        return int(above[-1]) + 1 if len(above) else 0


def curve(
    rates: Array,
    sweeps: Sequence[Sequence[float]],
    before: Sequence[Sequence[float]],
    start: float,
) -> Curve:
    """The curve of some sweeps over the same rates.

    Args:
        rates:  (steps,) of the sweeps.
        sweeps: the losses of each, as many as there are until it ended.
        before: the losses of the same batches, at least, before training.
        start:  the loss that counts as the one before training.

    Example:
        >>> made = curve(
        ...     np.array([0.1, 1.0]), [[2.0, 1.5], [4.0, 3.5]], [[2.0, 2.0], [4.0, 4.0]], 3.0
        ... )
        >>> made.losses.tolist()
        [[3.0, 2.5], [3.0, 2.5]]
    """
    known = min(map(len, sweeps))
    pairs = zip(sweeps, before, strict=True)
    losses = np.array([np.subtract(s[:known], b[:known]) + start for s, b in pairs])
    ceiling = start + max(_HIGHEST * (start - float(losses.min())), 0.1 * abs(start))
    losses = np.minimum(losses, ceiling)  # or one loss of 1e30 would hide all others
    width = _WINDOW * len(rates)
    each = smoothed(losses, width)
    mean = each.mean(axis=0)
    count, window = len(losses), max(1.0, 2 * np.sqrt(np.pi) * width)
    noise = smoothed(np.square(losses - each), width).mean(axis=0) / (count * window)
    apart = each.var(axis=0, ddof=1) / count if count > 1 else np.zeros(known)
    error = np.sqrt(np.maximum(noise, apart))
    return Curve(rates[:known], losses, mean, error, start, known < len(rates))
