"""Clipping that is always active."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History

__all__ = ["always_clipping"]

_STEPS = 100  # that are looked at
_SHARE = 0.98  # of them clipped
_FACTOR = 5.0  # by which the median gradient is shortened; less is what clipping is for


def always_clipping(history: History) -> Iterator[Finding]:
    """Nearly every gradient is shortened, and by much: all steps have the length of the bound.

    With Adam and its kin a constant factor changes nothing, so this weighs little there.

    Source: Pascanu, Mikolov, Bengio 2013, section 3.2: a bound of half to ten times the average
        norm over many updates.
    """
    bound = history.facts.get("clip_grad_norm")
    norms = np.asarray(history.norms[-_STEPS:], float)
    if not bound or len(norms) < _STEPS or np.mean(norms > bound) < _SHARE:
        return
    typical = float(np.median(norms))
    if typical < _FACTOR * bound:
        return
    name = str(getattr(history.facts.get("optimizer"), "name", "")).lower()
    is_scaled = name in {"adam", "adamw", "nadam", "radam", "adamax", "lamb", "lion", "rmsprop"}
    yield Finding(
        "always_clipping",
        f"{np.mean(norms > bound):.0%} of the last {_STEPS} gradients were clipped: their norm is "
        f"{typical:.2g} and clip_grad_norm={bound:g}",
        f"steps are {typical / bound:.2g} times as short as lr says, whatever the gradient is"
        + (f"; {name} mends most of that" if is_scaled else ""),
        f"clip_grad_norm={2 * typical:.1g}, twice the median norm, and a smaller lr if it jumps",
        0.2 if is_scaled else 0.4,
        history.events[-1] if history.events else len(history.norms),
        ("clip_grad_norm",),
        ({"clip_grad_norm": float(f"{2 * typical:.1g}")}, {"clip_grad_norm": None}),
        {"typical": typical, "bound": bound},
    )
