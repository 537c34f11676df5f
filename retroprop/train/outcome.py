"""What a run came to: predictions in the data's own terms, scores, the picture, the report."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retroprop import metrics, nn
from retroprop.interop.weights import write_atomically
from retroprop.train.report import ReportData, learning_curves, write_report
from retroprop.train.trainer import Trainer
from retroprop.version import __version__

__all__ = ["best_epoch", "predictions", "report", "scores", "summary"]

Array = np.ndarray[Any, Any]


def softmax(logits: Array) -> Array:
    """Class probabilities of logits (examples, classes), in float64."""
    wide = logits.astype(np.float64)
    shifted = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: Array = shifted / shifted.sum(axis=1, keepdims=True)
    return shares


def predictions(target: Any, outputs: Array) -> dict[str, Any]:
    """Network outputs in the terms of the data: class names with probabilities, or numbers."""
    if target.task == "classification":
        chances = softmax(outputs)
        chosen = chances.argmax(axis=1)
        return {
            "prediction": target.inverse(chosen).tolist(),
            "probability": chances[np.arange(len(chosen)), chosen].tolist(),
        }
    numbers = target.inverse(outputs)
    return {"prediction": (numbers[:, 0] if numbers.shape[1] == 1 else numbers).tolist()}


def scores(trainer: Trainer, target: Any, inputs: Any, y: Any) -> tuple[dict[str, float], Array]:
    """Loss and scores under their public names, and the outputs they were measured on.

    Args:
        trainer: around the trained model.
        target:  what is predicted (`data.target`).
        inputs:  preprocessed inputs.
        y:       raw targets: class indices, or numbers in the units of the data.
    """
    ready = target.transform(y)
    if target.task == "regression":
        ready = ready.reshape(len(ready), -1)
    result = {"test_loss": trainer.evaluate(inputs, ready)["loss"]}
    outputs = trainer.predict(inputs)
    if target.task == "classification":
        result["test_accuracy"] = metrics.accuracy(outputs, ready)
        result["test_f1"] = metrics.f1(outputs, ready)
    else:
        numbers = target.inverse(outputs)
        truth = np.asarray(y, np.float64).reshape(len(outputs), -1)
        result["test_r2"] = metrics.r2(numbers, truth)
        result["test_rmse"] = metrics.rmse(numbers, truth)
        result["test_mae"] = metrics.mae(numbers, truth)
    return {name: float(value) for name, value in result.items()}, outputs


def summary(result: dict[str, Any]) -> list[str]:
    """The final numbers in words."""
    if result["task"] == "classification":
        line = f"test accuracy {result['test_accuracy']:.4f} (F1 {result['test_f1']:.4f})"
    else:
        line = (
            f"test R2 {result['test_r2']:.4f}, typical error {result['test_rmse']:.6g} (RMSE), "
            f"{result['test_mae']:.6g} (mean absolute)"
        )
    run = result["run"]
    epochs = f"{result['epochs']} epoch{'s' if result['epochs'] != 1 else ''}"
    return [
        f"{line} on {result['test_examples']} examples, {epochs}, {result['seconds']:.1f} s",
        f"run folder {run}: open {Path(run, 'report.html')} in a browser",
    ]


class _Rows(Sequence[dict[str, Any]]):
    """The rows of a table as a person reads them, made when the report asks for them."""

    def __init__(self, table: Any, dates: Container[str]) -> None:
        self._table, self._dates = table, dates

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: Any) -> Any:
        return {
            name: _date(values[index]) if name in self._dates else values[index]
            for name, values in self._table.columns.items()
        }


def _date(seconds: float) -> str:
    """Seconds since 1970 as a date, with its time of day unless that is midnight."""
    if not math.isfinite(seconds):
        return ""
    text = str(np.datetime64(round(seconds), "s"))
    return text.removesuffix("T00:00:00").replace("T", " ")


def report(
    folder: Path, data: Any, config: dict[str, Any], trainer: Trainer, outputs: Array, result: Any
) -> None:
    """Write the learning curve and the report page."""
    source = Path(str(config["asked"]["source"])).name
    title = f"{data.target.name} from {source}"
    write_atomically(
        folder / "learning_curve.svg", learning_curves(trainer.history, title=title).encode()
    )
    page = ReportData(
        title=title,
        task=data.task,
        status=trainer.stop_reason or "finished",
        history=trainer.history,
        scores={k.removeprefix("test_"): v for k, v in result.items() if k.startswith("test_")},
        seconds=result["seconds"],
        config=config["options"],
        model=_model_table(trainer.model, config["model"]["input_shape"]),
        parameters=result["parameters"],
        data={
            "source": source,
            "examples to train": result["train_examples"],
            "examples to validate": result["validation_examples"],
            "examples to test": result["test_examples"],
        },
        notes=data.notes,
        versions={
            "retroprop": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        created=time.strftime("%Y-%m-%d %H:%M"),
        health=trainer.monitor.history if trainer.monitor else None,
        findings=trainer.monitor.findings if trainer.monitor else (),
        target=data.target.name,
        **_examined(data, outputs),
    )
    write_report(folder / "report.html", page)


def _examined(data: Any, outputs: Array) -> dict[str, Any]:
    """What was predicted for the test examples; nothing where there are several targets."""
    shown: dict[str, Any] = {}
    if data.task == "classification":
        shown.update(probabilities=softmax(outputs), class_names=data.class_names)
    elif outputs.shape[1] == 1:
        shown.update(y_pred=data.target.inverse(outputs)[:, 0])
    else:
        return shown
    return {**shown, "y_true": np.asarray(data.y_test).reshape(len(outputs)), **_examples(data)}


def _examples(data: Any) -> dict[str, Any]:
    """The test examples as pictures or as rows, and where they come from."""
    noun = "row" if data.kind == "table" else "image" if data.kind == "images" else "example"
    sources = [item if isinstance(item, str) else f"{noun} {item}" for item in data.ids_test]
    if data.kind == "images":
        images = np.asarray(data.x_test)
        if images.dtype == np.uint8 and (images.ndim == 3 or images.shape[-1] in (1, 3)):
            return {"images": images, "sources": sources}
    if data.kind == "table":
        dates = {column.name for column in data.schema.columns if column.kind == "date"}
        return {"rows": _Rows(data.x_test, dates), "sources": sources}
    return {"sources": sources}


def _model_table(model: nn.Module, input_shape: Sequence[int]) -> str:
    return str(nn.summary(model, (1, *input_shape)))


def best_epoch(history: Sequence[dict[str, Any]]) -> int:
    """The epoch whose weights were kept: least validation loss; the last one without validation."""
    if "val_loss" not in history[-1]:
        return int(history[-1]["epoch"])
    losses = [record["val_loss"] for record in history]
    ranked = [loss if math.isfinite(loss) else math.inf for loss in losses]
    return int(history[int(np.argmin(ranked))]["epoch"])
