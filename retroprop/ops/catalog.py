"""The frozen table of all ops, gathered from the families in their order."""

from __future__ import annotations

from types import MappingProxyType, ModuleType

from retroprop.ops import (
    activation,
    along,
    arithmetic,
    attention,
    comparison,
    convolution,
    cumulative,
    decomposition,
    exponential,
    gaussian,
    health,
    indexing,
    inverse,
    linalg,
    logic,
    loop,
    maxpool,
    movement,
    pooling,
    random,
    recompute,
    reduction,
    rounding,
    searching,
    statistics,
    trigonometric,
)
from retroprop.ops.define import Op

__all__ = ["catalog"]

FAMILIES: tuple[ModuleType, ...] = (
    comparison,
    arithmetic,
    movement,
    reduction,
    statistics,
    logic,
    rounding,
    exponential,
    trigonometric,
    gaussian,
    activation,
    cumulative,
    indexing,
    along,
    searching,
    linalg,
    inverse,
    decomposition,
    convolution,
    pooling,
    maxpool,
    random,
    health,
    recompute,
    loop,
    attention,
)


def _gather() -> dict[str, Op]:
    table: dict[str, Op] = {}
    for family in FAMILIES:
        for item in vars(family).values():
            if isinstance(item, Op) and item.reference.__module__ == family.__name__:
                if item.name in table:
                    raise TypeError(f"two ops are called {item.name}")
                table[item.name] = item
    return table


catalog = MappingProxyType(_gather())
