"""Class indices of a batch made ready for a loss: checked, weighted, left out where ignored."""

from __future__ import annotations

from typing import Any

from retroprop import dtypes, ops
from retroprop.array.creation import asarray
from retroprop.core.faces import astype
from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError
from retroprop.nn.functional._checks import class_indices, described, label_range
from retroprop.nn.functional._reduction import reduced

__all__ = ["Labels", "class_axis", "class_weight"]


def class_axis(op: str, x: Tensor) -> int:
    """Where the classes are: axis 1 of a batch, axis 0 of one example."""
    if x.ndim == 0:
        raise ShapeError(
            f"{op}: input is a single number, it needs an axis of classes",
            fix="give (batch, classes, ...) or (classes,)",
        )
    return 1 if x.ndim > 1 else 0


def class_weight(op: str, weight: Any, x: Tensor, axis: int) -> Tensor | None:
    """The weights of the classes, checked."""
    if weight is None:
        return None
    weights = asarray(weight)
    if weights.shape != (x.shape[axis],):
        raise ShapeError(
            f"{op}: weight has shape {weights.shape}, "
            f"input {described(x.shape, classes=True)} has {x.shape[axis]} classes",
            fix=f"give one weight for each class, shape ({x.shape[axis]},)",
        )
    return astype(weights, x.dtype)


class Labels:
    """Class indices of the rows of an input.

    Attributes:
        counted: where the index is not the ignored one; the shape of the target.
        factor:  weight of each row's class, or None.
        weight:  what each row adds to the denominator of the mean.
    """

    def __init__(
        self, op: str, x: Tensor, target: Any, weight: Tensor | None, axis: int, ignore_index: int
    ) -> None:
        wanted = (*x.shape[:axis], *x.shape[axis + 1 :])
        labels = class_indices(op, target, wanted, x.shape).astype(dtypes.int64)
        label_range(op, labels, x.shape[axis], ignore_index)
        self.axis = axis
        self.counted = ops.not_equal(labels, ignore_index)
        safe = ops.where(self.counted, labels, 0)
        self.index = ops.reshape(safe, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
        self.factor = None if weight is None else ops.take(weight, safe, axis=0)
        if self.factor is None:
            self.weight = astype(self.counted, x.dtype)
        else:
            self.weight = ops.where(self.counted, self.factor, 0.0)

    def pick(self, x: Tensor) -> Tensor:
        """The element of the labelled class, without the axis of classes."""
        picked = ops.take_along_axis(x, self.index, axis=self.axis)
        return ops.reshape(picked, self.counted.shape)

    def settle(self, loss: Tensor, reduction: str) -> Tensor:
        """Weighted losses of the rows reduced; ignored rows count nothing."""
        weighted = loss if self.factor is None else loss * self.factor
        return reduced(ops.where(self.counted, weighted, 0.0), reduction, self.weight)
