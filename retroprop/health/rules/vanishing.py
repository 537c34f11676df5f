"""Gradients that vanish on their way back through the layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.depth import Slope, slope
from retroprop.health.rules.progress import progress

__all__ = ["vanishing_gradient"]

_LIMIT = 1e-3  # what is left of the gradient at the first layer, where nothing is learnt
_HOPELESS = 1e-5  # and whatever the loss does: below it float32 loses the updates of those layers
_STEPS = 50  # that a network gets to learn in spite of it
_SATURATED = 0.3  # the share of saturated values that explains it
_SLOPES = {"sigmoid": "0.25", "tanh": "1"}


def vanishing_gradient(history: History) -> Iterator[Finding]:
    """The first layers get less than a thousandth of the gradient of the last ones.

    Source: Hochreiter 1991; Glorot, Bengio 2010, "Understanding the difficulty of training deep
        feedforward neural networks".
    """
    found = slope(history, _LIMIT)
    if found is None:
        return
    course = progress(history)
    is_stuck = course is not None and course.steps >= _STEPS and course.is_stuck
    if found.total > _HOPELESS and not is_stuck:
        return
    why, remedy, fixes = _cause(history)
    yield Finding(
        "vanishing_gradient",
        f"the gradient shrinks {found.per_layer:.2g}x per layer from {found.last} to {found.first}:"
        f" {found.total:.1g} of it is left",
        why,
        remedy,
        0.9 if found.total < _HOPELESS else 0.7,
        found.step,
        (found.first, found.last),
        fixes,
        _evidence(found),
    )


def _cause(history: History) -> tuple[str, str, tuple[dict[str, Any], ...]]:
    """Why, the remedy, and the fixes to try."""
    bounded = {kind: list(history.latest("saturated", kind).values()) for kind in _SLOPES}
    kind = max(bounded, key=lambda one: len(bounded[one]))
    norm = "nn.BatchNorm1d after each Linear (batch_norm=true)"
    if not bounded[kind]:
        return (
            "the weights of the layers are too small for the number of their inputs",
            f'init="he" (nn.init.auto_(model)), or {norm}',
            ({"init": "he"}, {"batch_norm": True}),
        )
    share = sum(bounded[kind]) / len(bounded[kind])
    why = f"{kind} multiplies the gradient by at most {_SLOPES[kind]}"
    if share > _SATURATED:
        why = f"{kind} is saturated in {share:.0%} of its values, where its slope is near 0"
    remedy = f'activation="relu" and init="he" (nn.init.auto_(model)), or {norm}'
    return why, remedy, ({"activation": "relu", "init": "he"}, {"batch_norm": True})


def _evidence(found: Slope) -> dict[str, Any]:
    return {"per_layer": found.per_layer, "total": found.total, "layers": found.layers}
