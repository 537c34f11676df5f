"""Kernels for the needs of a graph: the plain cases, and what has to be taken apart first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retroprop import shapes
from retroprop.backends.llvm.elementwise import Elementwise
from retroprop.backends.llvm.expression import Constant, Expression, Operand, Reference
from retroprop.backends.llvm.gemm import Gemm
from retroprop.backends.llvm.kernel import Buffer, Kernel, View, contiguous
from retroprop.backends.llvm.reduction import Reduction
from retroprop.backends.llvm.space import broadcast_view

if TYPE_CHECKING:
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Node

__all__ = ["Call", "copied", "elementwise", "product", "reduction"]

_BLOCK = 16384  # places of a reduction that one row sums up


class Call:
    """An op that runs through its NumPy reference between native parts.

    Attributes:
        node:     the node; `what` is its op's name.
        results:  where its outputs go.
        operands: where its operands lie.
    """

    def __init__(self, node: Node, results: Sequence[View], operands: Sequence[View]) -> None:
        self.node, self.what = node, node.op.name
        self.results, self.operands = tuple(results), tuple(operands)


def elementwise(
    shape: tuple[int, ...],
    expression: Expression,
    operands: Sequence[View],
    results: Sequence[View],
    values: Sequence[Reference],
) -> Kernel:
    """One kernel for an expression over a shape."""
    return Elementwise(shape, expression, operands, results, values)


def copied(to: View, source: View) -> Kernel:
    """A kernel that copies one view into another of the same shape."""
    spread = broadcast_view(source, to.shape)
    return Elementwise(to.shape, Expression(), [spread], [to], [Operand(0)])


def product(result: View, x: View, w: View, target: Target) -> list[Kernel]:
    """Kernels for result = x @ w; vectors become matrices of one row or column."""
    if len(x.shape) == 1:
        x = x._replace(shape=(1, *x.shape), strides=(0, *x.strides))
        result = _with_axis(result, len(result.shape) - (len(w.shape) > 1))
    if len(w.shape) == 1:
        w = w._replace(shape=(*w.shape, 1), strides=(*w.strides, 0))
        result = _with_axis(result, len(result.shape))
    if result.size == 0 or x.shape[-1] == 0:
        return [Elementwise(result.shape, Expression(), [], [result], [Constant(0, result.dtype)])]
    batch = result.shape[:-2]
    x, w = (broadcast_view(view, (*batch, *view.shape[-2:])) for view in (x, w))
    gemm = Gemm(result, x, w, target)
    return [gemm] if gemm.pack is None else [gemm.pack, gemm]


def _with_axis(view: View, axis: int) -> View:
    """The view with an axis of size 1 put in."""
    shape = (*view.shape[:axis], 1, *view.shape[axis:])
    stride = contiguous(shape)[axis]
    return view._replace(shape=shape, strides=(*view.strides[:axis], stride, *view.strides[axis:]))


def reduction(
    kind: str,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    expression: Expression,
    value: Reference,
    operands: Sequence[View],
    result: View,
    stores: Sequence[View],
    stored: Sequence[Reference],
) -> list[Kernel]:
    """One kernel; or, where many places go into few results, one by blocks and one that combines.

    Args:
        result: view of the kept axes, with or without the reduced ones as size 1.
    """
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    sizes = tuple(shape[axis] for axis in kept)
    result = result._replace(shape=sizes, strides=contiguous(sizes))
    long = [axis for axis in axes if shape[axis] > 1]
    places = shapes.size([shape[axis] for axis in axes])
    leading = next((axis for axis, size in enumerate(shape) if size > 1), None)
    few = shapes.size(sizes) * 4 <= places or leading in long
    if places < 2 * _BLOCK or not few or not long:
        made = Reduction(kind, shape, axes, expression, value, operands, result, stores, stored)
        return [made]
    return _blocked(
        kind, shape, axes, expression, value, operands, result, stores, stored, long[0], places
    )


def _blocked(
    kind: str,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    expression: Expression,
    value: Reference,
    operands: Sequence[View],
    result: View,
    stores: Sequence[View],
    stored: Sequence[Reference],
    axis: int,
    places: int,
) -> list[Kernel]:
    """Sums of blocks along one reduced axis, then the sum of these."""
    length = shape[axis]
    each = max(1, _BLOCK * length // places)
    whole, rest = divmod(length, each)
    spread = [broadcast_view(view, shape) for view in operands]
    count = whole + bool(rest)
    partial_shape = (count, *result.shape)
    buffer = Buffer(shapes.size(partial_shape) * result.dtype.itemsize, what="partial")
    partial = View(buffer, result.dtype, partial_shape, contiguous(partial_shape))
    works: list[Kernel] = []
    for blocks, size, start in ((whole, each, 0), (1, rest, whole * each)):
        if not size or not blocks:
            continue
        space = (blocks, *shape[:axis], size, *shape[axis + 1 :])
        rows = partial._replace(
            shape=(blocks, *result.shape), offset=partial.strides[0] * (start // each)
        )
        works.append(
            Reduction(
                kind,
                space,
                [a + 1 for a in axes],
                expression,
                value,
                [_cut(view, axis, space, size, start) for view in spread],
                rows,
                [_cut(view, axis, space, size, start) for view in stores],
                stored,
            )
        )
    works.append(Reduction(kind, partial_shape, [0], Expression(), Operand(0), [partial], result))
    return works


def _cut(view: View, axis: int, space: tuple[int, ...], size: int, start: int) -> View:
    """A view by blocks of an axis, from a place on, with the number of the block in front."""
    stride = view.strides[axis]
    return view._replace(
        shape=space,
        strides=(size * stride, *view.strides),
        offset=view.offset + start * stride,
    )
