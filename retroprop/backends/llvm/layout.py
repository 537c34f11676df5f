"""How the values of a graph lie in memory: channels last for images, output channels last for
weights, the given order for everything else.

Users see (batch, channels, *spatial) and (out, in, *window). A convolution wants the channels of a
place side by side, so that a register holds channels, and a border of zeros around each image, so
that no window has an edge to look out for. What is elementwise with an image lies like it, so
nothing is ever turned between layers. The border is a part of the image's buffer: whoever makes
the image writes into the middle, and nothing is copied to pad it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop import shapes
from retroprop.backends.llvm import window
from retroprop.backends.llvm.kernel import Buffer, View
from retroprop.backends.llvm.pooling import POOLS

if TYPE_CHECKING:
    from retroprop.ir import Graph, Node, Value

__all__ = [
    "CONVOLUTIONS",
    "Layout",
    "is_aware",
    "layouts",
    "order_of_image",
    "order_of_weight",
    "origin",
    "placed",
]

Pairs = tuple[tuple[int, int], ...]

# Of convolutions, which operands are images and which weights; what they give.
CONVOLUTIONS = {
    "conv": ("image", "weight", "image"),
    "conv_transpose": ("image", "weight", "image"),
    "conv_weight": ("image", "image", "weight"),
}
_REAL = frozenset(map(np.dtype, ("float32", "float64")))  # other numbers run through NumPy
_ALIKE = frozenset({"concatenate", "pad", "place_slice", "set_slice"})


def is_aware(op: Any) -> bool:
    """Whether the kernels of an op write to any layout."""
    name = op.name
    named = name in CONVOLUTIONS or name in POOLS or name in _ALIKE or name == "reshape"
    return named or getattr(op, "lower", None) is not None


class Layout(NamedTuple):
    """The order of a value's axes in memory, slowest first, and the border of its spatial axes."""

    order: tuple[int, ...]
    border: Pairs

    @property
    def has_border(self) -> bool:
        """Whether there is any."""
        return any(low or high for low, high in self.border)


def order_of_image(ndim: int) -> tuple[int, ...]:
    """Batch, spatial axes, channels."""
    return (0, *range(2, ndim), 1)


def order_of_weight(ndim: int) -> tuple[int, ...]:
    """Window, input channels, output channels."""
    return (*range(2, ndim), 1, 0)


def placed(shape: tuple[int, ...], dtype: np.dtype[Any], layout: Layout, what: str) -> View:
    """A view of fresh memory that lies as a layout says, its border included."""
    border = ((0, 0),) * (len(shape) - len(layout.border)) + layout.border
    sizes = [low + size + high for size, (low, high) in zip(shape, border, strict=True)]
    strides, step = [0] * len(shape), 1
    for axis in reversed(layout.order):
        strides[axis] = step
        step *= max(sizes[axis], 1)
    offset = sum(low * stride for (low, _), stride in zip(border, strides, strict=True))
    size = shapes.size(tuple(sizes)) * dtype.itemsize
    return View(Buffer(size, what=what), dtype, shape, tuple(strides), offset)


def layouts(graph: Graph) -> dict[Value, Layout]:
    """The values that do not simply lie in the order of their axes."""
    if not any(node.op.name in CONVOLUTIONS or node.op.name in POOLS for node in graph.nodes):
        return {}
    alike = _Alike()
    marks: list[tuple[Value, str]] = []
    borders: dict[Value, Pairs] = {}
    for node in graph.nodes:
        _read(node, alike, marks, borders)
    kinds: dict[Value, str] = {}
    for value, kind in sorted(marks, key=lambda mark: mark[1], reverse=True):
        kinds[alike.root(value)] = kind  # an image, where one is used as both
    found = {}
    for value in alike.values:
        known = kinds.get(alike.root(value))
        if known is not None:
            order = order_of_image if known == "image" else order_of_weight
            none = ((0, 0),) * (len(value.shape) - 2)
            found[value] = Layout(order(len(value.shape)), borders.get(value, none))
    return found


def origin(value: Value) -> Value:
    """The value whose memory one is that is only seen again."""
    while value.node is not None and value.node.op.name == "again":
        value = value.node.operands[0]
    return value


def _read(
    node: Node, alike: _Alike, marks: list[tuple[Value, str]], borders: dict[Value, Pairs]
) -> None:
    """What a node says of its operands and results."""
    name, op = node.op.name, node.op
    is_real = node.outputs[0].dtype in _REAL
    if name in CONVOLUTIONS and is_real:
        ends = map(origin, (*node.operands, *node.outputs))
        marks += zip(ends, CONVOLUTIONS[name], strict=True)
        image = origin(node.operands[0])
        lines = zip(window.lines_of(node), image.shape[2:], strict=True)
        needs = [window.reach(some, size) for some, size in lines]
        known = borders.get(image, ((0, 0),) * len(needs))
        borders[image] = tuple(
            (max(a, c), max(b, d)) for (a, b), (c, d) in zip(known, needs, strict=True)
        )
    elif name in POOLS and is_real:
        marks += [(origin(value), "image") for value in (*node.operands, *node.outputs)]
    elif name in _ALIKE or getattr(op, "lower", None) is not None:
        (first, *_) = node.outputs
        for operand in node.operands:
            if operand.constant is None and len(operand.shape) == len(first.shape):
                same = operand.shape == first.shape or name in _ALIKE
                if same and len(first.shape) > 2:
                    alike.join(origin(operand), origin(first))
    for value in map(origin, (*node.operands, *node.outputs)):
        if value.constant is None and len(value.shape) > 2:
            alike.root(value)


class _Alike:
    """Values that should lie alike, as a forest."""

    def __init__(self) -> None:
        self._above: dict[Value, Value] = {}

    @property
    def values(self) -> Sequence[Value]:
        """All that were met."""
        return list(self._above)

    def root(self, value: Value) -> Value:
        """The one that stands for all that lie like a value."""
        above = self._above.setdefault(value, value)
        while above is not value:
            self._above[value] = self._above[above]  # half the way for the next one
            value, above = above, self._above[above]
        return value

    def join(self, x: Value, z: Value) -> None:
        """Let two values lie alike."""
        self._above[self.root(x)] = self.root(z)
