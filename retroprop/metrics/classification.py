"""How often the right class is the first choice, or among the first few."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from retroprop.errors import ArgumentError
from retroprop.metrics.base import Metric
from retroprop.metrics.inputs import IGNORED, Labelled, labelled

__all__ = ["Accuracy", "TopKAccuracy", "accuracy", "top_k_accuracy"]


class _Share(Metric):
    """Weight of the rows that are right, over the weight of all rows."""

    greater_is_better = True

    def __init__(self, ignore_index: int | None) -> None:
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._right = self._total = 0.0

    def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
        """Take in scores and true classes of one batch."""
        batch = labelled(self.name, prediction, target, weight, self.ignore_index)
        right = self._is_right(batch)
        if batch.has_nan:
            self._right = float("nan")
        elif batch.weight is None:
            self._right += float(np.count_nonzero(right))
        else:
            self._right += float(batch.weight[right].sum())
        self._total += len(right) if batch.weight is None else float(batch.weight.sum())

    def compute(self) -> float:
        """The share of right rows; NaN when there are none."""
        return self._right / self._total if self._total else float("nan")

    @abstractmethod
    def _is_right(self, batch: Labelled) -> Any:
        """Which rows of a batch are right: (rows,) bool."""


class Accuracy(_Share):
    """The share of rows whose predicted class is the true one.

        accuracy = sum_i weight_i [predicted_i = target_i] / sum_i weight_i

    `update(prediction, target, weight=None)` takes
        prediction: (n, classes[, positions...]) logits or probabilities: the largest wins;
                    or (n,) binary scores, above `threshold` means class 1;
                    or (n,) integers: classes already decided.
        target:     (n[, positions...]) class indices, or (n, classes) probabilities.
        weight:     (n,) or as target; >= 0.

    Args:
        threshold:    for binary scores: 0 for logits (the default), 0.5 for probabilities.
        ignore_index: rows with this label do not count; None: there are none.

    Example:
        >>> metric = Accuracy()
        >>> metric.update([[0.1, 2.0, 0.3], [1.0, 0.0, 0.0]], [1, 2])
        >>> metric.compute()
        0.5
    """

    name = "accuracy"
    _options = ("threshold", "ignore_index")

    def __init__(self, *, threshold: float = 0.0, ignore_index: int | None = IGNORED) -> None:
        self.threshold = threshold
        super().__init__(ignore_index)

    def _is_right(self, batch: Labelled) -> Any:
        return batch.predicted(self.threshold) == batch.labels


class TopKAccuracy(_Share):
    """The share of rows whose true class is among the `k` highest scores.

    Among equal scores the class with the smaller index comes first, so that k = 1 is `Accuracy`.

    Args:
        k:            how many choices the model has; at least 1, fewer than there are classes.
        ignore_index: rows with this label do not count; None: there are none.

    Raises:
        ArgumentError: k is not smaller than the number of classes: the result would always be 1.

    Example:
        >>> metric = TopKAccuracy(k=2)
        >>> metric.update([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]], [2, 2])
        >>> metric.name, metric.compute()
        ('top_2_accuracy', 0.5)
    """

    _options = ("k", "ignore_index")

    def __init__(self, k: int = 5, *, ignore_index: int | None = IGNORED) -> None:
        if k < 1:
            raise ArgumentError(f"top_k_accuracy: k must be at least 1, got {k}")
        self.k = k
        self.name = f"top_{k}_accuracy"
        super().__init__(ignore_index)

    def _is_right(self, batch: Labelled) -> Any:
        if batch.kind != "classes" or self.k >= (batch.classes or 0):
            raise ArgumentError(
                f"{self.name}: {batch.classes or 'no'} classes are too few to choose {self.k} of",
                fix="give scores (n, classes) with more classes than k, or measure accuracy",
            )
        rows = np.arange(len(batch.labels))
        own = batch.scores[rows, batch.labels][:, None]
        earlier = np.arange(batch.scores.shape[1])[None, :] < batch.labels[:, None]
        ahead = (batch.scores > own) | ((batch.scores == own) & earlier)
        return np.count_nonzero(ahead, axis=1) < self.k


def accuracy(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    threshold: float = 0.0,
    ignore_index: int | None = IGNORED,
) -> float:
    """The share of rows whose predicted class is the true one; see `Accuracy`.

    Example:
        >>> accuracy([1.2, -0.3, 4.0], [1, 1, 1])  # binary logits
        0.6666666666666666
    """
    metric = Accuracy(threshold=threshold, ignore_index=ignore_index)
    metric.update(prediction, target, weight)
    return metric.compute()


def top_k_accuracy(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    k: int = 5,
    ignore_index: int | None = IGNORED,
) -> float:
    """The share of rows whose true class is among the `k` highest scores; see `TopKAccuracy`.

    Example:
        >>> top_k_accuracy([[0.1, 0.7, 0.2]], [2], k=2)
        1.0
    """
    metric = TopKAccuracy(k, ignore_index=ignore_index)
    metric.update(prediction, target, weight)
    return metric.compute()
