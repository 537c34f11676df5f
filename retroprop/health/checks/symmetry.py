"""Units of a layer that are equal, and stay so: nothing in training can tell them apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retroprop.health.checks.case import Case
from retroprop.health.finding import Finding

__all__ = ["symmetric_start"]


def symmetric_start(case: Case) -> Iterator[Finding]:
    """All units of a layer have the same weights and get the same gradient.

    Then they take the same step, for ever: the layer has one unit. A last layer of zeros has other
    gradients for each unit and is no such case.

    Source: Goodfellow, Bengio, Courville 2016, "Deep Learning", 8.4.
    """
    equal, zero = [], True
    for name, param in case.model.named_parameters():
        gradient = case.look.gradients.get(name)
        if param.ndim < 2 or param.shape[0] < 2 or gradient is None or not param.requires_grad:
            continue
        weights = param.numpy()
        if np.ptp(weights, axis=0).any() or not _equal(gradient):
            continue
        equal.append(name)
        zero = zero and not weights.any()
    if not equal:
        return
    start = "at 0" if zero else "at the same number"
    yield Finding(
        "symmetric_start",
        f"all units of {', '.join(equal[:3])}{', ...' if len(equal) > 3 else ''} start {start} "
        "and get the same gradient",
        "equal units take equal steps: the layer can do no more than one unit",
        'nn.init.auto_(model), or init="he": weights have to be drawn at random',
        0.95,
        where=tuple(equal),
        fixes=({"init": "he"},),
    )


def _equal(gradient: np.ndarray) -> bool:
    """Whether all rows are the same, but for rounding."""
    size = float(np.abs(gradient).max())
    return float(np.ptp(gradient, axis=0).max()) <= 1e-5 * size
