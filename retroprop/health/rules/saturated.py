"""Bounded activations that are stuck at their ends."""

from __future__ import annotations

from collections.abc import Iterator

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.progress import progress

__all__ = ["saturated_units"]

_LIMIT = 0.7  # of the values of a layer
_EARLY = 32  # steps: what is so by then was so from the start
_STEPS = 50  # that a network gets to learn in spite of it


def saturated_units(history: History) -> Iterator[Finding]:
    """Most values of a sigmoid or tanh are where its slope is near 0.

    What comes after the last layer is an answer and may be certain: it does not count. Networks
    that learn may end saturated, so what is not so from the start counts where nothing is learnt.

    Source: Glorot, Bengio 2010, section 3; LeCun et al. 1998, "Efficient BackProp".
    """
    course = progress(history)
    is_stuck = course is not None and course.steps >= _STEPS and course.is_stuck
    hidden = _hidden(history)
    worst: list[tuple[float, float, str, str, int]] = []
    for kind in ("sigmoid", "tanh"):
        names, shares = history.series("saturated", kind)
        for name, column in zip(names, shares.T, strict=True):
            if name in hidden and column[-1] > _LIMIT:
                since = next(i for i in range(len(column)) if (column[i:] > _LIMIT).all())
                worst.append((column[-1], column[0], kind, name, history.events[since]))
    if not worst:
        return
    share, first, kind, name, step = max(worst)
    from_the_start = first > _LIMIT and history.events[0] <= _EARLY
    if not is_stuck and not from_the_start:
        return
    others = f", and {len(worst) - 1} more" if len(worst) > 1 else ""
    yield Finding(
        "saturated_units",
        f"{share:.0%} of the values of {name} are at the ends of its range{others}"
        + ("" if from_the_start else f"; they were {first:.0%} at step {history.events[0]}"),
        f"the inputs of {kind} are too large from the start: large weights, or unscaled inputs"
        if from_the_start
        else "the steps were too long and threw the weights to where the slope is near 0",
        "scale the inputs to mean 0 and deviation 1, "
        'init="glorot" (nn.init.auto_(model)), or nn.BatchNorm1d before the activation '
        "(batch_norm=true)"
        if from_the_start
        else f"lr={0.1 * history.rates[-1]:.1g}, or nn.BatchNorm1d before the activation "
        "(batch_norm=true)",
        0.4 + 0.5 * share,
        step,
        (name,),
        ({"init": "glorot"}, {"batch_norm": True}, {"activation": "relu", "init": "he"})
        if from_the_start
        else ({"lr": 0.1 * history.rates[-1]}, {"batch_norm": True}),
        {"share": share, "first": first, "layers": len(worst)},
    )


def _hidden(history: History) -> set[str]:
    """The activations that a layer follows."""
    order = [site for site in history.sites if site.kind in {"layer", "sigmoid", "tanh"}]
    last = max((i for i, site in enumerate(order) if site.kind == "layer"), default=-1)
    return {site.name for site in order[: max(0, last)]}
