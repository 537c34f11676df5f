"""How the losses of single elements become one number."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.core.tensor import Tensor
from retroprop.errors import unknown

__all__ = ["check_reduction", "reduced"]

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(reduction: Any, also: tuple[str, ...] = ()) -> None:
    """An error with the nearest match for a reduction that does not exist."""
    if reduction not in REDUCTIONS and reduction not in also:
        raise unknown("reduction", reduction, (*REDUCTIONS, *also))


def reduced(loss: Tensor, reduction: str, weight: Tensor | None = None) -> Tensor:
    """The losses as they are ("none"), their sum, or their mean: sum / number of elements.

    Args:
        loss:      (...,) losses of single elements, already multiplied by their weights.
        reduction: "none", "mean" or "sum".
        weight:    weights of the elements; the mean then divides by their sum.

    Example:
        >>> reduced(Tensor([1.0, 3.0]), "mean").item()
        2.0
    """
    check_reduction(reduction)
    if reduction == "none":
        return loss
    total = ops.sum(loss)
    if reduction == "mean":
        total = total * _inverse(loss.size) if weight is None else total / ops.sum(weight)
    return total


def _inverse(count: int) -> float:
    """1 / count; the mean over no elements is NaN, as in PyTorch."""
    return 1.0 / count if count else float("nan")
