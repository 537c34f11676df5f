"""How well scores put the right rows before the others: area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import ArgumentError, ShapeError, unknown
from retroprop.metrics.base import Metric
from retroprop.metrics.inputs import IGNORED, Labelled, labelled

__all__ = ["AUC", "auc"]

AVERAGES = ("macro", "weighted")


class AUC(Metric):
    """Area under the ROC curve, exact: the chance that a positive row outscores a negative one.

        auc = sum_ij weight_i weight_j ([s_i > s_j] + [s_i = s_j] / 2) / sum_ij weight_i weight_j
              over positive rows i and negative rows j

    Two classes: prediction (n,) scores of class 1 (logits or probabilities: only their order
    counts), or (n, 2). More: (n, classes), each class against the rest, then averaged. Rows are
    compared with each other, which logits do not allow before they are normalised: unless each
    row of the epoch is a distribution (>= 0, sum 1), scores are taken for logits, and rows are
    ranked by the log-odds of the class (the order of its softmax probability, without the ties
    of rounding to 1).
    NaN when one of two classes is missing; in the average, classes that are missing do not count.
    All scores are kept until `reset`.

    Args:
        average:      "macro" (each class counts the same), "weighted" (by how often it occurs),
                      or None: (classes,). Two classes give one number in any case.
        ignore_index: rows with this label do not count; None: there are none.

    Example:
        >>> metric = AUC()
        >>> metric.update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        >>> metric.compute()
        0.75

    Source: Hand, Till 2001, doi:10.1023/A:1010920819831 (the multiclass case compares pairs of
    classes there; here one against the rest, as Provost and Domingos 2000).
    """

    name = "auc"
    greater_is_better = True
    _options = ("average", "ignore_index")

    def __init__(
        self, average: str | None = "macro", *, ignore_index: int | None = IGNORED
    ) -> None:
        if average is not None and average not in AVERAGES:
            raise unknown("average", average, AVERAGES)
        self.average = average
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._batches: list[Labelled] = []

    def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
        """Take in scores and true classes of one batch."""
        batch = labelled(self.name, prediction, target, weight, self.ignore_index)
        if batch.kind == "labels":
            raise ArgumentError(
                "auc: prediction holds classes, not scores",
                fix="give logits or probabilities as floats: (n,) or (n, classes)",
            )
        if self._batches and batch.classes != self._batches[0].classes:
            raise ShapeError(
                f"auc: this batch has {batch.classes} classes, "
                f"those before it {self._batches[0].classes}"
            )
        # Kept to the end of the epoch: the caller may use its buffers again.
        self._batches.append(batch._replace(scores=batch.scores.copy()))

    def compute(self) -> Any:
        """One number, or (classes,) for average=None and more than two classes."""
        if not self._batches:
            return float("nan")
        scores = np.concatenate([batch.scores for batch in self._batches])
        labels = np.concatenate([batch.labels for batch in self._batches])
        weight = np.concatenate(
            [np.ones(len(b.labels)) if b.weight is None else b.weight for b in self._batches]
        )
        if scores.ndim == 2:
            scores = _comparable(scores)
        if scores.ndim == 1:
            return _area(scores, labels == 1, weight)
        columns = range(scores.shape[1])
        areas = np.array([_area(scores[:, k], labels == k, weight) for k in columns])
        if self.average is None:
            return areas
        shares = np.bincount(labels, weight, minlength=scores.shape[1])
        defined = ~np.isnan(areas)
        if np.isnan(scores).any() or not defined.any():
            return float("nan")
        weights = shares[defined] if self.average == "weighted" else None
        return float(np.average(areas[defined], weights=weights))


def auc(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    average: str | None = "macro",
    ignore_index: int | None = IGNORED,
) -> Any:
    """Area under the ROC curve; see `AUC`.

    Example:
        >>> auc([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 0])
        1.0
    """
    metric = AUC(average, ignore_index=ignore_index)
    metric.update(prediction, target, weight)
    return metric.compute()


def _area(scores: Any, positive: Any, weight: Any) -> float:
    """The area for one class, by the weight of negatives below and level with each positive."""
    if np.isnan(scores).any():
        return float("nan")
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    if not len(ranked):
        return float("nan")
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    above = np.add.reduceat(np.where(positive, weight, 0.0)[order], starts)
    level = np.add.reduceat(np.where(positive, 0.0, weight)[order], starts)
    below = np.concatenate([[0.0], np.cumsum(level)[:-1]])
    pairs = above.sum() * level.sum()
    return float((above * (below + level / 2)).sum() / pairs) if pairs else float("nan")


def _comparable(scores: Any) -> Any:
    """(n, classes) scores whose columns may be compared between rows; two classes give (n,)."""
    values = scores.astype(np.float64)
    if values.shape[1] == 2:
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and says so
            return values[:, 1] - values[:, 0]
    is_distribution = (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3)
    return values if is_distribution or not values.size else _log_odds(values)


def _log_odds(logits: Any) -> Any:
    """z_k - log sum_(j != k) exp(z_j), without cancellation where class k is nearly certain."""
    with np.errstate(invalid="ignore", divide="ignore"):
        top = logits.max(axis=1, keepdims=True)
        shifted = np.exp(logits - top)
        total = shifted.sum(axis=1, keepdims=True)
        best = logits.argmax(axis=1)
        rows = np.arange(len(logits))
        odds = logits - top - np.log(total) - np.log1p(-shifted / total)
        others = logits.copy()
        others[rows, best] = -np.inf
        second = others.max(axis=1, keepdims=True)
        rest = np.log(np.exp(others - second).sum(axis=1)) + second[:, 0]
        odds[rows, best] = logits[rows, best] - rest
    return odds
