"""What a user may hand to a Trainer, made a Dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.data.dataset import Dataset
from retroprop.errors import ArgumentError, ShapeError

__all__ = ["dataset", "pair", "with_targets"]

Array = np.ndarray[Any, Any]


def dataset(x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> Dataset:
    """Arrays, tuples or dicts of arrays, lists of numbers, or a Dataset, with weights put to it.

    Raises:
        ArgumentError: targets given twice, or class weights that do not fit the labels.
        ShapeError:    no examples, or lengths that differ.

    Example:
        >>> dataset([[1.0], [2.0]], [0, 1], class_weight=[1.0, 3.0]).weights.tolist()
        [1.0, 3.0]
    """
    if isinstance(x, Dataset):
        if y is not None:
            raise ArgumentError("a Dataset brings its own targets; y must not be given")
        x, y, sample_weight = x.x, x.y, x.weights if sample_weight is None else sample_weight
    x, y = _array(x), _array(y)
    if class_weight is not None:
        sample_weight = _class_weights(y, class_weight, sample_weight)
    data = Dataset(x, y, sample_weight)
    if not len(data):
        raise ShapeError("there are no examples")
    return data


def _array(items: Any) -> Any:
    """A list of numbers (or lists of them) as an array; a list of arrays is several inputs."""
    if isinstance(items, list) and items and not hasattr(items[0], "shape"):
        array = np.asarray(items)
        return array.astype(np.float32) if array.dtype.kind == "f" else array
    return items


def with_targets(data: Dataset, what: str) -> Dataset:
    """The same data; without targets there is nothing to compare with.

    Raises:
        ArgumentError: "fit needs targets y".
    """
    if data.y is None:
        raise ArgumentError(f"{what} needs targets y", fix="an autoencoder takes y=x")
    return data


def _class_weights(y: Any, table: Any, sample_weight: Any) -> Array:
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ArgumentError("class_weight needs integer class labels, one per example")
    by_class = table if isinstance(table, dict) else dict(enumerate(table))
    missing = sorted(set(labels.tolist()) - set(by_class))
    if missing:
        raise ArgumentError(f"class_weight has no weight for class {missing[0]}")
    weights = np.array([by_class[label] for label in labels.tolist()], np.float32)
    return weights if sample_weight is None else weights * np.asarray(sample_weight)


def pair(data: Any) -> Dataset:
    """Validation data: (x, y), (x, y, weights) or a Dataset.

    Example:
        >>> len(pair((np.zeros((3, 2)), np.zeros(3))))
        3
    """
    if isinstance(data, Dataset):
        return with_targets(data, "validation_data")
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ArgumentError("validation_data must be (x, y), (x, y, weights) or a Dataset")
    return with_targets(dataset(*data), "validation_data")
