"""Plain descriptions of inputs that an op must handle and of misuse it must explain.

They lie in the op records and hold no arrays; `tests/ops/test_conformance.py` draws the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Bad", "Call", "Draw", "bad", "call", "draw", "points"]

Shape = tuple[int, ...]


class Draw:
    """How to draw one operand: uniform in [low, high), or fixed values.

    Attributes:
        kind: "float" (the dtype under test), "complex" (of its width), "integer" (int64) or "bool".
        apart: draw distinct values, at least 0.05 apart, where ordering ops are differentiable.
    """

    __slots__ = ("apart", "high", "kind", "low", "shape", "values")

    def __init__(
        self, shape: Shape, low: float, high: float, kind: str, values: Any, apart: bool
    ) -> None:
        self.shape, self.low, self.high = shape, low, high
        self.kind, self.values, self.apart = kind, values, apart


def draw(
    shape: Shape = (),
    low: float = -2.0,
    high: float = 2.0,
    *,
    kind: str = "float",
    values: Any = None,
    apart: bool = False,
) -> Draw:
    """Describe one operand; `values` (nested lists) fixes it instead of drawing."""
    return Draw(shape, low, high, kind, values, apart)


class Call:
    """One call of an op: its operands and attributes."""

    __slots__ = ("attributes", "differentiable", "operands")

    def __init__(
        self, operands: tuple[Draw, ...], attributes: dict[str, Any], differentiable: bool
    ) -> None:
        self.operands, self.attributes = operands, attributes
        self.differentiable = differentiable


def call(*operands: Draw | Shape, differentiable: bool = True, **attributes: Any) -> Call:
    """One call; an operand given as a shape is drawn uniform in [-2, 2).

    Args:
        differentiable: False where finite differences make no sense (an edge, an extreme value).
    """
    drawn = tuple(item if isinstance(item, Draw) else draw(item) for item in operands)
    return Call(drawn, attributes, differentiable)


def points(
    *domains: tuple[float, float],
    edges: Sequence[float] = (),
    kind: str = "float",
    **attributes: Any,
) -> list[Call]:
    """Calls of an elementwise op over a domain (low, high) per operand.

    Covers 0-d, one axis, two axes, zero size and, with several operands, every way to broadcast.

    Args:
        edges: values where only the result is checked (infinities, ties, ends of the domain).
    """
    rows: list[tuple[Shape, ...]] = [((),) * len(domains), ((3,),) * len(domains)]
    rows += [((2, 3),) * len(domains), ((0, 2),) * len(domains)]
    if len(domains) > 1:
        base: tuple[Shape, ...] = ((2, 3),) * len(domains)
        rows += [(*base[:i], (3,), *base[i + 1 :]) for i in range(len(domains))]
        rows += [(*base[:i], (2, 1), *base[i + 1 :]) for i in range(len(domains))]
        rows += [((2, 1), (1, 3), *base[2:])]
    calls = [
        call(*(draw(s, *d, kind=kind) for s, d in zip(row, domains, strict=True)), **attributes)
        for row in rows
    ]
    if edges:
        fixed = draw((len(edges),), values=list(edges), kind=kind)
        others = [draw((len(edges),), *domain, kind=kind) for domain in domains[1:]]
        calls.append(call(fixed, *others, differentiable=False, **attributes))
    return calls


class Bad:
    """A call that must raise `error` with a message that matches `match` (a regular expression)."""

    __slots__ = ("attributes", "error", "match", "operands")

    def __init__(
        self, operands: tuple[Draw, ...], attributes: dict[str, Any], error: Any, match: str
    ) -> None:
        self.operands, self.attributes = operands, attributes
        self.error, self.match = error, match


def bad(*operands: Draw | Shape, match: str, error: Any = Exception, **attributes: Any) -> Bad:
    """Misuse that has to be explained."""
    return Bad(call(*operands).operands, attributes, error, match)
