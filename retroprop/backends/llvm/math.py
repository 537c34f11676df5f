"""Functions of mathematics on vectors: straight-line code, every lane the same instructions.

TABLE
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retroprop.backends.llvm import (
    math_error,
    math_exponential,
    math_periodic,
    math_power,
)
from retroprop.backends.llvm.math_parts import in_each_lane, polynomial

if TYPE_CHECKING:
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["OWN", "call", "polynomial"]


def call(b: Builder, name: str, *operands: Scalar) -> Scalar:
    """A function by name: one of ours, else the C library's in each lane."""
    own = OWN.get(name)
    if own is not None:
        return own(b, *operands)
    return in_each_lane(b, name, operands)


OWN: dict[str, Callable[..., Any]] = {
    "cos": math_periodic.cos,
    "erf": math_error.erf,
    "exp": math_exponential.exp,
    "expm1": math_exponential.expm1,
    "log": math_exponential.log,
    "log1p": math_exponential.log1p,
    "pow": math_power.power,
    "sigmoid": math_exponential.sigmoid,
    "sin": math_periodic.sin,
    "tanh": math_exponential.tanh,
}
