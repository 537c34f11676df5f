"""What metrics are given, checked and brought to one form: one row per thing that is counted.

Classification takes
    scores (n, classes[, positions...])   logits or probabilities, with labels (n[, positions...])
                                          or, for (n, classes), target distributions (n, classes)
    scores (n,) or (n, 1) of floats       binary: above the threshold means class 1
    labels (n[, positions...]) of ints    classes already decided
Regression takes two arrays of one shape (n[, outputs...]); (n, 1) goes with (n,).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

__all__ = ["IGNORED", "Labelled", "Paired", "labelled", "paired"]

IGNORED = -100  # PyTorch's mark for "no label here", and that of our losses


class Labelled(NamedTuple):
    """A batch for a classification metric.

    Attributes:
        kind: "classes", "binary" or "labels".
        scores: (n, classes) floats, (n,) floats, or (n,) class indices, by `kind`.
        labels: (n,) int64, true classes.
        weight: (n,) float64, or None: each row counts once.
    """

    kind: str
    scores: Any
    labels: Any
    weight: Any

    @property
    def classes(self) -> int | None:
        """How many classes there are, where the prediction tells."""
        if self.kind == "classes":
            return int(self.scores.shape[1])
        return 2 if self.kind == "binary" else None

    @property
    def has_nan(self) -> bool:
        """Whether a score is NaN: it belongs to no class."""
        return self.kind != "labels" and bool(np.isnan(self.scores).any())

    def predicted(self, threshold: float) -> Any:
        """(n,) int64 class of each row; the first one among equal scores."""
        if self.kind == "classes":
            return np.argmax(self.scores, axis=1).astype(np.int64)
        if self.kind == "binary":
            return (self.scores > threshold).astype(np.int64)
        return self.scores


class Paired(NamedTuple):
    """A batch for a regression metric: (n, outputs) float64 each; weight None: all count once."""

    prediction: Any
    target: Any
    weight: Any


def labelled(
    name: str, prediction: Any, target: Any, weight: Any, ignore_index: int | None = IGNORED
) -> Labelled:
    """The batch of a classification metric called `name`, without the rows to ignore.

    Raises:
        ShapeError, DTypeError, IndexRangeError: naming the metric, what came and what fits.

    Example:
        >>> labelled("accuracy", np.array([[0.1, 0.9], [0.7, 0.3]]), [1, -100], None).labels
        array([1])
    """
    scores, truth = _real(name, "prediction", prediction), _real(name, "target", target)
    kind, scores, truth, shape = _arranged(name, scores, truth)
    weights = _weights(name, weight, shape)
    labels = _indices(name, "label", truth, ignore_index)
    if ignore_index is not None and (labels == ignore_index).any():
        keep = labels != ignore_index
        scores, labels = scores[keep], labels[keep]
        weights = None if weights is None else weights[keep]
    if kind == "labels":
        scores = _indices(name, "predicted class", scores, None)
    batch = Labelled(kind, scores, labels, weights)
    if batch.classes is not None and labels.size and labels.max() >= batch.classes:
        raise IndexRangeError(
            f"{name}: label {labels.max()} at row {int(labels.argmax())} is outside 0 ... "
            f"{batch.classes - 1}: prediction has {batch.classes} classes",
            fix="count classes from 0, and give the last layer one output per class",
        )
    return batch


def paired(name: str, prediction: Any, target: Any, weight: Any) -> Paired:
    """The batch of a regression metric called `name`.

    Raises:
        ShapeError: "mae: prediction (32, 3) and target (32,) do not fit".

    Example:
        >>> paired("mae", [[1.0], [2.0]], [1.5, 2.5], None).target.tolist()
        [[1.5], [2.5]]
    """
    left, right = _real(name, "prediction", prediction), _real(name, "target", target)
    same = left.shape == right.shape or (
        left.size == right.size and _without_ones(left) == _without_ones(right)
    )
    if not same or left.ndim == 0 or right.ndim == 0:
        raise ShapeError(
            f"{name}: prediction {left.shape} and target {right.shape} do not fit",
            fix="give both the same shape (n,) or (n, outputs)",
        )
    shape = right.shape if left.shape == right.shape else (left.shape[0],)
    weights = _weights(name, weight, shape)
    form = (shape[0], int(np.prod(shape[1:], dtype=np.int64)))
    return Paired(
        left.reshape(form).astype(np.float64),
        right.reshape(form).astype(np.float64),
        None if weights is None else weights.reshape(form),
    )


def _without_ones(array: Any) -> tuple[int, ...]:
    return tuple(size for size in array.shape[1:] if size != 1)


def _real(name: str, what: str, value: Any) -> Any:
    """`value` as an array of real numbers that NumPy calculates with."""
    try:
        array = np.asarray(value)
    except ValueError as cause:
        raise ShapeError(f"{name}: {what} is not a regular array ({cause})") from cause
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.name in {"bfloat16", "float8_e4m3fn", "float8_e5m2"}:
        return array.astype(np.float32)
    raise DTypeError(f"{name}: {what} must hold real numbers, got {array.dtype}")


def _arranged(name: str, scores: Any, truth: Any) -> tuple[str, Any, Any, tuple[int, ...]]:
    """Kind, scores and labels with one row each, and the shape that the labels came in."""
    per_item = scores.shape[:1] + scores.shape[2:]
    if scores.ndim and truth.ndim:
        decided = scores.dtype.kind in "biu"
        if decided and truth.shape == scores.shape:
            return "labels", scores.reshape(-1), truth.reshape(-1), truth.shape
        fits = truth.shape in {scores.shape, per_item, (*per_item, 1)}
        if fits and (scores.ndim == 1 or scores.shape[1] == 1):
            kind = "labels" if decided else "binary"
            return kind, scores.reshape(-1), truth.reshape(-1), per_item
        if scores.ndim > 1 and truth.shape in {per_item, (*per_item, 1)}:
            rows = np.moveaxis(scores, 1, -1).reshape(-1, scores.shape[1])
            return "classes", rows, truth.reshape(-1), per_item
        if scores.ndim == 2 and truth.shape == scores.shape:
            return "classes", scores, _most_likely(name, truth), per_item
    raise ShapeError(
        f"{name}: prediction {scores.shape} and target {truth.shape} do not fit",
        fix="give scores (n, classes) with labels (n,), or binary scores (n,) with labels (n,)",
    )


def _most_likely(name: str, truth: Any) -> Any:
    """The class of each row of target probabilities; several labels per row are refused."""
    if truth.size and not np.allclose(truth.sum(axis=1, dtype=np.float64), 1, atol=1e-3):
        raise ArgumentError(
            f"{name}: target {truth.shape} holds a row that does not sum to 1",
            fix="give labels (n,); for several labels per row, pass both arrays as .reshape(-1)",
        )
    return np.argmax(truth, axis=1)


def _indices(name: str, what: str, values: Any, ignore_index: int | None) -> Any:
    """Class indices as int64; floats are fine where they are whole."""
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values))
        if not whole.all():
            row = int(np.argmin(whole))
            raise DTypeError(f"{name}: {what} {values[row]} at row {row} is not a class index")
    values = values.astype(np.int64)
    wrong = values < 0 if ignore_index is None else (values < 0) & (values != ignore_index)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise IndexRangeError(
            f"{name}: {what} {values[row]} at row {row} is negative",
            fix=f"count classes from 0; rows to skip are marked {ignore_index}",
        )
    return values


def _weights(name: str, weight: Any, shape: tuple[int, ...]) -> Any:
    """One float64 weight per item, flat; given per item, or per row of the batch."""
    if weight is None:
        return None
    array = _real(name, "weight", weight).astype(np.float64)
    if array.shape != shape:
        if array.shape not in {shape[:1], (*shape[:1], 1)}:
            raise ShapeError(
                f"{name}: weight {array.shape} does not fit target {shape}",
                fix="give one weight per row, (n,)",
            )
        array = np.broadcast_to(array.reshape(shape[:1] + (1,) * (len(shape) - 1)), shape)
    array = array.reshape(-1)
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ArgumentError(f"{name}: weight {array[row]} at row {row} is not a finite number >= 0")
    return array
