"""Named arrays (of a `.npz` file or from Python): images or feature arrays, and what to predict.

Names, in any case: x_train y_train x_test y_test (also train_images, ...), or one pair x y,
images labels, data target, features targets, ...; optional x_val y_val and class_names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.data.data import Data, Inputs, assemble, limited
from retroprop.data.dataset import take
from retroprop.data.preprocess import Preprocessor
from retroprop.data.split import repeat_groups
from retroprop.data.table import RawColumn, RawTable
from retroprop.data.target import Target, decide_target
from retroprop.errors import DataError, nearest, unknown

__all__ = ["arrays_data", "holds_pair", "inputs_from_arrays"]

_X = ("x", "images", "image", "data", "features", "inputs", "input")
_Y = ("y", "labels", "label", "target", "targets", "classes", "outputs")
_PARTS = {"": ("{}",)} | {
    part: tuple(form.format(end) for end in ends for form in ("{{}}_{}", "{}_{{}}"))
    for part, ends in {
        "train": ("train", "training"),
        "test": ("test", "testing"),
        "val": ("val", "valid", "validation"),
    }.items()
}


def holds_pair(arrays: Any, target: str | None = None) -> bool:
    """Whether names tell inputs from targets: x and y, images and labels, x_train and y_train...

    Example:
        >>> holds_pair({"x": 0, "y": 0}), holds_pair({"size": 0, "price": 0})
        (True, False)
    """
    return any(_pair(part, arrays, target) for part in ("train", ""))


def _pair(part: str, arrays: Any, target: str | None) -> tuple[str, str] | None:
    """Names of the input and the target array of a part; "" is the whole."""
    keys = {str(key).lower(): str(key) for key in arrays}
    for pattern in _PARTS[part]:
        inputs = [keys[name] for key in _X if (name := pattern.format(key)) in keys]
        goals = [keys[name] for key in _Y if (name := pattern.format(key)) in keys]
        if target is not None:
            named = (pattern.format(target.lower()), *([target.lower()] if not part else []))
            goals = [keys[name] for name in named if name in keys]
        inputs = [key for key in inputs if key not in goals]
        if inputs and goals:
            return inputs[0], goals[0]
    return None


class _Reader:
    """Checks and converts arrays by name; keeps what all parts must share."""

    def __init__(self, arrays: Any, source: str, kind: str | None, notes: list[str]) -> None:
        self.arrays = {str(key): _array(value) for key, value in arrays.items()}
        self.source, self.kind, self.notes = source, kind, notes
        self.shape: tuple[int, ...] | None = None

    def error(self, what: str, key: str, fix: str | None = None) -> DataError:
        return DataError(what, file=self.source, column=key, fix=fix)

    def inputs(self, key: str) -> Any:
        """The input array of a part: finite, images channels last, shaped as the other parts."""
        x = self.arrays[key]
        if x.dtype.kind not in "fiub":
            raise self.error(f"inputs must be numbers, got {x.dtype}", key)
        if x.ndim == 0 or x.size == 0:
            raise self.error(f"there is nothing in it (shape {x.shape})", key)
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            at = np.argwhere(~np.isfinite(x))[0]
            place = ", ".join(map(str, at))
            raise self.error(f"[{place}] is {x[tuple(at)]}: inputs must be finite", key)
        if self.kind is None:
            self.kind = "images" if x.ndim in (3, 4) else "arrays"
        if self.kind == "images":
            x = self._images(x, key)
        if self.shape is not None and x.shape[1:] != self.shape:
            raise self.error(f"examples have shape {x.shape[1:]}, the others {self.shape}", key)
        self.shape = x.shape[1:]
        return x

    def _images(self, x: Any, key: str) -> Any:
        if x.ndim not in (3, 4):
            raise self.error(f"images need 3 or 4 dimensions, got shape {x.shape}", key)
        first = x.ndim == 4 and x.shape[1] in (1, 3, 4) and x.shape[3] not in (1, 3, 4)
        if first:
            self.notes.append(f"{key}: channels come first (axis 1), moved last")
        return np.moveaxis(x, 1, 3) if first else x

    def labels(self, key: str, count: int) -> Any:
        """The target array of a part, one entry (or row of outputs) per example."""
        y = self.arrays[key]
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim not in (1, 2) or y.dtype.kind not in "fiubUST":
            raise self.error(f"targets cannot be {y.dtype} of shape {y.shape}", key)
        if len(y) != count:
            raise self.error(f"has {len(y)} entries for {count} inputs", key)
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            row = int(np.argwhere(~np.isfinite(y))[0][0])
            raise self.error(f"entry {row} is not finite", key)
        if y.ndim == 2:
            y = self._outputs(y, key)
        return y

    def _outputs(self, y: Any, key: str) -> Any:
        """Class indices of one-hot rows, or several numbers to predict per example."""
        if y.dtype.kind not in "fiub":
            raise self.error(f"targets cannot be {y.dtype} of shape {y.shape}", key)
        if ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all():
            self.notes.append(f"{key}: one-hot rows are read as {y.shape[1]} classes")
            return y.argmax(axis=1)
        return y.astype(np.float64)

    def column(self, key: str, name: str, y: Any) -> RawTable:
        """Labels as a table of one column, for the rules of `target`."""
        column = RawColumn.from_array(y, name, self.source)
        return RawTable({name: column}, np.arange(len(y)), f"{self.source} ({key})")

    def target(self, key: str, y: Any, task: str | None, names: Any) -> Target:
        """What the targets of the training part make: classes, or numbers."""
        if y.ndim == 2:
            if task == "classification":
                raise self.error(f"rows of {y.shape[1]} numbers are no classes", key)
            self.notes.append(f"task: regression of {y.shape[1]} numbers per example")
            return Target(_base(key), "regression")
        if task is None and self.kind == "images" and y.dtype.kind in "iu":
            # Pictures labelled with whole numbers: classes, also when there are many (faces).
            count = len(np.unique(y))
            if count * 2 <= len(y):
                column = self.column(key, _base(key), y)
                found, _ = decide_target(column, _base(key), "classification")
                self.notes.append(f"task: classification (images with {count} distinct labels)")
                return self._named(found, y, names)
        found, reasons = decide_target(self.column(key, _base(key), y), _base(key), task)
        self.notes += reasons
        return self._named(found, y, names)

    def _named(self, found: Target, y: Any, names: Any) -> Target:
        """The target with the archive's own names for its classes, when it has any."""
        if names is not None and found.task == "classification":
            self._name_classes(found, y, np.asarray(names))
        return found

    def _name_classes(self, target: Target, y: Any, names: Any) -> None:
        """class_names[i] is the name of label i."""
        if names.ndim != 1 or names.dtype.kind not in "USOT":
            raise self.error("must be one text per class", "class_names")
        if target.kind != "numeric":
            return
        if y.min() < 0 or y.max() >= len(names) or (y != np.floor(y)).any():
            raise self.error(
                f"has {len(names)} names, labels go from {y.min()} to {y.max()}", "class_names"
            )
        target.classes = [str(index) for index in range(len(names))]
        target.class_names = [
            name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            for name in names
        ]

    def encode(self, target: Target, key: str, y: Any) -> Any:
        """Class indices or float64 numbers."""
        return y if y.ndim == 2 else target.encode(self.column(key, target.name, y))


def _array(value: Any) -> Any:
    return value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)


def _base(key: str) -> str:
    """Name of the target without the part: y_train is y."""
    for pattern in (*_PARTS["train"], *_PARTS["test"]):
        end = pattern.format("")
        key = key.removesuffix(end) if pattern.startswith("{") else key.removeprefix(end)
    return key


def arrays_data(
    arrays: Any,
    target: str | None = None,
    *,
    source: str = "arrays",
    task: str | None = None,
    kind: str | None = None,
    limit: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> Data:
    """Named arrays to training and test data; arguments as in `load`.

    `target` names the array to predict when its name does not tell. `kind` is "images" or "arrays"
    to overrule the guess: arrays of 3 or 4 dimensions are images.

    Raises:
        DataError: unknown names, lengths that differ, values that are not finite, labels in the
            test part that training does not have.

    Example:
        >>> data = arrays_data({"x": np.arange(20.0).reshape(10, 2), "y": np.arange(10) % 2})
        >>> data
        Data(arrays, classification of 'y': 8 to train, 2 to test)
    """
    if kind not in (None, "images", "arrays"):
        raise unknown("kind of data", kind, ("images", "arrays"))
    pairs = {part: pair for part in _PARTS if (pair := _pair(part, arrays, target))}
    first = "train" if "train" in pairs else ""
    if first not in pairs:
        raise _name_error(arrays, target, source)
    notes: list[str] = []
    read = _Reader(arrays, source, kind, notes)
    pairs.pop("" if first else "train", None)
    parts = {}
    for part in sorted(pairs, key=lambda part: part != first):  # training decides kind and shape
        x_key, y_key = pairs[part]
        x = read.inputs(x_key)
        parts[part] = (x, read.labels(y_key, len(x)))
    names = next((read.arrays[key] for key in read.arrays if key.lower() == "class_names"), None)
    goal = read.target(pairs[first][1], parts[first][1], task, names)
    coded = {part: (x, read.encode(goal, pairs[part][1], y)) for part, (x, y) in parts.items()}
    assert read.kind is not None
    notes.insert(0, f"{read.kind}: {pairs[first][0]} {parts[first][0].shape}")
    return _data(read, goal, coded, first, limit, test_fraction, seed)


def _data(
    read: _Reader, goal: Target, parts: dict[str, Any], first: str, limit: int | None,
    test_fraction: float, seed: int,
) -> Data:  # fmt: skip
    """Data with the file's own test part, else with one split off."""
    kind = str(read.kind)
    if "test" not in parts:
        x, y = parts[first]
        data = assemble(
            kind, goal, x, y, np.arange(len(y)), limit=limit, test_fraction=test_fraction,
            seed=seed, groups=repeat_groups(x, read.notes), source=read.source, notes=read.notes,
        )  # fmt: skip
        data.x_val, data.y_val = parts.get("val", (None, None))
        return data
    drawn = []
    for x, y in (parts[first], parts["test"]):
        labels = y if goal.task == "classification" else None
        chosen = limited(len(y), limit, seed, labels, read.notes)
        ids = np.arange(len(y)) if chosen is None else chosen
        drawn.append((x, y, ids) if chosen is None else (take(x, ids), take(y, ids), ids))
    train, test = drawn
    read.notes.append(f"{len(train[1])} examples to train, {len(test[1])} to test, as they come")
    return Data(
        kind, goal, train, test, validation=parts.get("val"), source=read.source, notes=read.notes
    )


def _name_error(arrays: Any, target: str | None, source: str) -> DataError:
    names = [str(key) for key in arrays]
    listed = ", ".join(f"{key} {np.shape(arrays[key])}" for key in list(arrays)[:20])
    close = nearest(target, names) if target and target not in names else None
    what = "no pair of inputs and targets" if target is None else f'no target array "{target}"'
    fix = "name the arrays x_train, y_train, x_test, y_test, or x and y; name another target array"
    return DataError(
        f"{what}{f', did you mean {close!r}' if close else ''}; there is {listed or 'nothing'}",
        file=source, fix=f"{fix} with --target NAME (target=...)",
    )  # fmt: skip


def inputs_from_arrays(
    arrays: Any, preprocessor: Preprocessor, with_target: bool = False, source: str = "arrays"
) -> Inputs:
    """New arrays for a trained model: the test part when there is one, else x (or the only array).

    Raises:
        DataError: no inputs (or targets, when asked for) among the names, other shapes than in
            training, labels that training did not have.
    """
    notes: list[str] = []
    read = _Reader(arrays, source, preprocessor.kind, notes)
    target = preprocessor.target
    if with_target:
        pair = None
        for part in ("test", ""):
            pair = pair or _pair(part, arrays, None)
            pair = pair or (_pair(part, arrays, target.name) if target else None)
        if pair is None or target is None:
            raise _name_error(arrays, None, source)
        x = read.inputs(pair[0])
        y = read.encode(target, pair[1], read.labels(pair[1], len(x)))
        notes.append(f"{pair[0]} {x.shape} with {pair[1]}")
        return Inputs(x, y, np.arange(len(x)), notes)
    keys = {key.lower(): key for key in read.arrays}
    found = [
        keys[name]
        for part in ("test", "")
        for pattern in _PARTS[part]
        for key in _X
        if (name := pattern.format(key)) in keys
    ]
    found = found or (list(read.arrays) if len(read.arrays) == 1 else [])
    if not found:
        raise _name_error(arrays, None, source)
    x = read.inputs(found[0])
    notes.append(f"{found[0]} {x.shape}")
    return Inputs(x, None, np.arange(len(x)), notes)
