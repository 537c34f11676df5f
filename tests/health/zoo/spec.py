"""What the zoo is written in: a network, its data and its training as a few plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

__all__ = ["Case", "Spec", "defect", "spec", "with_fix"]

# Slips that are wrong first weights: a fix that starts them anew undoes them.
_STARTS = frozenset({"dead", "half dead", "saturated", "mixed", "collapsed"})


@dataclass(frozen=True)
class Spec:
    """One training, from data to steps; the defaults are a healthy classifier of blobs."""

    data: str = "blobs"
    model: str = "mlp"
    depth: int = 3  # layers, the last one included
    width: int = 32
    activation: str = "relu"
    init: str = "he"  # "torch", "he", "glorot", "lecun", "zeros", "equal", "wide", "narrow", ...
    norm: str = "none"  # "batch", "layer"
    dropout: float = 0.0
    residual: bool = False
    last: str = "none"  # an activation after the last layer: "softmax", "sigmoid"
    loss: str = "auto"  # what the data asks for, or a name
    optimizer: str = "adam"
    lr: float = 3e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip_grad_norm: float | None = None
    batch_size: int = 32
    steps: int = 300
    examples: int = 512  # to learn from
    inputs: str = "standard"  # "raw": as they come; "large": a thousand times that
    length: int = 0  # of sequences; 0 leaves it to the data
    vocabulary: int = 0  # rows of the table of an embedding; 0: as many as there are tokens
    memory: float = 0.0  # gain of the recurrent weights, orthogonal; 0: as the layer has them
    class_weight: str = "none"  # "balanced"
    flaw: str = ""  # a slip of the programmer, by name: see flaws.py
    seed: int = 0


@dataclass(frozen=True)
class Case:
    """A planted defect and its healthy twin.

    Attributes:
        rules:   the rule that should see it, then others that are right about it as well.
        twin:    the same training without the defect.
        planted: what is changed, as options of `Spec`.
    """

    rules: tuple[str, ...]
    twin: Spec
    planted: dict[str, Any]

    @property
    def sick(self) -> Spec:
        """The training with the defect."""
        return replace(self.twin, **self.planted)

    @property
    def name(self) -> str:
        """The case in a few words: its data and what is planted."""
        changes = " ".join(f"{key}={value}" for key, value in self.planted.items())
        return f"{self.twin.data} {self.twin.model} depth={self.sick.depth}: {changes}"


def spec(data: str, model: str = "mlp", **options: Any) -> Spec:
    """A training on some data; what is not named is as `Spec` has it."""
    return Spec(data, model, **options)


def defect(rules: str, twin: Spec, **planted: Any) -> Case:
    """A case from the rules that are right about it, a healthy training and what is changed."""
    return Case(tuple(rules.split()), twin, planted)


def with_fix(sick: Spec, fix: dict[str, Any]) -> Spec | None:
    """The training with a finding's fix; None where the fix names what a spec does not have."""
    options = dict(fix)
    if isinstance(options.get("batch_norm"), bool):
        options["norm"] = "batch" if options.pop("batch_norm") else "none"
    if "hidden" in options:
        hidden = options.pop("hidden")
        options |= {"width": hidden[0], "depth": len(hidden) + 1}
    if "epochs" in options:
        options["steps"] = options.pop("epochs") * max(1, sick.examples // sick.batch_size)
    if "init" in options and sick.flaw in _STARTS:
        options["flaw"] = ""
    if "init" in options or "model" in options:
        options["memory"] = 0.0
    known = {field.name for field in fields(Spec)}
    return replace(sick, **options) if options and options.keys() <= known else None
