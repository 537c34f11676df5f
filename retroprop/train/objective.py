"""What a Trainer minimises: a loss by name or function, with weights and exact accumulation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from retroprop import ops, shapes
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, ShapeError, unknown
from retroprop.nn import functional
from retroprop.nn.module import Module

__all__ = ["Objective"]


class Objective:
    """A loss made to answer for a batch as a whole, or for a weighted part of a larger one.

    Args:
        loss: a name ("cross_entropy", "mse"), a function (prediction, target) -> one element, or a
              loss module. Weights need one that takes `reduction="none"`, as all of ours do.

    Example:
        >>> import retroprop as rp
        >>> objective = Objective("mse")
        >>> objective(rp.asarray([[1.0], [3.0]]), rp.asarray([[0.0], [0.0]]), None).item()
        5.0
        >>> objective(
        ...     rp.asarray([[1.0], [3.0]]), rp.asarray([[0.0], [0.0]]), rp.asarray([1.0, 0.0])
        ... ).item()
        1.0
    """

    def __init__(self, loss: Any) -> None:
        self.name = (
            loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
        )
        self._loss = _by_name(loss) if isinstance(loss, str) else loss
        if not callable(self._loss):
            raise DTypeError(
                f"loss must be a name, a function or a module, got {type(loss).__name__}",
                fix='for example loss="cross_entropy" or loss=nn.functional.mse_loss',
            )

    def __call__(self, prediction: Any, target: Any, weights: Tensor | None) -> Tensor:
        """The loss of a batch: its mean over examples, weighted when weights are given."""
        if weights is None:
            loss = self._loss(prediction, target)
        else:
            loss = self.weighted_sum(prediction, target, weights) / ops.sum(weights)
        if not isinstance(loss, Tensor) or loss.size != 1:
            given = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise ShapeError(
                f"the loss {self.name} must return a tensor with one element, got {given}",
                fix='use reduction="mean"',
            )
        return loss

    def weighted_sum(self, prediction: Any, target: Any, weights: Tensor) -> Tensor:
        """The sum over examples of their losses, each times its weight."""
        per_example = self._per_example(prediction, target, weights.shape[0])
        total: Tensor = ops.sum(per_example * weights)
        return total

    def _per_example(self, prediction: Any, target: Any, count: int) -> Tensor:
        losses: Tensor = _unreduced(self._loss, self.name)(prediction, target)
        if losses.shape[:1] != (count,):
            raise ShapeError(
                f"weights: the loss {self.name} gives shape {losses.shape} for {count} examples"
            )
        if losses.ndim == 1:
            return losses
        rest = tuple(range(1, losses.ndim))
        total: Tensor = ops.sum(losses, axis=rest)
        return total / max(1, shapes.size(losses.shape[1:]))


def _by_name(name: str) -> Callable[..., Any]:
    for candidate in (name, f"{name}_loss"):
        found: Callable[..., Any] | None = getattr(functional, candidate, None)
        if found is not None and (candidate.endswith("_loss") or candidate in _PLAIN):
            return found
    known = [n.removesuffix("_loss") for n in functional.__all__ if n.endswith("_loss")]
    raise unknown("loss", name, [*known, *_PLAIN])


_PLAIN = (
    "cross_entropy",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "kl_div",
)


def _unreduced(loss: Any, name: str) -> Callable[..., Any]:
    """The same loss with one number per example."""
    if isinstance(loss, Module):
        if not hasattr(loss, "reduction"):
            raise ArgumentError(f"weights: the loss {name} has no reduction to take apart")
        single = copy.copy(loss)
        single.reduction = "none"
        return single
    code = getattr(loss, "__code__", None)
    named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    if "reduction" not in named:
        raise ArgumentError(
            f"weights: the loss {name} does not take reduction='none'",
            fix="give the loss a `reduction` argument, or weight inside it",
        )
    return lambda prediction, target: loss(prediction, target, reduction="none")
