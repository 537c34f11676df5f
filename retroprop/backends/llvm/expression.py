"""Elementwise programs: what a fused kernel computes at one place, as a list of steps.

An expression reads operands by number and names its results by step, so it is written once for a
scalar, a vector or the lanes of a register tile: `evaluate` replays it on whatever the builder
holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["Constant", "Expression", "Operand", "Reference", "Result", "Step"]


class Operand(NamedTuple):
    """The element of an operand at this place."""

    number: int


class Result(NamedTuple):
    """What a step computed."""

    number: int


class Constant(NamedTuple):
    """A literal of a dtype."""

    value: Any
    dtype: np.dtype[Any]


Reference = Operand | Result | Constant


class Step(NamedTuple):
    """One op applied to earlier results."""

    op: Any
    arguments: tuple[Reference, ...]
    attributes: dict[str, Any]
    dtype: np.dtype[Any]


class Expression:
    """Steps in order. `name` tells them apart in reports: "multiply+add+relu".

    Attributes:
        steps: each reads operands, constants and earlier steps.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def apply(
        self, op: Any, arguments: Sequence[Reference], attributes: dict[str, Any], dtype: Any
    ) -> Result:
        """Append a step; returns the reference to what it computes."""
        self.steps.append(Step(op, tuple(arguments), attributes, dtype))
        return Result(len(self.steps) - 1)

    @property
    def name(self) -> str:
        """The ops in order, long lists shortened."""
        names = [step.op.name for step in self.steps] or ["copy"]
        if len(names) > 4:
            names = [*names[:2], f"..{len(names) - 3}..", names[-1]]
        return "+".join(names)

    @property
    def key(self) -> object:
        """What tells expressions apart."""
        return tuple(
            (step.op.name, step.arguments, repr(step.attributes), step.dtype) for step in self.steps
        )

    def evaluate(self, b: Builder, loaded: Sequence[Scalar]) -> list[Scalar]:
        """Emit all steps; the value of each, given the operands in registers."""
        values: list[Scalar] = []
        for step in self.steps:
            arguments = [resolve(b, given, loaded, values) for given in step.arguments]
            values.append(step.op.lower(b, *arguments, **step.attributes))
        return values


def resolve(
    b: Builder, given: Reference, loaded: Sequence[Scalar], values: Sequence[Scalar]
) -> Scalar:
    """The register behind a reference."""
    if isinstance(given, Operand):
        return loaded[given.number]
    if isinstance(given, Result):
        return values[given.number]
    return b.constant(given.value, given.dtype)
