"""What tasks that tell classes apart have in common: their loss, weights, scores and judgement."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop import metrics, nn
from retroprop.data.dataset import Dataset
from retroprop.errors import unknown
from retroprop.tasks.task import Task
from retroprop.train.trainer import Trainer

__all__ = ["ClassTask", "chance", "class_scores", "class_weights", "softmax"]

Array = np.ndarray[Any, Any]


class ClassTask(Task):
    """A task whose examples belong to classes."""

    @property
    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """What the classes are called, in order of their index."""

    def loss(self) -> Any:
        """Cross-entropy."""
        return nn.CrossEntropyLoss(label_smoothing=self.options["label_smoothing"] or 0.0)

    def metrics(self) -> list[Any]:
        """Accuracy."""
        return ["accuracy"]

    def class_weight(self, examples: Dataset) -> dict[int, float] | None:
        """Weights that make every class count the same in all, when asked for."""
        return class_weights(self.options["class_weight"], examples.y, len(self.class_names))

    @property
    def measured_by(self) -> str:
        """The mean F1 over classes."""
        return "f1"

    def judge(self, trainer: Trainer, x: Any, y: Any) -> tuple[float, float]:
        """F1, and how far chance may move it."""
        score = float(metrics.f1(trainer.predict(x), y))
        return score, chance(score, len(y))


def chance(share: float, examples: int) -> float:
    """The standard error of a share of some examples.

    Example:
        >>> chance(0.5, 100)
        0.05
    """
    inside = min(max(share, 0.0), 1.0)
    return math.sqrt(inside * (1 - inside) / examples)


def class_scores(trainer: Trainer, examples: Dataset, outputs: Array) -> dict[str, float]:
    """Loss, accuracy and F1 of outputs (logits or probabilities) for examples."""
    return {
        "loss": float(trainer.evaluate(examples.x, examples.y)["loss"]),
        "accuracy": float(metrics.accuracy(outputs, examples.y)),
        "f1": float(metrics.f1(outputs, examples.y)),
    }


def softmax(logits: Array) -> Array:
    """Class probabilities of logits (examples, classes), in float64.

    Example:
        >>> softmax(np.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
    """
    wide = logits.astype(np.float64)
    shifted = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: Array = shifted / shifted.sum(axis=1, keepdims=True)
    return shares


def class_weights(choice: str, labels: Any, classes: int) -> dict[int, float] | None:
    """Weights that make every class count the same in all ("balanced"), or None ("none").

    Example:
        >>> class_weights("balanced", np.array([0, 0, 0, 1]), 2)
        {0: 0.6666666666666666, 1: 2.0}
    """
    if choice == "none":
        return None
    if choice != "balanced":
        raise unknown("class_weight", choice, ("none", "balanced"))
    counts = np.bincount(labels, minlength=classes)
    mean = float(counts.mean())
    return {k: mean / count if count else 0.0 for k, count in enumerate(counts.tolist())}
