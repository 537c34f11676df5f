"""Gradients that explode on their way back through the layers."""

from __future__ import annotations

from collections.abc import Iterator

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.depth import slope

__all__ = ["exploding_gradient"]

_LIMIT = 1e3  # times the gradient of the last layer, at the first


def exploding_gradient(history: History) -> Iterator[Finding]:
    """The first layers get more than a thousand times the gradient of the last ones.

    Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063; He et al. 2015, arXiv:1502.01852.
    """
    found = slope(history, _LIMIT)
    if found is None:
        return
    yield Finding(
        "exploding_gradient",
        f"the gradient grows {found.per_layer:.2g}x per layer from {found.last} to {found.first}:"
        f" {found.total:.1g} times as large",
        "the weights of the layers are too large for the number of their inputs",
        'init="he" (nn.init.auto_(model)), clip_grad_norm=1.0, or nn.BatchNorm1d after each Linear '
        "(batch_norm=true)",
        0.9,
        found.step,
        (found.first, found.last),
        ({"init": "he"}, {"clip_grad_norm": 1.0}, {"batch_norm": True}),
        {"per_layer": found.per_layer, "total": found.total, "layers": found.layers},
    )
