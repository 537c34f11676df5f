"""What a sliding window does along each axis: which elements it meets, and for which results.

A convolution and its adjoint are the same work seen from two sides. For results at regular places,
each is a sum over taps, and a tap is a fixed distance in the operand. A convolution is one such
`Pass`; its adjoint with stride s is one for every residue of the position modulo s, because results
in one residue class meet the same taps.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retroprop.ir import Node

__all__ = ["Line", "adjoint", "forward", "inside", "lines_of", "reach"]

Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Line:
    """A pass along one axis.

    Result number i lies at `start + i * jump` and meets, for each tap (k, distance), the element
    at `i * step + distance` with number k of the window. Taps are sorted by distance.

    Attributes:
        count: how many results there are.
    """

    count: int
    start: int
    jump: int
    step: int
    taps: tuple[tuple[int, int], ...]


def forward(
    counts: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> list[Line]:
    """The lines of a convolution with these numbers of positions.

    Example:
        >>> forward((2,), (3,), (2,), ((1, 0),), (1,))
        [Line(count=2, start=0, jump=1, step=2, taps=((0, -1), (1, 0), (2, 1)))]
    """
    return [
        Line(count, 0, 1, s, tuple((k, k * d - low) for k in range(w)))
        for count, w, s, (low, _), d in zip(counts, window, stride, padding, dilation, strict=True)
    ]


def adjoint(
    sizes: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> list[tuple[Line, ...]]:
    """The passes of a convolution's adjoint that gives these sizes, each with a line per axis.

    Example:
        >>> [line for (line,) in adjoint((5,), (3,), (2,), ((1, 1),), (1,))]
        [Line(count=3, start=0, jump=2, step=1, taps=((1, 0),)), \
Line(count=2, start=1, jump=2, step=1, taps=((2, 0), (0, 1)))]
    """
    axes = []
    for n, w, s, (low, _), d in zip(sizes, window, stride, padding, dilation, strict=True):
        lines = []
        for rest in range(min(s, n)):
            found = [(k, rest + low - k * d) for k in range(w)]
            taps = sorted(((k, at // s) for k, at in found if at % s == 0), key=lambda tap: tap[1])
            lines.append(Line(-(-(n - rest) // s), rest, s, 1, tuple(taps)))
        axes.append(lines)
    return list(itertools.product(*axes))


def inside(line: Line, size: int) -> list[Line]:
    """A line in parts whose taps all stay within an axis of `size` elements: those that do not are
    left out.

    Example:
        >>> [part.taps for part in inside(Line(3, 0, 1, 1, ((0, -1), (1, 0), (2, 1))), 3)]
        [((1, 0), (2, 1)), ((0, 0), (1, 1), (2, 2)), ((0, 1), (1, 2))]
    """
    parts: list[Line] = []
    for i in range(line.count):
        at = i * line.step
        taps = tuple((k, at + gap) for k, gap in line.taps if 0 <= at + gap < size)
        before = parts[-1] if parts else None
        grown = 0 if before is None else before.count * line.step
        if before is not None and taps == tuple((k, gap + grown) for k, gap in before.taps):
            parts[-1] = replace(before, count=before.count + 1)
        else:
            parts.append(Line(1, line.start + i * line.jump, line.jump, line.step, taps))
    return parts


def reach(lines: Sequence[Line], size: int) -> tuple[int, int]:
    """How far lines along an axis of `size` elements reach before it and beyond it.

    Example:
        >>> reach(forward((4,), (3,), (1,), ((1, 1),), (1,)), 4)
        (1, 1)
    """
    before = after = 0
    for line in lines:
        if line.taps:
            before = max(before, -line.taps[0][1])
            last = (line.count - 1) * line.step + line.taps[-1][1]
            after = max(after, last - (size - 1))
    return before, after


def lines_of(node: Node) -> list[list[Line]]:
    """For each spatial axis of the operand that a convolution's windows slide over, its lines.

    That operand is x of `conv` and `conv_weight`, and of `conv_transpose` what it takes.
    """
    given: dict[str, Any] = dict(node.attributes)
    shapes = [operand.shape[2:] for operand in node.operands]
    groups, window = given.pop("groups"), given.pop("window", None)
    del groups
    if node.op.name == "conv_transpose":
        sizes = given.pop("output")
        passes = adjoint(sizes, shapes[1], **given)
        return [list(dict.fromkeys(lines)) for lines in zip(*passes, strict=True)]
    if node.op.name == "conv_weight":
        return [[line] for line in forward(shapes[1], window, **given)]
    return [[line] for line in forward(node.outputs[0].shape[2:], shapes[1], **given)]
