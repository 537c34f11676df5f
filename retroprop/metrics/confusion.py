"""Which class is taken for which, and what follows from it: precision, recall, F1."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import ArgumentError, IndexRangeError, unknown
from retroprop.metrics.base import Metric
from retroprop.metrics.inputs import IGNORED, labelled

__all__ = [
    "F1",
    "ClassScores",
    "ConfusionMatrix",
    "Precision",
    "Recall",
    "class_scores",
    "confusion_matrix",
    "f1",
    "precision",
    "recall",
]

AVERAGES = ("macro", "micro", "weighted", "binary")


class ConfusionMatrix(Metric):
    """How often each class was predicted for each true class.

    `compute()` gives (classes, classes): rows are true classes, columns predicted ones; int64
    counts, or float64 sums when weights were given. All zero for an epoch without rows.
    Predictions and targets are those of `Accuracy`.

    Args:
        classes:      how many there are; None: as many as the prediction has columns, or as occur.
        threshold:    for binary scores: 0 for logits (the default), 0.5 for probabilities.
        ignore_index: rows with this label do not count; None: there are none.

    Example:
        >>> metric = ConfusionMatrix()
        >>> metric.update([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
        >>> metric.compute().tolist()
        [[1, 0], [1, 1]]
    """

    name = "confusion_matrix"
    greater_is_better: bool | None = None
    _options: tuple[str, ...] = ("classes", "threshold", "ignore_index")

    def __init__(
        self,
        classes: int | None = None,
        *,
        threshold: float = 0.0,
        ignore_index: int | None = IGNORED,
    ) -> None:
        if classes is not None and classes < 1:
            raise ArgumentError(f"{self.name}: classes must be at least 1, got {classes}")
        self.classes = classes
        self.threshold = threshold
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        size = self.classes or 0
        self._matrix = np.zeros((size, size))
        self._weighted = self._has_nan = False

    def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
        """Take in scores and true classes of one batch."""
        batch = labelled(self.name, prediction, target, weight, self.ignore_index)
        predicted = batch.predicted(self.threshold)
        seen = 1 + max(batch.labels.max(initial=-1), predicted.max(initial=-1))
        size = max(int(seen), batch.classes or 0, len(self._matrix))
        if self.classes is not None and size > self.classes:
            raise IndexRangeError(f"{self.name}: class {size - 1} of only {self.classes} classes")
        grown = size - len(self._matrix)
        self._matrix = np.pad(self._matrix, (0, grown))
        cells = np.bincount(batch.labels * size + predicted, batch.weight, minlength=size * size)
        self._matrix += cells.reshape(size, size)
        self._weighted |= batch.weight is not None
        self._has_nan |= batch.has_nan

    def compute(self) -> Any:
        """(classes, classes), rows true, columns predicted."""
        if self._has_nan:
            return np.full_like(self._matrix, np.nan)
        return self._matrix.copy() if self._weighted else self._matrix.astype(np.int64)


class ClassScores(NamedTuple):
    """Scores of each class, (classes,) float64; NaN for a class that does not occur at all."""

    precision: Any
    recall: Any
    f1: Any
    support: Any


def class_scores(matrix: Any, *, zero_division: float = 0.0) -> ClassScores:
    """Precision, recall, F1 and support of each class, from a confusion matrix.

        precision = right / predicted    recall = right / occurring    f1 = their harmonic mean

    Args:
        matrix:        (classes, classes), rows true, columns predicted.
        zero_division: what 0 / 0 gives for a class that does occur or is predicted.

    Example:
        >>> scores = class_scores([[1, 0], [1, 1]])
        >>> scores.precision.tolist(), scores.recall.tolist(), scores.support.tolist()
        ([0.5, 1.0], [1.0, 0.5], [1.0, 2.0])
    """
    table = np.asarray(matrix, dtype=np.float64)
    right = np.diagonal(table)
    predicted, support = table.sum(axis=0), table.sum(axis=1)
    absent = (predicted + support) == 0

    def ratio(part: Any, whole: Any) -> Any:
        value = np.divide(part, whole, out=np.full_like(whole, zero_division), where=whole != 0)
        return np.where(absent, np.nan, value)

    return ClassScores(
        ratio(right, predicted),
        ratio(right, support),
        ratio(2 * right, predicted + support),
        support,
    )


class _Averaged(ConfusionMatrix):
    """A score of each class, brought to one number."""

    greater_is_better = True
    _which: str
    _options = ("average", "classes", "threshold", "ignore_index", "zero_division")

    def __init__(
        self,
        average: str | None = "macro",
        *,
        classes: int | None = None,
        threshold: float = 0.0,
        ignore_index: int | None = IGNORED,
        zero_division: float = 0.0,
    ) -> None:
        if average is not None and average not in AVERAGES:
            raise unknown("average", average, AVERAGES)
        self.average = average
        self.zero_division = zero_division
        self.name = self._which if average in {"macro", None} else f"{self._which}_{average}"
        super().__init__(classes, threshold=threshold, ignore_index=ignore_index)

    def compute(self) -> Any:
        """One number, or (classes,) for average=None."""
        matrix = super().compute()
        scores = class_scores(matrix, zero_division=self.zero_division)
        values = getattr(scores, self._which)
        if self.average is None:
            return values
        if self._has_nan or not scores.support.sum() > 0:
            return float("nan")
        if self.average == "micro":  # one label per row: precision = recall = f1 = accuracy
            return float(np.trace(matrix) / matrix.sum())
        if self.average == "binary":
            if len(matrix) > 2:
                raise ArgumentError(
                    f"{self.name}: average='binary' is for two classes, there are {len(matrix)}",
                    fix="use average='macro', 'micro' or 'weighted'",
                )
            # Only class 0 seen, and no columns to tell: class 1 has nothing right.
            return float(values[1]) if len(values) == 2 else self.zero_division
        present = ~np.isnan(values)
        weights = scores.support[present] if self.average == "weighted" else None
        return float(np.average(values[present], weights=weights))


class Precision(_Averaged):
    """Of the rows predicted as a class, the share that is of that class.

    Args:
        average: "macro" (mean over the classes that occur or are predicted), "weighted" (mean
                 weighted by how often each class occurs), "micro" (over all rows: the accuracy),
                 "binary" (class 1 of two), or None: (classes,), NaN for classes not seen.
        classes, threshold, ignore_index: as for `ConfusionMatrix`.
        zero_division: the value for a class that is never predicted.

    Example:
        >>> metric = Precision("binary")
        >>> metric.update([3.0, 1.0, -1.0], [1, 0, 1])
        >>> metric.compute()
        0.5
    """

    _which = "precision"


class Recall(_Averaged):
    """Of the rows of a class, the share predicted as that class. Arguments as for `Precision`.

    Example:
        >>> metric = Recall(average=None)
        >>> metric.update([[2.0, 0.0], [1.0, 0.0]], [0, 1])
        >>> metric.compute().tolist()
        [1.0, 0.0]
    """

    _which = "recall"


class F1(_Averaged):
    """Harmonic mean of precision and recall of each class. Arguments as for `Precision`.

    Example:
        >>> metric = F1("binary")
        >>> metric.update([3.0, 1.0, -1.0], [1, 0, 1])
        >>> metric.compute()
        0.5
    """

    _which = "f1"


def confusion_matrix(
    prediction: Any, target: Any, weight: Any = None, *, classes: int | None = None, **options: Any
) -> Any:
    """How often each class was predicted for each true class; see `ConfusionMatrix`.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1])).tolist()
        [[1, 1], [0, 1]]
    """
    metric = ConfusionMatrix(classes, **options)
    metric.update(prediction, target, weight)
    return metric.compute()


def precision(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    average: str | None = "macro",
    **options: Any,
) -> Any:
    """Of the rows predicted as a class, the share that is of that class; see `Precision`.

    Example:
        >>> precision(np.array([0, 1, 1]), np.array([0, 0, 1]))
        0.75
    """
    metric = Precision(average, **options)
    metric.update(prediction, target, weight)
    return metric.compute()


def recall(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    average: str | None = "macro",
    **options: Any,
) -> Any:
    """Of the rows of a class, the share predicted as that class; see `Recall`.

    Example:
        >>> recall(np.array([0, 1, 1]), np.array([0, 0, 1]))
        0.75
    """
    metric = Recall(average, **options)
    metric.update(prediction, target, weight)
    return metric.compute()


def f1(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    average: str | None = "macro",
    **options: Any,
) -> Any:
    """Harmonic mean of precision and recall; see `F1`.

    Example:
        >>> round(f1(np.array([0, 1, 1]), np.array([0, 0, 1])), 4)
        0.6667
    """
    metric = F1(average, **options)
    metric.update(prediction, target, weight)
    return metric.compute()
