"""Examples held in memory, cut into batches by slicing: no worker processes, no copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import ArgumentError, ShapeError

__all__ = ["Batch", "Dataset", "batches", "length", "take"]


class Batch(NamedTuple):
    """One batch; `y` and `weights` are None when the dataset has none."""

    x: Any
    y: Any
    weights: Any


def _lengths(x: Any, name: str) -> dict[str, int]:
    """Number of examples of every array in `x`, by a name that an error can show."""
    if isinstance(x, dict):
        pairs = [(f"{name}[{key!r}]", item) for key, item in x.items()]
    elif isinstance(x, list | tuple):
        pairs = [(f"{name}[{index}]", item) for index, item in enumerate(x)]
    else:
        pairs = [(name, x)]
    found: dict[str, int] = {}
    for label, item in pairs:
        if getattr(item, "ndim", 1) == 0 or not hasattr(item, "__len__"):
            raise ShapeError(
                f"{label} must be an array with one entry per example, got {type(item).__name__}",
                fix="wrap lists of numbers with np.asarray",
            )
        found[label] = len(item)
    return found


def length(x: Any) -> int:
    """How many examples `x` holds: an array, a table, or a dict or tuple of arrays.

    Raises:
        ShapeError: "lengths differ: x['a'] has 2 examples, x['b'] has 3".

    Example:
        >>> length({"left": np.zeros((5, 2)), "right": np.zeros(5)})
        5
    """
    sizes = _lengths(x, "x")
    if not sizes:
        raise ShapeError("x holds no arrays")
    _agree(sizes)
    return next(iter(sizes.values()))


def _agree(sizes: dict[str, int]) -> None:
    if len(set(sizes.values())) > 1:
        text = ", ".join(f"{label} has {size} examples" for label, size in sizes.items())
        raise ShapeError(f"lengths differ: {text}", fix="give one entry per example in each")


def take(x: Any, indices: Any) -> Any:
    """The examples at `indices` (a slice or integers) of an array, table, dict or tuple of arrays.

    Example:
        >>> take((np.arange(4), np.arange(4) * 10), [2, 0])[1].tolist()
        [20, 0]
    """
    if x is None:
        return None
    if isinstance(x, np.ndarray):
        return x[indices]
    if isinstance(x, dict):
        return {key: take(item, indices) for key, item in x.items()}
    if isinstance(x, list | tuple):
        return tuple(take(item, indices) for item in x)
    if hasattr(x, "take") and not hasattr(x, "__array__"):  # a Table; a Tensor is an array
        return x.take(indices)
    return np.asarray(x)[indices]


class Dataset:
    """Inputs, targets and optional sample weights of equal length, in memory.

    Args:
        x:       an array (examples, ...), or a dict or tuple of such arrays.
        y:       an array (examples, ...), or a dict or tuple of such arrays, or None.
        weights: (examples,) finite and >= 0, or None.

    Raises:
        ShapeError: "lengths differ: x has 3 examples, y has 2 examples".
        ArgumentError: "weights must be finite and >= 0; example 1 has nan".

    Example:
        >>> data = Dataset(np.arange(10).reshape(5, 2), np.arange(5))
        >>> len(data), data.take([4, 0]).y.tolist()
        (5, [4, 0])
    """

    def __init__(self, x: Any, y: Any = None, weights: Any = None) -> None:
        sizes = _lengths(x, "x")
        if y is not None:
            sizes |= _lengths(y, "y")
        if weights is not None:
            weights = np.asarray(weights)
            sizes |= _lengths(weights, "weights")
        if not sizes:
            raise ShapeError("x holds no arrays")
        _agree(sizes)
        if weights is not None:
            _check_weights(weights)
        self.x, self.y, self.weights = x, y, weights
        self._length = next(iter(sizes.values()))

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        parts = ["x"] + [name for name in ("y", "weights") if getattr(self, name) is not None]
        return f"Dataset({len(self)} examples: {', '.join(parts)})"

    def take(self, indices: Any) -> Dataset:
        """The dataset of the examples at `indices` (a slice or integers)."""
        return Dataset(take(self.x, indices), take(self.y, indices), take(self.weights, indices))


def _check_weights(weights: Any) -> None:
    if weights.ndim != 1 or weights.dtype.kind not in "fiub":
        raise ArgumentError(
            f"weights must be one number per example, got {weights.dtype} of shape {weights.shape}"
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        index = int(bad.argmax())
        raise ArgumentError(
            f"weights must be finite and >= 0; example {index} has {weights[index]}"
        )


def batches(
    dataset: Dataset, batch_size: int, order: Any = None, drop_last: bool = False
) -> Iterator[Batch]:
    """Cut a dataset into batches, in `order` (see `shuffled`) or as it stands.

    Without an order the batches are views (slices, nothing copied). The last batch keeps what is
    left over unless `drop_last`.

    Args:
        dataset:    what to cut.
        batch_size: examples in a batch, >= 1.
        order:      (examples,) integers, or None for the dataset's own order. It may be shorter
                    than the dataset, or repeat examples.
        drop_last:  leave out the last batch when it is smaller than `batch_size`.

    Raises:
        ArgumentError: "batch_size must be an integer >= 1, got 0".

    Example:
        >>> data = Dataset(np.arange(5))
        >>> [batch.x.tolist() for batch in batches(data, 2, order=[4, 3, 2, 1, 0])]
        [[4, 3], [2, 1], [0]]
    """
    whole = isinstance(batch_size, int | np.integer) and not isinstance(batch_size, bool)
    if not whole or batch_size < 1:
        raise ArgumentError(f"batch_size must be an integer >= 1, got {batch_size!r}")
    indices = None if order is None else _checked_order(order, len(dataset))
    total = len(dataset) if indices is None else len(indices)
    return _cut(dataset, int(batch_size), indices, total - total % batch_size * drop_last)


def _cut(dataset: Dataset, size: int, indices: Any, total: int) -> Iterator[Batch]:
    """The batches themselves: apart, so that `batches` checks its arguments when called."""
    for start in range(0, total, size):
        window: Any = slice(start, min(start + size, total))
        chosen = window if indices is None else indices[window]
        yield Batch(take(dataset.x, chosen), take(dataset.y, chosen), take(dataset.weights, chosen))


def _checked_order(order: Any, count: int) -> Any:
    indices = np.asarray(order)
    if indices.size == 0:
        return indices.astype(np.int64)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ArgumentError(
            f"order must be a list of integers, got {indices.dtype} of shape {indices.shape}"
        )
    if indices.min() < 0 or indices.max() >= count:
        raise ArgumentError(
            f"order names example {int(indices.max() if indices.min() >= 0 else indices.min())}; "
            f"the dataset has examples 0 .. {count - 1}"
        )
    return indices
