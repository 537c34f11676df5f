"""The loss before training: a model that knows nothing should be as wrong as a guess."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop.health.checks.case import Case, kind_of_loss
from retroprop.health.finding import Finding

__all__ = ["chance", "initial_loss"]

_HIGH, _LOW = 2.0, 0.5  # times the loss of a guess
_FAR = 10.0  # squared errors: times the mean square of the target


def chance(case: Case) -> float | None:
    """The loss of a model that knows nothing: ln C for C classes, the mean square of the target.

    Example:
        >>> from retroprop import nn
        >>> from retroprop.health.checks.case import make_case
        >>> case = make_case(nn.Linear(2, 4), "cross_entropy", np.zeros((3, 2)), [0, 1, 1])
        >>> round(chance(case), 3) == round(math.log(4), 3)
        True
    """
    kind, outputs = kind_of_loss(case.loss), case.look.outputs
    if kind == "cross_entropy" and outputs and len(outputs) > 1:
        return math.log(max(2, outputs[1]))
    if kind == "binary":
        return math.log(2.0)
    if kind == "mse" and case.target is not None and case.target.dtype.kind in "fiub":
        y = case.target.astype(np.float64)
        return float(np.square(y).mean()) if np.isfinite(y).all() else None
    return None


def initial_loss(case: Case) -> Iterator[Finding]:
    """The loss of the untrained model is far from that of a guess.

    Far above it the outputs are large before anything is known, and the first steps are spent on
    making them small; far below it the answer is in the inputs, or the model was trained before.

    Source: Karpathy 2019, "A recipe for training neural networks".
    """
    expected, loss = chance(case), case.look.loss
    if loss is None or expected is None or not math.isfinite(loss):
        if loss is not None and not math.isfinite(loss):
            yield _finding(f"the loss is {loss} before the first step", "", "", 1.0, loss, 0.0)
        return
    kind = kind_of_loss(case.loss)
    squared = kind == "mse"
    if not expected or (squared and getattr(case.loss, "reduction", "mean") != "mean"):
        return
    ratio = loss / expected
    if ratio > (_FAR if squared else _HIGH):
        yield _finding(
            f"the loss is {loss:.3g} before the first step, a guess has {expected:.3g}",
            "the outputs are large before anything is known",
            "scale the inputs, or start the last layer smaller: nn.init.auto_(model)",
            0.6 if ratio > 5 * (_FAR if squared else _HIGH) else 0.4,
            loss,
            expected,
        )
    elif not squared and ratio < _LOW:
        yield _finding(
            f"the loss is {loss:.3g} before the first step, a guess has {expected:.3g}",
            "the model was trained before, or its inputs hold the answer",
            "look at the inputs, or train from fresh weights",
            0.3,
            loss,
            expected,
        )
    elif squared:
        yield from _unscaled_target(case.targets, expected)


def _unscaled_target(target: Any, square: float) -> Iterator[Finding]:
    y = target.astype(np.float64)
    spread = float(np.var(y, axis=0).mean())
    if square > 1e4 or (spread and square > 100.0 * spread):
        yield Finding(
            "unscaled_target",
            f"the target has mean {float(y.mean()):.3g} and deviation {spread**0.5:.3g}",
            "an output starts near 0: the first steps, and the largest gradients, only move it "
            "to the mean",
            "train on (y - y.mean()) / y.std() and turn predictions back",
            0.6,
            evidence={"mean": float(y.mean()), "deviation": spread**0.5},
        )


def _finding(
    what: str, why: str, remedy: str, weight: float, loss: float, expected: float
) -> Finding:
    return Finding(
        "initial_loss",
        what,
        why or "inputs, weights or the loss itself are not finite",
        remedy or "look at the inputs for NaN, and at log, sqrt and divisions of the model",
        weight,
        evidence={"loss": loss, "chance": expected},
    )
