"""How signals and gradients change with depth before the first step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from retroprop.health.checks.case import Case
from retroprop.health.finding import Finding

__all__ = ["initial_scale"]

_LEAST = 4  # layers below which there is no depth to speak of
_SMALL, _LARGE = 1e-3, 1e3  # from one end of the network to the other


def initial_scale(case: Case) -> Iterator[Finding]:
    """Activations or gradients that shrink or grow a thousandfold over the layers as they start.

    Of the activations it is the deviation over the examples of a batch that counts: what is the
    same for all of them carries no information.

    Source: Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural
        networks"; He et al. 2015, arXiv:1502.01852; Schoenholz et al. 2017, arXiv:1611.01232.
    """
    for what, forwards in (("spread", True), ("gradient", False)):
        names, values = _along(case, what)
        if len(names) < _LEAST:
            continue
        if not forwards and not values.any():
            yield _silent(names)
            return
        factor, total = _slope(values if forwards else values[::-1])
        if _SMALL <= total <= _LARGE:
            continue
        first, last = (names[0], names[-1]) if forwards else (names[-1], names[0])
        yield _finding(case, what, (first, last), factor, total)


def _along(case: Case, what: str) -> tuple[list[str], Any]:
    """Root mean squares of hidden layers, in the order of the forward pass."""
    layers = [site.name for site in case.look.sites if site.kind == "layer"]
    known = [name for name in layers if (what, name) in case.look.values]
    values = [float(case.look.values[what, name]) for name in known]
    return known, np.sqrt(np.array(values, float))


def _slope(values: Any) -> tuple[float, float]:
    """The factor per layer, by a line through the logarithms, and the factor over all of them."""
    logarithms = np.log10(np.clip(values, 1e-30, 1e30))
    tilt = float(np.polyfit(np.arange(len(values)), logarithms, 1)[0])
    return 10.0**tilt, 10.0 ** (tilt * (len(values) - 1))


def _silent(names: list[str]) -> Finding:
    return Finding(
        "initial_scale",
        f"no gradient reaches any layer from {names[-1]} to {names[0]}: all are 0",
        "weights of 0, or activations that are all in the flat part of their function",
        'nn.init.auto_(model), or init="he"',
        1.0,
        where=(names[0], names[-1]),
        fixes=({"init": "he"}, {"batch_norm": True}),
    )


def _finding(case: Case, what: str, ends: tuple[str, str], factor: float, total: float) -> Finding:
    word = "activations" if what == "spread" else "gradients"
    turn = "shrink" if total < 1 else "grow"
    kinds = {site.kind for site in case.look.sites}
    bounded = "sigmoid" if "sigmoid" in kinds else "tanh" if "tanh" in kinds else ""
    size = "small" if total < 1 else "large"
    why = f"the weights are too {size} for the number of inputs of a layer"
    remedy = 'nn.init.auto_(model) or init="he", or nn.BatchNorm1d after each Linear'
    fixes: tuple[dict[str, Any], ...] = ({"init": "he"}, {"batch_norm": True})
    if bounded == "sigmoid" and total < 1:
        why = "the slope of a sigmoid is at most 0.25"
        remedy = 'activation="relu", init="he", or nn.BatchNorm1d after each Linear'
        fixes = ({"activation": "relu", "init": "he"}, {"batch_norm": True})
    return Finding(
        "initial_scale",
        f"before the first step {word} {turn} {factor:.2g}x per layer from {ends[0]} to {ends[1]} "
        f"({total:.1g} in all)",
        why,
        remedy,
        0.7,
        where=ends,
        fixes=fixes,
        evidence={"of": word, "per_layer": factor, "total": total},
    )
