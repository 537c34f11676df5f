"""Gradients that vanish or explode on their way back through the steps of a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.rules.progress import progress
from retroprop.nn.stacked import Stacked

__all__ = ["exploding_in_time", "vanishing_in_time"]

Array = np.ndarray[Any, Any]

_LEAST = 8  # steps of time below which there is nothing to carry
_LEFT = 1e-3  # of the gradient of the last step, at the first: nothing of it is learnt
_GROWN = 1e3  # times the gradient of the last step, at the first
_STEPS = 100  # that a network gets to learn in spite of it
_SPIKE = 100.0  # times the median: a norm of the gradient that throws the weights away
_ABOVE = 10.0  # times the largest of the first norms
_MOST = 20  # of them that are looked at
_SPIKES = 2  # of them, at least


class _Course(NamedTuple):
    """The gradient along the steps of the sequences that a layer reads."""

    layer: str
    kind: str
    first: float  # as a share of the last
    steps: int

    @property
    def per_step(self) -> float:
        return float(self.first ** (1 / max(1, self.steps - 1)))


def vanishing_in_time(history: History) -> Iterator[Finding]:
    """A recurrent layer cannot see far back, and its network does not learn.

    Gated layers forget where that is right, and a loss that depends on the last steps alone does
    not mind: so the rule waits for a loss that stays at that of chance.

    Source: Hochreiter 1991; Bengio, Simard, Frasconi 1994; forget gates: Jozefowicz, Zaremba,
        Sutskever 2015.
    """
    course = progress(history)
    if course is None or course.steps < _STEPS or not course.is_stuck:
        return
    for found in _courses(history):
        if found.first > _LEFT:
            continue
        gated = found.kind in {"LSTM", "GRU"}
        remedy = (
            "start the forget gates open (nn.init.auto_(model) sets their bias to 1), or shorten "
            "the sequences"
            if gated
            else "nn.LSTM or nn.GRU in its place, or orthogonal recurrent weights "
            "(nn.init.auto_(model))"
        )
        yield Finding(
            "vanishing_in_time",
            f"the gradient shrinks {found.per_step:.2g}x per step of time in {found.layer}: "
            f"{found.first:.1g} of it reaches the first of {found.steps} steps",
            "the gates are half closed at every step"
            if gated
            else "each step multiplies by the recurrent weights and by the slope of the activation",
            remedy,
            0.8,
            history.events[-1],
            (found.layer,),
            ({"init": "auto"},) if gated else ({"model": "lstm"}, {"model": "gru"}),
            {"per_step": found.per_step, "left": found.first, "steps": found.steps},
        )


def exploding_in_time(history: History) -> Iterator[Finding]:
    """The gradient grows from step to step of a sequence, or jumps, in a recurrent network.

    Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
    """
    remedy = "clip_grad_norm=1.0, orthogonal recurrent weights (nn.init.auto_(model))"
    fixes = ({"clip_grad_norm": 1.0}, {"clip_grad_norm": 1.0, "init": "auto"}, {"model": "lstm"})
    why = "each step multiplies by recurrent weights whose largest singular value is above 1"
    for found in _courses(history):
        if found.first < _GROWN:
            continue
        yield Finding(
            "exploding_in_time",
            f"the gradient grows {found.per_step:.2g}x per step of time in {found.layer}: "
            f"{found.first:.1g} times as large at the first of {found.steps} steps",
            why,
            remedy,
            0.9,
            history.events[-1],
            (found.layer,),
            fixes,
            {"per_step": found.per_step, "grown": found.first, "steps": found.steps},
        )
        return
    spikes = _spikes(history)
    layers = _layers(history)
    if len(spikes) >= _SPIKES and layers:
        yield Finding(
            "exploding_in_time",
            f"the norm of the gradient was more than {_SPIKE:g} times its median at "
            f"{len(spikes)} of {len(history.norms)} steps",
            "gradients multiply from step to step of the sequences, and grow without bound",
            remedy,
            0.7,
            spikes[0],
            tuple(layers),
            fixes,
            {"spikes": len(spikes), "median": float(np.median(history.norms))},
        )


def _spikes(history: History) -> list[int]:
    """The steps whose gradient was far larger than usual and was not clipped."""
    norms = np.asarray(history.norms, float)
    if len(norms) < _STEPS or history.facts.get("clip_grad_norm") is not None:
        return []
    bound = max(_SPIKE * float(np.median(norms)), _ABOVE * float(norms[:10].max()))
    high = np.flatnonzero(norms > bound)[:_MOST].tolist()
    return [i + 1 for i in high if norms[i] > _SPIKE * np.median(norms[:i])]


def _layers(history: History) -> list[str]:
    """The recurrent layers, by name."""
    model = history.facts.get("model")
    found = model.named_modules() if model is not None else ()
    return [name for name, module in found if isinstance(module, Stacked)]


def _courses(history: History) -> Iterator[_Course]:
    """How the gradient goes through each recurrent layer, as the median of the last events."""
    modules = dict(history.facts["model"].named_modules()) if "model" in history.facts else {}
    for name in history.names("input"):
        layer = name.removesuffix(":input")
        rows = [row for row in history.recent("by step", name)[-3:] if np.isfinite(row).all()]
        if not rows or len({len(row) for row in rows}) > 1:
            continue
        squares = np.median(rows, axis=0)
        squares = squares[: int(np.max(np.flatnonzero(squares), initial=0)) + 1]
        if len(squares) < _LEAST:
            continue
        few = max(1, len(squares) // 10)
        first, last = (float(np.sqrt(part.mean())) for part in (squares[:few], squares[-few:]))
        kind = type(modules.get(layer)).__name__
        yield _Course(layer or kind, kind, max(first, 1e-30) / max(last, 1e-30), len(squares))
