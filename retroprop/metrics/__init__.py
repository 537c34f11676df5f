"""Metrics: what is measured over an epoch, exactly, on plain arrays.

A metric is fed batches and asked once:

    metric = metrics.get("accuracy")          # or metrics.Accuracy()
    for prediction, target in batches:
        metric.update(prediction, target)     # NumPy arrays or anything NumPy can read
    metric.compute()                          # 0.893

Each has a plain function, for everything at once: `metrics.accuracy(prediction, target)`.
"""

from retroprop.metrics.base import Metric
from retroprop.metrics.classification import (
    Accuracy,
    TopKAccuracy,
    accuracy,
    top_k_accuracy,
)
from retroprop.metrics.confusion import (
    F1,
    ClassScores,
    ConfusionMatrix,
    Precision,
    Recall,
    class_scores,
    confusion_matrix,
    f1,
    precision,
    recall,
)
from retroprop.metrics.language import Perplexity, perplexity
from retroprop.metrics.names import get, names
from retroprop.metrics.ranking import AUC, auc
from retroprop.metrics.regression import MAE, MSE, R2, RMSE, mae, mse, r2, rmse

__all__ = [
    "AUC",
    "F1",
    "MAE",
    "MSE",
    "R2",
    "RMSE",
    "Accuracy",
    "ClassScores",
    "ConfusionMatrix",
    "Metric",
    "Perplexity",
    "Precision",
    "Recall",
    "TopKAccuracy",
    "accuracy",
    "auc",
    "class_scores",
    "confusion_matrix",
    "f1",
    "get",
    "mae",
    "mse",
    "names",
    "perplexity",
    "precision",
    "r2",
    "recall",
    "rmse",
    "top_k_accuracy",
]
