"""Gradients that vanish on their way back through the layers."""

from __future__ import annotations

from collections.abc import Iterator

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.depth import slope

__all__ = ["vanishing_gradient"]

_LIMIT = 1e-3  # what is left of the gradient at the first layer
_SATURATED = 0.3  # the share of saturated units that explains it


def vanishing_gradient(history: History) -> Iterator[Finding]:
    """The first layers get less than a thousandth of the gradient of the last ones.

    Source: Hochreiter 1991; Glorot, Bengio 2010, "Understanding the difficulty of training deep
        feedforward neural networks".
    """
    found = slope(history, _LIMIT)
    if found is None:
        return
    bounded = {kind: history.latest("saturated", kind) for kind in ("sigmoid", "tanh")}
    kind = max(bounded, key=lambda one: len(bounded[one]))
    shares = list(bounded[kind].values())
    if shares:
        share = sum(shares) / len(shares)
        why = f"{kind} multiplies the gradient by at most {'0.25' if kind == 'sigmoid' else '1'}"
        if share > _SATURATED:
            why = f"{kind} is saturated in {share:.0%} of its values, where its slope is near 0"
        remedy = 'activation="relu", init="he", or nn.BatchNorm1d after each Linear'
        fixes = ({"activation": "relu", "init": "he"}, {"norm": "batch"})
    else:
        why = "the weights of the layers are too small for the number of their inputs"
        remedy = 'init="he" (nn.init.initialize_), or nn.BatchNorm1d after each Linear'
        fixes = ({"init": "he"}, {"norm": "batch"})
    yield Finding(
        "vanishing_gradient",
        f"the gradient shrinks {found.per_layer:.2g}x per layer from {found.last} to {found.first}",
        why,
        remedy,
        0.9,
        found.step,
        (found.first, found.last),
        fixes,
        {"per_layer": found.per_layer, "total": found.total, "layers": found.layers},
    )
