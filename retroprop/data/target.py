"""What is to be predicted: the task, the classes or the scale of the numbers.

Classification or regression is decided from the target's values:

    texts, booleans                                           classification
    numbers with a fractional part                            regression
    whole numbers: two distinct values, or at most 20 of
        which each occurs five times or more on average       classification
    other whole numbers                                       regression
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.data.dates import date_format
from retroprop.data.infer import numeric_but_for_slips
from retroprop.data.numeric import decimal_mark, spelled
from retroprop.data.schema import BOOLEANS, Column, column_values
from retroprop.data.table import RawColumn, RawTable
from retroprop.errors import DataError, unknown

__all__ = ["TASKS", "Target", "decide_target", "decide_task"]

TASKS = ("classification", "regression")
MAX_CLASSES, ROWS_PER_CLASS = 20, 5
# A class may well be called "none" or "-": fewer spellings than in a column of inputs.
_NO_TEXT = ("", "na", "n/a", "nan", "null", "?", "#n/a", "<na>", "nat")


class Target:
    """Name and task of the target, with its classes (classification) or scale (regression).

    Attributes:
        name:        column or array name.
        task:        "classification" or "regression".
        kind:        "numeric", "boolean" or "categorical" values in the file.
        classes:     spelling of each class in the file, in order of class index; [] in regression.
        class_names: what to call the classes in reports.
        center_, scale_: mean and deviation of each output on the training part (regression).

    Example:
        >>> target = Target("price", "regression").fit(np.array([1.0, 3.0]))
        >>> target.transform(np.array([3.0])).tolist(), target.inverse(np.array([1.0])).tolist()
        ([1.0], [3.0])
    """

    def __init__(
        self,
        name: str,
        task: str,
        kind: str = "numeric",
        classes: list[str] | None = None,
        class_names: list[str] | None = None,
    ) -> None:
        self.name, self.task, self.kind = name, task, kind
        self.classes = classes or []
        self.class_names = class_names or list(self.classes)
        self.center_: list[float] = []
        self.scale_: list[float] = []

    def fit(self, y: Any) -> Target:
        """Learn mean and deviation from the training part: (examples,) or (examples, outputs)."""
        if self.task == "regression":
            columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
            size = np.maximum(np.abs(columns).max(axis=0), np.finfo(np.float64).tiny)
            unit = columns / size  # squares of huge numbers would overflow
            scale = unit.std(axis=0) * size
            self.center_ = (unit.mean(axis=0) * size).tolist()
            self.scale_ = np.where(scale > 0, scale, 1.0).tolist()
        return self

    def transform(self, y: Any) -> Any:
        """Targets to train on: int64 class indices, or float32 numbers of mean 0, deviation 1."""
        if self.task == "classification":
            return np.asarray(y, dtype=np.int64)
        values = np.asarray(y, dtype=np.float64)
        flat = (values.reshape(len(values), -1) - self._fitted()) / np.array(self.scale_)
        return flat.reshape(values.shape).astype(np.float32)

    def inverse(self, outputs: Any) -> Any:
        """Network outputs in the units of the file (float64), or class names for class indices."""
        values = np.asarray(outputs)
        if self.task == "classification":
            return np.array(self.class_names, dtype=object)[values]
        flat = values.astype(np.float64).reshape(len(values), -1)
        return (flat * np.array(self.scale_) + self._fitted()).reshape(values.shape)

    def _fitted(self) -> Any:
        if not self.center_:
            raise DataError("the target's scale is not known yet", fix="fit on the training part")
        return np.array(self.center_)

    def encode(self, raw: RawTable, missing: tuple[str, ...] = ()) -> Any:
        """Values of the target column of a table: class indices (-1 = missing) or numbers (NaN).

        Raises:
            DataError: a cell that is no number, or a class that training did not have, by row.
        """
        return _read(self, raw, missing)

    def to_dict(self) -> dict[str, Any]:
        """The target as plain JSON values."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Target:
        """The target that `to_dict` wrote."""
        target = cls(
            record["name"], record["task"], record["kind"], list(record["classes"]),
            list(record["class_names"]),
        )  # fmt: skip
        target.center_, target.scale_ = list(record["center_"]), list(record["scale_"])
        return target


def _read(target: Target, raw: RawTable, missing: tuple[str, ...]) -> Any:
    column = raw.columns[target.name]
    if target.task == "regression" or target.kind == "numeric":
        decimal = decimal_mark([column.used()], raw.delimiter) or "." if column.texts else "."
        values = column_values(Column(target.name, "numeric"), raw, decimal, missing)
        if target.task == "regression":
            return values
        column = RawColumn("numeric", values=values)
    cells = column.as_text()
    index = {label: code for code, label in enumerate(target.classes)}
    codes = [-1 if _no_class(text, missing) else index.get(text, -2) for text in cells.texts]
    labels = np.array([*codes, -1], dtype=np.int64)[cells.codes]
    strange = labels == -2
    if strange.any():
        at = int(strange.argmax())
        names = ", ".join(target.classes[:20]) + (", ..." if len(target.classes) > 20 else "")
        raise DataError(
            f"class {cells.texts[cells.codes[at]][:40]!r} was not there in training; "
            f"the classes are {names}",
            file=raw.source, row=int(raw.rows[at]), column=target.name,
        )  # fmt: skip
    return labels


def _no_class(text: str, missing: tuple[str, ...]) -> bool:
    return text.lower() in _NO_TEXT or text in missing


def decide_target(
    raw: RawTable, name: str, task: str | None = None, missing: tuple[str, ...] = ()
) -> tuple[Target, list[str]]:
    r"""The target that a column makes, and a note on why it is this task.

    Args:
        raw:     the table.
        name:    its target column.
        task:    "classification" or "regression" to overrule the rule, or None.
        missing: spellings of a missing value, besides the usual ones.

    Raises:
        DataError: no values, one value or class only, dates, free text, or texts in regression.

    Example:
        >>> from retroprop.data.csv import parse_csv
        >>> decide_target(parse_csv("size,city\n1,Rome\n2,Oslo\n"), "city")[0].class_names
        ['Oslo', 'Rome']
    """
    if task is not None and task not in TASKS:
        raise unknown("task", task, TASKS)
    place: dict[str, Any] = {"file": raw.source, "column": name}
    column = raw.columns[name]
    kind = _kind(column, missing, raw)
    if kind == "date":
        raise DataError("holds dates, which cannot be predicted", **place, fix="make them numbers")
    if kind != "numeric" and task == "regression":
        example = next(text for text in column.as_text().used() if not _no_class(text, missing))
        raise DataError(f"regression needs numbers, the target holds {example[:40]!r}", **place)
    if kind == "numeric":
        return _numeric_target(raw, name, task, missing, place)
    texts = [text for text in column.as_text().used() if not _no_class(text, missing)]
    _check_classes(len(texts), int(_present(column, missing).sum()), place, kind)
    why = "yes/no values" if kind == "boolean" else f"{len(texts)} distinct texts"
    return (
        Target(name, "classification", kind, sorted(texts)),
        [_reason(name, "classification", why, task)],
    )


def _kind(column: RawColumn, missing: tuple[str, ...], raw: RawTable) -> str:
    if column.texts is None:
        return column.kind
    decimal = decimal_mark([column.used()], raw.delimiter) or "."
    if numeric_but_for_slips(column, decimal, missing):
        return "numeric"
    present = [text for text in column.used() if not _no_class(text, missing)]
    if any({text.lower() for text in present} == pair for pair in BOOLEANS):
        return "boolean"
    return "date" if date_format(present) else "categorical"


def _present(column: RawColumn, missing: tuple[str, ...]) -> Any:
    cells = column.as_text()
    gaps = np.array([_no_class(text, missing) for text in cells.texts] or [True])
    return ~gaps[cells.codes]


def _numeric_target(
    raw: RawTable, name: str, task: str | None, missing: tuple[str, ...], place: dict[str, Any]
) -> tuple[Target, list[str]]:
    values = _read(Target(name, "regression"), raw, missing)
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    chosen = task or decide_task(known)
    if len(distinct) == 0:
        raise DataError("the target has no values", **place)
    whole = "whole numbers" if (distinct == np.floor(distinct)).all() else "numbers"
    note = _reason(name, chosen, f"{len(distinct)} distinct {whole}", task)
    if chosen == "regression":
        if len(distinct) == 1:
            raise DataError(
                f"the target is {spelled(distinct[0])} in every row: nothing to learn", **place
            )
        return Target(name, chosen), [note]
    _check_classes(len(distinct), len(known), place, "numeric")
    return Target(name, chosen, "numeric", [spelled(float(value)) for value in distinct]), [note]


def _check_classes(classes: int, rows: int, place: dict[str, Any], kind: str) -> None:
    if classes == 0:
        raise DataError("the target has no values", **place)
    if classes == 1:
        raise DataError("the target has a single class: nothing to tell apart", **place)
    if classes > max(MAX_CLASSES, rows // 2):
        what = "numbers" if kind == "numeric" else "texts (free text or an identifier?)"
        raise DataError(
            f"the target has {classes} distinct {what} in {rows} rows, too many for classes",
            **place,
            fix="choose another target" + (", or task='regression'" * (kind == "numeric")),
        )


def _reason(name: str, task: str, why: str, given: str | None) -> str:
    cause = "as asked" if given else f'because "{name}" has {why}'
    return f"task: {task} ({cause})"


def decide_task(values: Any) -> str:
    """Classification or regression, from the numbers of a target (rule at the top of this file).

    Example:
        >>> decide_task(np.array([0, 1, 1, 0])), decide_task(np.array([0.5, 1.5]))
        ('classification', 'regression')
        >>> decide_task(np.arange(15)), decide_task(np.arange(15) % 3)
        ('regression', 'classification')
    """
    distinct = np.unique(values)
    if not (distinct == np.floor(distinct)).all():
        return "regression"
    few = len(distinct) <= min(MAX_CLASSES, len(values) // ROWS_PER_CLASS)
    return "classification" if few or len(distinct) == 2 else "regression"
