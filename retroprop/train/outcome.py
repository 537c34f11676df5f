"""What a run came to: predictions in the data's own terms, scores, curves and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop import metrics, nn
from retroprop.interop.weights import write_atomically

if TYPE_CHECKING:
    from retroprop.train.run import Run

__all__ = ["finish", "predictions", "scores"]

Array = np.ndarray[Any, Any]


def softmax(logits: Array) -> Array:
    """Class probabilities of logits (examples, classes)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def predictions(target: Any, outputs: Array) -> dict[str, Any]:
    """Network outputs in the terms of the data: class names with probabilities, or numbers."""
    if target.task == "classification":
        chances = softmax(outputs.astype(np.float64))
        chosen = chances.argmax(axis=1)
        return {
            "prediction": target.inverse(chosen).tolist(),
            "probability": chances[np.arange(len(chosen)), chosen].tolist(),
        }
    numbers = target.inverse(outputs)
    return {"prediction": (numbers[:, 0] if numbers.shape[1] == 1 else numbers).tolist()}


def scores(run: Run, x: Any, y: Any) -> dict[str, float]:
    """Loss and scores of a run on raw inputs and targets, under their public names."""
    target = run.preprocessor.target
    inputs = run.preprocessor.transform(x)
    ready = run.preprocessor.transform_target(y)
    if target.task == "regression":
        ready = ready.reshape(len(ready), -1)
    trainer = run.trainer()
    result = {"test_loss": trainer.evaluate(inputs, ready)["loss"]}
    outputs = trainer.predict(inputs)
    if target.task == "classification":
        result["test_accuracy"] = metrics.accuracy(outputs, ready)
        result["test_f1"] = metrics.f1(outputs, ready)
    else:
        numbers, truth = target.inverse(outputs), np.asarray(y, float).reshape(len(outputs), -1)
        result["test_r2"] = metrics.r2(numbers, truth)
        result["test_rmse"] = metrics.rmse(numbers, truth)
        result["test_mae"] = metrics.mae(numbers, truth)
    return {name: float(value) for name, value in result.items()}
