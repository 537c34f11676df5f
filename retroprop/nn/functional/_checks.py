"""What losses ask of their arguments: shapes and dtypes always, values only when they are known.

Shapes and dtypes are static, so those checks hold in compiled programs too. A check of values reads
numbers, which is possible in eager execution alone: each of them asks `is_known` first, the one
switch, and costs one or two passes over labels or a few elements of the logits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

__all__ = [
    "above",
    "class_indices",
    "described",
    "floating",
    "is_known",
    "label_range",
    "no_probabilities",
    "same_shape",
    "signs",
    "within",
]

Shape = tuple[int, ...]

_AXES: dict[int, tuple[str, ...]] = {
    1: ("batch",),
    2: ("batch", "features"),
    3: ("batch", "channels", "length"),
    4: ("batch", "channels", "height", "width"),
    5: ("batch", "channels", "depth", "height", "width"),
}
_CLASS_AXES = {
    ndim: tuple("classes" if name in ("features", "channels") else name for name in names)
    for ndim, names in _AXES.items()
}
_CLASS_AXES[1] = ("classes",)


def is_known(*tensors: Tensor) -> bool:
    """Whether these tensors hold numbers now: true in eager execution, false while tracing."""
    return all(isinstance(getattr(x, "_array", None), np.ndarray) for x in tensors)


def described(shape: Shape, *, classes: bool = False, axes: tuple[str, ...] = ()) -> str:
    """A shape with the names that its axes usually have.

    Example:
        >>> described((8, 1)), described((8, 10), classes=True), described(())
        ('(batch 8, features 1)', '(batch 8, classes 10)', '() (a single number)')
    """
    if not shape:
        return "() (a single number)"
    names = axes or (_CLASS_AXES if classes else _AXES).get(len(shape))
    if names is None:
        return str(shape)
    return "(" + ", ".join(f"{name} {n}" for name, n in zip(names, shape, strict=True)) + ")"


def floating(op: str, **tensors: Any) -> tuple[Tensor, ...]:
    """The arguments as Tensors of which at least the first is of a floating type."""
    found = tuple(asarray(x) for x in tensors.values())
    name, first = next(iter(tensors)), found[0]
    if not dtypes.is_floating(first.dtype):
        raise DTypeError(
            f"{op}: {name} must be floating numbers, it is {first.dtype}",
            fix=f"convert it: {name}.astype(rp.float32)",
        )
    return found


def same_shape(op: str, **tensors: Tensor) -> None:
    """An error where shapes differ: nothing is broadcast in silence.

    Raises:
        ShapeError: "mse_loss: input (batch 8, features 1) and target (batch 8) differ in shape".
    """
    (first, x), *others = tensors.items()
    for name, other in others:
        if other.shape != x.shape:
            raise ShapeError(
                f"{op}: {first} {described(x.shape)} and {name} {described(other.shape)} "
                "differ in shape",
                fix=_way_out(first, x.shape, name, other.shape),
            )


def _way_out(first: str, x: Shape, name: str, z: Shape) -> str:
    """The one call that makes two shapes agree, where there is one."""
    for longer, a, shorter, b in ((first, x, name, z), (name, z, first, x)):
        for axis in (-1, 0):
            cut = a[:-1] if axis else a[1:]
            if len(a) == len(b) + 1 and cut == b and a[axis] == 1:
                return (
                    f"drop the axis of size 1, rp.squeeze({longer}, axis={axis}), "
                    f"or add it, rp.expand_dims({shorter}, axis={axis})"
                )
    if sorted(n for n in x if n != 1) == sorted(n for n in z if n != 1):
        return f"bring them to one shape: {name}.reshape({x}) if the order of the elements is right"
    return "they must be equal; broadcast on purpose with rp.broadcast_to where that is meant"


def class_indices(op: str, target: Any, wanted: Shape, input_shape: Shape) -> Tensor:
    """Class labels as an integer Tensor of the wanted shape.

    Raises:
        DTypeError: the labels are no integers.
        ShapeError: there is not one label for each row of the input.
    """
    labels = asarray(target)
    if labels.shape != wanted:
        raise ShapeError(
            f"{op}: input {described(input_shape, classes=True)} needs class indices of shape "
            f"{described(wanted, axes=_label_axes(input_shape))}, target has shape {labels.shape}",
            fix=_label_way_out(labels, wanted, input_shape),
        )
    if not dtypes.is_integer(labels.dtype):
        raise DTypeError(
            f"{op}: class indices must be integers, target is {labels.dtype} {labels.shape}",
            fix="convert them: target.astype(rp.int64); "
            f"probabilities need the shape of the input, {input_shape}",
        )
    return labels


def _label_axes(shape: Shape) -> tuple[str, ...]:
    names = _CLASS_AXES.get(len(shape), ())
    return tuple(name for name in names if name != "classes")


def _label_way_out(labels: Tensor, wanted: Shape, input_shape: Shape) -> str:
    if labels.shape == input_shape and dtypes.is_integer(labels.dtype):
        axis = min(1, len(input_shape) - 1)
        return (
            f"a one-hot target: take rp.argmax(target, axis={axis}), "
            "or target.astype(rp.float32) for probabilities"
        )
    if [n for n in labels.shape if n != 1] == [n for n in wanted if n != 1]:
        return f"reshape it: target.reshape({wanted})"
    return "give one class index for each row of the input"


def label_range(
    op: str, labels: Tensor, classes: int, ignore_index: int | None = None, what: str = "class"
) -> None:
    """Raises an IndexRangeError naming the first label outside 0..classes-1 and its row."""
    if not is_known(labels) or not labels.size:
        return
    values = labels.numpy()
    if values.min() >= 0 and values.max() < classes:
        return
    wrong = (values < 0) | (values >= classes)
    if ignore_index is not None:
        wrong &= values != ignore_index
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        at = [int(i) for i in place]
        row = f"row {at[0]}" if len(at) == 1 else f"position {tuple(at)}"
        raise IndexRangeError(
            f"{op}: {what} index {int(values[place])} in {row if at else 'target'} of target "
            f"is outside 0..{classes - 1}: the input has {classes} classes",
            fix=_range_way_out(values, classes, ignore_index),
        )


def _range_way_out(values: Any, classes: int, ignore_index: int | None) -> str:
    if values.min() == 1 and values.max() == classes:
        return "the labels count from 1: use target - 1"
    ignored = (
        "" if ignore_index is None else f", or {ignore_index} (ignore_index) to leave a row out"
    )
    if values.max() >= classes:
        return (
            f"widen the last layer to {int(values.max()) + 1} outputs, or mend the labels{ignored}"
        )
    return f"use labels from 0{ignored}"


def no_probabilities(op: str, input: Tensor, axis: int) -> None:
    """Raises an ArgumentError when the logits of a batch are probabilities, as far as one can see.

    They are taken for probabilities when there are at least two rows, and in every row all numbers
    are in [0, 1] and sum to 1 within 1e-4. Logits do that by chance only: the first row nearly
    always ends the check.
    """
    if not is_known(input) or input.ndim < 2 or input.shape[axis] < 2:
        return
    values = input.numpy()
    if values.size < 2 * input.shape[axis] or not 0.0 <= values.item(0) <= 1.0:
        return
    rows = np.moveaxis(values, axis, -1)
    first = rows[(0,) * (rows.ndim - 1)]
    if not _is_distribution(first) or not _is_distribution(rows):
        return
    raise ArgumentError(
        f"{op}: input {described(input.shape, classes=True)} holds probabilities (every row is "
        "in [0, 1] and sums to 1), it must be logits: cross-entropy applies the softmax itself",
        fix="remove the softmax at the end of the model, or use F.nll_loss(rp.log(p), target); "
        "check_logits=False lets such logits through",
    )


def _is_distribution(rows: Any) -> bool:
    if rows.min() < 0.0 or rows.max() > 1.0:
        return False
    sums = rows.sum(axis=-1, dtype=np.float64)
    return bool((np.abs(sums - 1.0) <= 1e-4).all())


def within(
    op: str, name: str, x: Tensor, low: float, high: float, fix: str, *, slack: float = 0.0
) -> None:
    """Raises an ArgumentError naming a value outside [low, high] and where it stands."""
    if not is_known(x) or not x.size:
        return
    values = x.numpy()
    least, most = float(values.min()), float(values.max())
    if least >= low - slack and most <= high + slack:
        return
    if np.isnan(least):  # left to spread, so that the loss shows it
        return
    worst = least if least < low - slack else most
    position = int(np.argmin(values) if worst == least else np.argmax(values))
    at = tuple(int(i) for i in np.unravel_index(position, values.shape))
    raise ArgumentError(
        f"{op}: {name} must be in [{low:g}, {high:g}], it has {worst:g} at {at}", fix=fix
    )


def above(op: str, name: str, x: Tensor, low: float, fix: str) -> None:
    """Raises an ArgumentError naming the smallest value when it is below a bound."""
    if is_known(x) and x.size and x.numpy().min() < low:
        raise ArgumentError(
            f"{op}: {name} must be at least {low:g}, it has {float(x.numpy().min()):g}", fix=fix
        )


def signs(op: str, target: Tensor) -> None:
    """Raises an ArgumentError where a target of two classes is neither 1 nor -1."""
    if not is_known(target) or not target.size:
        return
    values = target.numpy()
    wrong = (values != 1) & (values != -1)
    if wrong.any():
        raise ArgumentError(
            f"{op}: target must be 1 or -1, it has {values[wrong].flat[0]:g}",
            fix="turn labels 0 and 1 into signs: 2 * target - 1",
        )
