"""What every loader returns: examples to train and to test on, the task, and what was assumed."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.data.dataset import length, take
from retroprop.data.order import shuffled
from retroprop.data.preprocess import Preprocessor, TablePreprocessor
from retroprop.data.schema import Schema
from retroprop.data.split import split
from retroprop.data.standardise import ArrayPreprocessor, ImagePreprocessor
from retroprop.data.target import Target
from retroprop.errors import ArgumentError, DataError

__all__ = ["Data", "Inputs", "assemble"]


class Data:
    """A data set that is ready to be trained on; inputs and targets are still raw.

    Attributes:
        kind:    "table", "images" or "arrays".
        task:    "classification" or "regression".
        target:  `Target`: name, classes, and later the scale.
        x_train, x_test: a `Table`; images (examples, height, width[, channels]); or arrays.
        y_train, y_test: int64 class indices, or float64 numbers in the units of the file.
        x_val, y_val: a validation part that the source itself has, or None.
        ids_train, ids_test: where each example comes from: line of the file (tables), path inside
                 the folder (image folders), position in the array (npz).
        groups_train: group of each training example whose repeats must stay together, or None.
        schema:  meaning of the columns (tables), or None.
        source:  path, or "table".
        notes:   sentences on what was inferred, assumed or left out.

    Example:
        >>> from retroprop.data import load
        >>> columns = {"a": np.arange(20.0) / 7, "b": ["x", "y"] * 10}
        >>> data = load(columns, target="b")
        >>> data.task, data.class_names, len(data.y_train), len(data.y_test)
        ('classification', ['x', 'y'], 16, 4)
        >>> pre = data.preprocessor().fit(data.x_train, data.y_train)
        >>> pre.transform(data.x_test).shape
        (4, 1)
    """

    def __init__(
        self,
        kind: str,
        target: Target,
        train: tuple[Any, Any, Any],
        test: tuple[Any, Any, Any],
        *,
        validation: tuple[Any, Any] | None = None,
        groups_train: Any = None,
        schema: Schema | None = None,
        source: str = "table",
        notes: list[str] | None = None,
    ) -> None:
        self.kind, self.target = kind, target
        self.x_train, self.y_train, self.ids_train = train
        self.x_test, self.y_test, self.ids_test = test
        self.x_val: Any = validation[0] if validation else None
        self.y_val: Any = validation[1] if validation else None
        self.groups_train, self.schema = groups_train, schema
        self.source, self.notes = source, notes or []

    @property
    def task(self) -> str:
        """Either "classification" or "regression"."""
        return self.target.task

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in order of class index; [] in regression."""
        return self.target.class_names

    def __repr__(self) -> str:
        return (
            f"Data({self.kind}, {self.task} of {self.target.name!r}: "
            f"{length(self.x_train)} to train, {length(self.x_test)} to test)"
        )

    def preprocessor(self) -> Any:
        """A preprocessor for this kind of data, not yet fitted."""
        if self.kind == "table":
            return TablePreprocessor(self.schema, self.target)
        made: type[Preprocessor] = ImagePreprocessor if self.kind == "images" else ArrayPreprocessor
        return made(self.target)

    def hold_out(self, fraction: float = 0.1, seed: int = 0) -> tuple[Any, Any, Any, Any]:
        """x_train, y_train, x_val, y_val: validation data taken out of the training part.

        The source's own validation part is used when it has one. Classes keep their shares;
        repeated rows stay on one side.

        Raises:
            ArgumentError: too few examples to hold any out.
        """
        if self.x_val is not None:
            return self.x_train, self.y_train, self.x_val, self.y_val
        if not 0 < fraction < 1:
            raise ArgumentError(f"fraction must lie between 0 and 1, got {fraction!r}")
        train, held = split(
            length(self.x_train),
            (1 - fraction, fraction),
            seed,
            stratify=self.y_train if self.task == "classification" else None,
            groups=self.groups_train,
        )
        return (
            take(self.x_train, train), take(self.y_train, train),
            take(self.x_train, held), take(self.y_train, held),
        )  # fmt: skip


class Inputs:
    """New data for a model that is already trained: read under the schema of its preprocessor.

    Attributes:
        x:     what `preprocessor.transform` takes.
        y:     class indices or numbers, complete; None when they were not asked for.
        ids:   where each example comes from, as in `Data`.
        notes: sentences on what was assumed or left out.
    """

    def __init__(self, x: Any, y: Any, ids: Any, notes: list[str] | None = None) -> None:
        self.x, self.y, self.ids, self.notes = x, y, ids, notes or []

    def __len__(self) -> int:
        return length(self.x)

    def __repr__(self) -> str:
        return f"Inputs({len(self)} examples, {'no' if self.y is None else 'with'} targets)"


def assemble(
    kind: str,
    target: Target,
    x: Any,
    y: Any,
    ids: Any,
    *,
    limit: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    groups: Any = None,
    schema: Schema | None = None,
    source: str = "table",
    notes: list[str] | None = None,
) -> Data:
    """Draw `limit` examples, split them into training and test part, and say so.

    Classification splits keep the share of every class; examples of one group stay together.

    Raises:
        ArgumentError: a limit below 2, a fraction outside 0 .. 1.
        DataError: too few examples to split.
    """
    notes = list(notes or [])
    labels = y if target.task == "classification" else None
    chosen = limited(len(y), limit, seed, labels, notes)
    if chosen is not None:
        x, y, ids = take(x, chosen), take(y, chosen), take(ids, chosen)
        groups = take(groups, chosen)
        labels = None if labels is None else y
    train, test = _divided(len(y), test_fraction, seed, labels, groups, source)
    how = "at random" if labels is None else "at random, keeping the share of every class"
    notes.append(f"{len(train)} examples to train, {len(test)} to test, split {how} (seed {seed})")
    if labels is not None:
        notes += _class_notes(
            target,
            np.bincount(y[train], minlength=len(target.class_names)),
            np.bincount(y[test], minlength=len(target.class_names)),
        )
    return Data(
        kind, target,
        (take(x, train), y[train], take(ids, train)),
        (take(x, test), y[test], take(ids, test)),
        groups_train=take(groups, train), schema=schema, source=source, notes=notes,
    )  # fmt: skip


def _divided(
    n: int, test_fraction: float, seed: int, labels: Any, groups: Any, source: str
) -> list[Any]:
    """Indices of both parts; too few examples are the fault of the source, not of an argument."""
    if not 0 < test_fraction < 1:
        raise ArgumentError(f"test_fraction must lie between 0 and 1, got {test_fraction!r}")
    shuffled(0, seed)  # refuses a wrong seed
    try:
        return split(n, (1 - test_fraction, test_fraction), seed, labels, groups)
    except ArgumentError as cause:
        raise DataError(cause.what, file=source, fix="give more examples") from cause


def limited(n: int, limit: int | None, seed: int, labels: Any, notes: list[str]) -> Any:
    """Indices of `limit` examples drawn at random in the shares of their classes; None for all."""
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 2:
        raise ArgumentError(f"limit must be an integer >= 2, got {limit!r}")
    if limit >= n:
        return None
    notes.append(f"{limit} of {n} examples drawn at random (limit)")
    return split(n, (limit / n, 1 - limit / n), seed, labels)[0]


def _class_notes(target: Target, train: Any, test: Any) -> list[str]:
    """Classes too small to be judged, and classes out of balance."""
    notes = []
    absent = [target.class_names[k] for k in np.flatnonzero(test == 0)]
    if absent:
        names = ", ".join(absent[:10]) + (", ..." if len(absent) > 10 else "")
        notes.append(f"too few examples to be in the test part: {names}")
    present = train[train > 0]
    if present.max() > 10 * present.min():
        small, large = (
            target.class_names[k]
            for k in (np.where(train > 0, train, train.max()).argmin(), train.argmax())
        )
        notes.append(
            f"classes are out of balance: {train.max()} examples of {large}, "
            f"{present.min()} of {small}"
        )
    return notes
