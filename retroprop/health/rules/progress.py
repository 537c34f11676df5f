"""How the loss goes: where it began, where it is, whether it still falls, and what chance gives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retroprop.health.history import History

__all__ = ["Progress", "chance_loss", "progress"]

Array = np.ndarray[Any, Any]

_FIRST = 5  # losses that tell where it began, where one is of few examples
_MANY = 8  # examples in a batch from which on the very first loss tells it
_LEAST = 20  # losses below which nothing is said
_LONGEST = 2000  # losses that are looked at, at most
_FLAT = 0.03  # a loss that falls by less than this share of itself, noise included, is flat
_LEARNT = 0.8  # of what chance gives, or of the first losses: below this something is learnt
_CLASSES = ("cross_entropy", "CrossEntropyLoss")
_BINARY = (
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "BCELoss",
    "BCEWithLogitsLoss",
)
_SQUARES = ("mse", "mse_loss", "MSELoss")


class Progress(NamedTuple):
    """The loss of a training so far.

    Attributes:
        steps:   losses that are known.
        start:   the first of them; the median of five where batches are small.
        now:     the mean of the last quarter of them, of at most 500.
        drop:    how much that is below the quarter before, as a share of it.
        noise:   the standard error of `drop`.
        spread:  the standard deviation of the last losses, as a share of their mean.
        chance:  the loss of the best answer that does not look at its inputs, or None.
        is_new:  whether these are the first steps of the training: it was not resumed.
    """

    steps: int
    start: float
    now: float
    drop: float
    noise: float
    spread: float
    chance: float | None
    is_new: bool

    @property
    def level(self) -> float:
        """The loss as a share of that of chance, or of the first losses where it is not known."""
        reference = self.start if self.chance is None else self.chance
        return self.now / reference if reference > 0 else 0.0

    @property
    def is_stuck(self) -> bool:
        """Whether nothing much has been learnt yet."""
        return self.level >= _LEARNT and (self.is_new or self.chance is not None)

    @property
    def is_flat(self) -> bool:
        """Whether the loss has stopped falling, as far as its noise lets one tell."""
        return self.drop + self.noise < _FLAT


def progress(history: History) -> Progress | None:
    """How the loss goes; None before there are 20 losses, and for losses below 0.

    Example:
        >>> history = History()
        >>> history.losses = [1.0] * 40
        >>> made = progress(history)
        >>> made.level, made.is_flat, made.is_stuck
        (1.0, True, True)
    """
    losses = np.asarray(history.losses[-_LONGEST:], float)
    if len(losses) < _LEAST or not np.isfinite(losses).all() or losses.min() < 0:
        return None
    quarter = len(losses) // 4
    before, last = losses[-2 * quarter : -quarter], losses[-quarter:]
    scale = max(float(before.mean()), 1e-30)
    noise = np.sqrt((before.var() + last.var()) / quarter) / scale
    is_new = not history.events or history.events[-1] <= len(history.losses)
    now = float(last.mean())
    return Progress(
        len(history.losses),
        _start(history),
        now,
        float((scale - now) / scale),
        float(noise),
        float(last.std() / max(now, 1e-30)),
        chance_loss(history),
        is_new,
    )


def _start(history: History) -> float:
    is_large = history.facts.get("batch_size", 1) >= _MANY
    return float(np.median(history.losses[: 1 if is_large else _FIRST]))


def chance_loss(history: History) -> float | None:
    """The loss of the best answer that is the same for all inputs; None where it is not known.

    For classes the entropy of their shares, ln(classes) when all are equally frequent; for squares
    the variance of the targets.
    """
    loss = history.facts.get("loss")
    if loss in _CLASSES:
        shares = _mean(history, "classes")
        return None if shares is None else _entropy(shares)
    mean, square = _mean(history, "target mean"), _mean(history, "target square")
    if mean is None or square is None:
        return None
    if loss in _BINARY:
        return float(np.mean([_entropy(np.array([1 - one, one])) for one in mean.clip(0, 1)]))
    return float(np.mean(square - mean**2)) if loss in _SQUARES else None


def _mean(history: History, what: str) -> Array | None:
    """The mean of a statistic of the targets over the last events, shorter ones filled with 0."""
    seen = history.recent(what, "")
    if not seen:
        return None
    longest = max(len(one) for one in seen)
    return np.mean([np.pad(one, (0, longest - len(one))) for one in seen], axis=0, dtype=float)


def _entropy(shares: Array) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
