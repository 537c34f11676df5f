"""How well the next symbol is predicted: perplexity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retroprop.errors import ArgumentError
from retroprop.metrics.base import Metric
from retroprop.metrics.inputs import IGNORED, labelled

__all__ = ["Perplexity", "perplexity"]


class Perplexity(Metric):
    """Among how many equally likely symbols the model is, on average, undecided.

        perplexity = exp(sum_i weight_i cross_entropy_i / sum_i weight_i)

    1 is perfect; a model that guesses evenly has the number of classes. The mean of the cross-
    entropy runs over the epoch, the exponential is taken once, at the end.
    prediction is (n, classes[, positions...]) logits or log-probabilities (not probabilities),
    target (n[, positions...]) class indices.

    Args:
        ignore_index: rows with this label (padding) do not count; None: there are none.

    Example:
        >>> metric = Perplexity()
        >>> metric.update(np.zeros((5, 4)), [0, 1, 2, 3, 0])
        >>> round(metric.compute(), 6)
        4.0
    """

    name = "perplexity"
    greater_is_better = False
    _options = ("ignore_index",)

    def __init__(self, *, ignore_index: int | None = IGNORED) -> None:
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._sum = self._total = 0.0

    def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
        """Take in logits and true classes of one batch."""
        batch = labelled(self.name, prediction, target, weight, self.ignore_index)
        if batch.kind != "classes":
            raise ArgumentError("perplexity: prediction must be logits (n, classes)")
        cost = _cross_entropy(batch.scores.astype(np.float64), batch.labels)
        if batch.weight is not None:
            cost = np.where(batch.weight == 0, 0.0, cost * batch.weight)
        self._sum += float(cost.sum())
        self._total += cost.size if batch.weight is None else float(batch.weight.sum())

    def compute(self) -> float:
        """The perplexity; NaN without rows, infinite when a true class was ruled out."""
        if not self._total:
            return float("nan")
        mean = self._sum / self._total
        return math.exp(mean) if mean < 709 else mean * math.inf  # exp(709) is the last float64


def perplexity(
    prediction: Any, target: Any, weight: Any = None, *, ignore_index: int | None = IGNORED
) -> float:
    """Exponential of the mean cross-entropy; see `Perplexity`.

    Example:
        >>> round(perplexity([[0.0, 0.0]], [1]), 6)
        2.0
    """
    metric = Perplexity(ignore_index=ignore_index)
    metric.update(prediction, target, weight)
    return metric.compute()


def _cross_entropy(logits: Any, labels: Any) -> Any:
    """(n,) -log softmax(logits)[label]; -inf logits are classes ruled out."""
    with np.errstate(invalid="ignore"):
        shifted = logits - logits.max(axis=1, keepdims=True)
        own = shifted[np.arange(len(labels)), labels]
        return np.log(np.exp(shifted).sum(axis=1)) - own
