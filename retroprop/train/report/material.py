"""What a report is made of: plain numbers, texts and arrays about one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retroprop.errors import ArgumentError, DataError, ShapeError
from retroprop.health.finding import Finding
from retroprop.health.history import History

__all__ = ["ReportData"]


@dataclass(kw_only=True)
class ReportData:
    """Everything `write_report` shows; what is left out is not shown.

    The run:
        title:    name of the run.
        task:     "classification", "regression", or any other word for the task.
        status:   how it ended: "finished", "stopped early", "interrupted", "diverged", ...
        history:  one record per epoch, as `Trainer.history`: "epoch", "loss", metrics by name,
                  "val_loss", "val_" + metric, "lr", "seconds".
        scores:   the final numbers on the examined examples: {"loss": 0.31, "accuracy": 0.89}.
        seconds:  how long training took.
        config:   the settings, may be nested.
        model:    the model as a text table (`nn.summary`).
        parameters: how many numbers were learned.
        data:     what is known about the data, in words: {"file": "houses.csv", "rows": 1460}.
        notes:    what had to be assumed, and what a reader should know.
        versions: {"retroprop": "0.1.0", "python": "3.11.7", ...}.
        created:  date and time, as text.
        health:   the History of a Monitor, and its findings.
        said:     the result in one large number and sentences; worded here when None.
        sections: further sections, as markup made with train/report/page.py.

    The examined examples (test or validation), all with one entry per example:
        split:    what they are called: "test", "validation".
        y_true:   (examples,) class indices, or (examples,) true values.
        y_pred:   (examples,) the same, predicted; for classes it may be left out.
        probabilities: (examples, classes), or (examples,) of class 1.
        class_names: (classes,) texts.
        target:   what is predicted, such as the name of the column; `unit` of its values.
        images:   (examples, height, width[, 1 or 3]) uint8.
        rows:     (examples) mappings or sequences of cells; `columns` names these.
        sources:  (examples) where each came from: a file name, "row 17".

    Nothing is changed, and texts may hold anything: they are escaped.

    Example:
        >>> ReportData(title="houses", task="regression", y_true=[1.0], y_pred=[1.5]).examples
        1
    """

    title: str
    task: str = "training"
    status: str = "finished"
    history: Sequence[Mapping[str, Any]] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    parameters: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    health: History | None = None
    findings: Sequence[Finding] = ()
    said: tuple[str, Sequence[str]] | None = None
    sections: str = ""
    split: str = "test"
    y_true: Any = None
    y_pred: Any = None
    probabilities: Any = None
    class_names: Sequence[str] | None = None
    target: str = ""
    unit: str = ""
    images: Any = None
    rows: Sequence[Any] | None = None
    columns: Sequence[str] | None = None
    sources: Sequence[str] | None = None

    @property
    def examples(self) -> int:
        """How many examples were examined."""
        return 0 if self.y_true is None else len(self.y_true)

    @property
    def noun(self) -> str:
        """What an example is called."""
        if self.images is not None:
            return "images"
        return "examples" if self.rows is None else "rows"

    def checked(self) -> ReportData:
        """A copy whose arrays are NumPy arrays that fit each other.

        Raises:
            ShapeError, DataError, ArgumentError: naming the field that does not fit.
        """
        copy = ReportData(**{name: getattr(self, name) for name in self.__dataclass_fields__})
        if self.y_true is None:
            copy.y_pred = copy.probabilities = copy.images = copy.rows = copy.sources = None
            return copy
        copy.y_true = _column("y_true", self.y_true, None)
        if self.task == "classification":
            _check_classes(copy)
        elif self.y_pred is not None:
            copy.y_true = copy.y_true.astype(np.float64)
            copy.y_pred = _column("y_pred", self.y_pred, copy.examples).astype(np.float64)
        if self.images is not None:
            copy.images = _images(self.images)
        for name in ("images", "rows", "sources"):
            value = getattr(copy, name)
            if value is not None and len(value) != copy.examples:
                raise ShapeError(
                    f"report: {name} has {len(value)} entries, y_true has {copy.examples}"
                )
        return copy


def _column(name: str, values: Any, length: int | None) -> Any:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise DataError(f"report: {name} must hold numbers, got {array.dtype}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or length not in {None, len(array)}:
        wanted = "(examples,)" if length is None else f"({length},)"
        raise ShapeError(f"report: {name} must have shape {wanted}, got {array.shape}")
    return array


def _check_classes(data: ReportData) -> None:
    """Class indices as int64, probabilities as (examples, classes), names as texts."""
    data.y_true = data.y_true.astype(np.int64)
    if data.probabilities is not None:
        data.probabilities = _probabilities(data.probabilities, data.examples)
        if data.y_pred is None:
            data.y_pred = data.probabilities.argmax(axis=1)
    if data.y_pred is None:
        return
    data.y_pred = _column("y_pred", data.y_pred, data.examples).astype(np.int64)
    seen = 1 + max(data.y_true.max(initial=-1), data.y_pred.max(initial=-1))
    width = 0 if data.probabilities is None else data.probabilities.shape[1]
    if data.class_names is None:
        data.class_names = [f"class {index}" for index in range(max(int(seen), width))]
    data.class_names = [str(name) for name in data.class_names]
    named = len(data.class_names)
    if seen > named or width not in {0, named}:
        raise ShapeError(
            f"report: class_names has {named} names for {max(int(seen), width)} classes"
        )
    if min(data.y_true.min(initial=0), data.y_pred.min(initial=0)) < 0:
        raise ArgumentError("report: class indices must not be negative")


def _probabilities(values: Any, examples: int) -> Any:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1):
        array = np.stack([1 - array.reshape(-1), array.reshape(-1)], axis=1)
    if array.ndim != 2 or len(array) != examples:
        raise ShapeError(
            f"report: probabilities must have shape ({examples}, classes), got {array.shape}"
        )
    finite = np.isfinite(array).all(axis=1)
    sums = array[finite].sum(axis=1)
    if (array[finite] < -1e-6).any() or (abs(sums - 1) > 1e-2).any():
        raise ArgumentError(
            "report: probabilities holds a row that is no distribution",
            fix="apply softmax (or sigmoid) to the model's outputs",
        )
    return array


def _images(values: Any) -> Any:
    array = np.asarray(values)
    if (
        array.dtype != np.uint8
        or array.ndim not in {3, 4}
        or (array.ndim == 4 and array.shape[3] not in {1, 3})
    ):
        raise DataError(
            f"report: images must be uint8 (examples, height, width[, 1 or 3]), "
            f"got {array.dtype} {array.shape}",
        )
    return array
