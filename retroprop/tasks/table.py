"""Classification and regression of tables and arrays: rows in, a class or numbers out."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any, ClassVar

import numpy as np

from retroprop import data as datasets
from retroprop import metrics, nn
from retroprop.data.dataset import Dataset
from retroprop.errors import CheckpointError, RetropropError
from retroprop.tasks import networks
from retroprop.tasks.classes import chance, class_scores, class_weights, softmax
from retroprop.tasks.options import COMMON, Option, flag, sizes
from retroprop.tasks.task import Part, Parts, Task
from retroprop.train.trainer import Trainer

__all__ = ["Classification", "Regression", "Table"]

Array = np.ndarray[Any, Any]

_FEW_ROWS = 2000


class Table(Task):
    """Predict a column of a table, or the targets of arrays.

    Attributes:
        preprocessor: how raw rows become network inputs, and outputs the terms of the data.
    """

    about: ClassVar[str] = "predict a column of a table, or the targets of arrays"
    presets: ClassVar[str] = "table"
    OPTIONS: ClassVar[dict[str, Option]] = {
        "model": Option(str, "mlp", None, None, "mlp: dense layers"),
        "hidden": Option(sizes, None, 1, 2**16, "sizes of the dense hidden layers, e.g. 256,128"),
        "activation": Option(str, "relu", None, None, "relu, gelu, silu, tanh, sigmoid, elu, ..."),
        "init": Option(str, "default", None, None, "first weights: default, auto, he or glorot"),
        "batch_norm": Option(flag, False, None, None, "batch normalisation after each layer"),
        "dropout": Option(float, 0.0, 0, 0.95, "share of hidden units dropped in training"),
        **COMMON,
    }

    forced: ClassVar[str | None] = None  # "classification" or "regression"; None: by the target

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.preprocessor: Any = None

    @property
    def target(self) -> Any:
        """What is predicted: name, classes or scale."""
        return self.preprocessor.target

    # -- data ------------------------------------------------------------------------------------

    @classmethod
    def claims(cls, source: Any, target: str | None) -> str:
        """Everything that nobody else recognises is a table."""
        return "it is a table or arrays"

    @classmethod
    def read(cls, source: Any, given: dict[str, Any], target: str | None = None) -> Any:
        """What `data.load` makes of the source."""
        names = ("limit", "test_fraction", "seed")
        chosen = {name: given[name] for name in names if given.get(name) is not None}
        return datasets.load(source, target, task=cls.forced, **chosen)

    @classmethod
    def preset(cls, data: Any) -> str:
        """By the number of rows."""
        return "few" if len(data.y_train) < _FEW_ROWS else "many"

    @classmethod
    def adapted(cls, data: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Batches, and as many passes as some steps take, by the number of rows."""
        rows = len(data.y_train)
        if rows < _FEW_ROWS:
            size = 32 if rows >= 100 else 16
            return {"batch_size": size, "epochs": _within(60, 300 // _steps(rows, size), 200)}
        size = 128 if rows < 50_000 else 256
        return {"batch_size": size, "epochs": _within(5, 12_000 // _steps(rows, size), 40)}

    def split(self, data: Any) -> Parts:
        """The parts of the source; the validation part is held out of its training part."""
        self.preprocessor = data.preprocessor()
        x, y, x_val, y_val = data.x_train, data.y_train, data.x_val, data.y_val
        if self.options["validation"] and x_val is None:
            x, y, x_val, y_val = data.hold_out(self.options["validation"], self.options["seed"])
        held = None if x_val is None else Part(x_val, y_val)
        return Parts(Part(x, y), held, Part(data.x_test, data.y_test, data.ids_test))

    def learn(self, train: Part) -> None:
        """Scales, categories, classes."""
        self.preprocessor = self.preprocessor.fit(train.x, train.y)
        self.name = self.target.task

    def to_dict(self) -> dict[str, Any]:
        """The record of the preprocessor."""
        record: dict[str, Any] = self.preprocessor.to_dict()
        return record

    def restore(self, record: dict[str, Any]) -> None:
        """Take the preprocessor back."""
        try:
            self.preprocessor = datasets.preprocessor_from_dict(record)
        except (RetropropError, AttributeError, LookupError, TypeError, ValueError) as error:
            why = error.what if isinstance(error, RetropropError) else repr(error)
            raise CheckpointError(f"preprocess.json is damaged: {why}") from None
        self.name = self.target.task

    def examples(self, part: Part) -> Dataset:
        """Preprocessed inputs; class indices or standardised numbers."""
        y = None if part.y is None else self.preprocessor.transform_target(part.y)
        if y is not None and self.name == "regression":
            y = y.reshape(len(y), -1)
        return Dataset(self.preprocessor.transform(part.x), y)

    def open(self, source: Any, *, with_target: bool = False) -> Part:
        """New data under the schema of the training data."""
        inputs = datasets.read_inputs(source, self.preprocessor, with_target=with_target)
        return Part(inputs.x, inputs.y, inputs.ids, inputs.notes)

    # -- training --------------------------------------------------------------------------------

    def build(self) -> nn.Module:
        """An mlp with one output per class or number."""
        outputs = len(self.target.class_names) or len(self.target.center_)
        spec = networks.describe(self.options, self.preprocessor.input_shape, outputs)
        return networks.build(spec)

    def loss(self) -> Any:
        """Mean squared error, or cross-entropy."""
        if self.name == "regression":
            return "mse"
        return nn.CrossEntropyLoss(label_smoothing=self.options["label_smoothing"])

    def metrics(self) -> list[Any]:
        """Accuracy, or R2."""
        return ["accuracy" if self.name == "classification" else "r2"]

    def class_weight(self, examples: Dataset) -> dict[int, float] | None:
        """Weights that make every class count the same in all, when asked for."""
        if self.name != "classification":
            return super().class_weight(examples)
        return class_weights(self.options["class_weight"], examples.y, len(self.target.class_names))

    # -- for the doctor --------------------------------------------------------------------------

    def columns(self, part: Part) -> dict[str, Array]:
        """The columns of a table."""
        return dict(part.x.columns) if self.preprocessor.kind == "table" else {}

    def dropped(self) -> dict[str, str]:
        """Columns that were left out, and why."""
        kept = getattr(self.preprocessor, "schema", None)
        return dict(kept.dropped) if kept is not None else {}

    @property
    def measured_by(self) -> str:
        """The mean F1 over classes, or R2."""
        return "f1" if self.name == "classification" else "r2"

    def judge(self, trainer: Trainer, x: Any, y: Any) -> tuple[float, float]:
        """The score, and how far chance may move it."""
        score = float(getattr(metrics, self.measured_by)(trainer.predict(x), y))
        return score, chance(score, len(y)) if self.name == "classification" else 0.0

    # -- what came of it -------------------------------------------------------------------------

    def headline(self) -> str:
        """What is predicted."""
        count = len(self.target.class_names)
        return f"{self.name} of " + (f"{count} classes" if count else f'"{self.target.name}"')

    def title(self) -> str:
        """The target."""
        return str(self.target.name)

    def description(self, model: nn.Module) -> str:
        """Layers with their shapes."""
        return str(nn.summary(model, (1, *self.preprocessor.input_shape)))

    def measure(self, trainer: Trainer, part: Part) -> tuple[dict[str, float], Array]:
        """Loss and scores, and the outputs they were measured on."""
        ready = self.examples(part)
        outputs = trainer.predict(ready.x)
        if self.name == "classification":
            return class_scores(trainer, ready, outputs), outputs
        scores = {"loss": float(trainer.evaluate(ready.x, ready.y)["loss"])}
        numbers = self.target.inverse(outputs)
        truth = np.asarray(part.y, np.float64).reshape(len(outputs), -1)
        for name in ("r2", "rmse", "mae"):
            scores[name] = float(getattr(metrics, name)(numbers, truth))
        return scores, outputs

    def summary(self, result: dict[str, Any]) -> str:
        """The final numbers in words."""
        if self.name == "classification":
            return f"test accuracy {result['test_accuracy']:.4f} (F1 {result['test_f1']:.4f})"
        return (
            f"test R2 {result['test_r2']:.4f}, typical error {result['test_rmse']:.6g} (RMSE), "
            f"{result['test_mae']:.6g} (mean absolute)"
        )

    def report(self, part: Part, seen: Array) -> dict[str, Any]:
        """What was predicted for the test examples; nothing where there are several targets."""
        shown: dict[str, Any] = {"target": self.target.name}
        if self.name == "classification":
            shown.update(probabilities=softmax(seen), class_names=self.target.class_names)
        elif seen.shape[1] == 1:
            shown.update(y_pred=self.target.inverse(seen)[:, 0])
        else:
            return shown
        truth = np.asarray(part.y).reshape(len(seen))
        return {**shown, "y_true": truth, **_examples(part, self.preprocessor)}

    def predict(self, trainer: Trainer, part: Part, options: dict[str, Any]) -> dict[str, Any]:
        """Class names with probabilities, or numbers in the units of the data."""
        outputs = trainer.predict(self.examples(Part(part.x)).x)
        if self.name == "classification":
            chances = softmax(outputs)
            chosen = chances.argmax(axis=1)
            return {
                "prediction": self.target.inverse(chosen).tolist(),
                "probability": chances[np.arange(len(chosen)), chosen].tolist(),
            }
        numbers = self.target.inverse(outputs)
        return {"prediction": (numbers[:, 0] if numbers.shape[1] == 1 else numbers).tolist()}


class Classification(Table):
    """Tell classes apart, whatever the target's values look like."""

    name = forced = "classification"


class Regression(Table):
    """Predict numbers."""

    name = forced = "regression"


def _steps(rows: int, batch_size: int) -> int:
    return max(1, -(-rows // batch_size))


def _within(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


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


def _examples(part: Part, preprocessor: Any) -> dict[str, Any]:
    """The test examples as pictures or as rows, and where they come from."""
    noun = {"table": "row", "images": "image"}.get(preprocessor.kind, "example")
    sources = [item if isinstance(item, str) else f"{noun} {item}" for item in part.ids]
    if preprocessor.kind == "images":
        images = np.asarray(part.x)
        if images.dtype == np.uint8 and (images.ndim == 3 or images.shape[-1] in (1, 3)):
            return {"images": images, "sources": sources}
    if preprocessor.kind == "table":
        dates = {column.name for column in preprocessor.schema.columns if column.kind == "date"}
        return {"rows": _Rows(part.x, dates), "sources": sources}
    return {"sources": sources}
