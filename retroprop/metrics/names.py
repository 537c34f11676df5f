"""Metrics by name, as `Trainer(metrics=["accuracy"])` and the command line give them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from retroprop.errors import DTypeError, unknown
from retroprop.metrics.base import Metric
from retroprop.metrics.classification import Accuracy, TopKAccuracy
from retroprop.metrics.confusion import F1, ConfusionMatrix, Precision, Recall
from retroprop.metrics.language import Perplexity
from retroprop.metrics.ranking import AUC
from retroprop.metrics.regression import MAE, MSE, R2, RMSE

__all__ = ["get", "names"]

_MAKERS: dict[str, Callable[..., Metric]] = {
    "accuracy": Accuracy,
    "auc": AUC,
    "confusion_matrix": ConfusionMatrix,
    "f1": F1,
    "mae": MAE,
    "mse": MSE,
    "perplexity": Perplexity,
    "precision": Precision,
    "r2": R2,
    "recall": Recall,
    "rmse": RMSE,
    "top_k_accuracy": TopKAccuracy,
}
_AVERAGED = re.compile(r"(precision|recall|f1)_(macro|micro|weighted|binary)")
_TOP = re.compile(r"top_(\d{1,6})_accuracy")


def names() -> list[str]:
    """The names that `get` knows, sorted; also "f1_weighted" and the like, "top_3_accuracy".

    Example:
        >>> names()[:3]
        ['accuracy', 'auc', 'confusion_matrix']
    """
    return sorted(_MAKERS)


def get(metric: str | Metric | type[Metric], **options: Any) -> Metric:
    """The metric of a name, ready to be updated; a metric is returned as it is.

    Args:
        metric:  a name ("accuracy", "f1", "f1_weighted", "top_3_accuracy"), a class or a metric.
        options: arguments of the class.

    Raises:
        ArgumentError: "unknown metric 'acuracy'; did you mean 'accuracy'?".

    Example:
        >>> get("top_3_accuracy")
        TopKAccuracy(k=3, ignore_index=-100)
        >>> get("accuracy", threshold=0.5)
        Accuracy(threshold=0.5, ignore_index=-100)
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, type) and issubclass(metric, Metric):
        return metric(**options)
    if not isinstance(metric, str):
        raise DTypeError(
            f"a metric is a name or an object of retroprop.metrics, got {type(metric).__name__}"
        )
    averaged, top = _AVERAGED.fullmatch(metric), _TOP.fullmatch(metric)
    if averaged:
        return _MAKERS[averaged[1]](average=averaged[2], **options)
    if top:
        return TopKAccuracy(int(top[1]), **options)
    if metric not in _MAKERS:
        raise unknown("metric", metric, names())
    return _MAKERS[metric](**options)
