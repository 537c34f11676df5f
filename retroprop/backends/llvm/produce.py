"""Kernels for the needs of a graph: the plain cases, and what has to be taken apart first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from retroprop import shapes
from retroprop.backends.llvm.elementwise import Elementwise
from retroprop.backends.llvm.expression import Constant, Expression, Operand, Reference
from retroprop.backends.llvm.gemm import Gemm
from retroprop.backends.llvm.kernel import Buffer, Kernel, View, contiguous
from retroprop.backends.llvm.reduction import Reduction
from retroprop.backends.llvm.space import broadcast_view, memory_order, permuted
from retroprop.ops.arithmetic import multiply

if TYPE_CHECKING:
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Node

__all__ = ["Call", "copied", "elementwise", "product", "reduced_axes", "reduction", "sums_by_image"]

_BLOCK = 16384  # places of a reduction that one row sums up
_MANY = 256  # places of all images from which on each is summed up by itself


class Call:
    """An op that runs through its NumPy reference between native parts.

    Attributes:
        node:     the node; `what` is its op's name.
        results:  where its outputs go.
        operands: where its operands lie.
        waits:    views that have to be written before, though they are not read.
    """

    waits: Sequence[View] = ()

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
    if _is_row_by_lines(x, w):
        return _dots(result, x, w)
    batch = result.shape[:-2]
    x, w = (broadcast_view(view, (*batch, *view.shape[-2:])) for view in (x, w))
    gemm = Gemm(result, x, w, target)
    return [gemm] if gemm.pack is None else [gemm.pack, gemm]


def _is_row_by_lines(x: View, w: View) -> bool:
    """Whether one row meets columns that lie along memory: packing them would take longer."""
    along, apart = w.strides[-2:]
    return len(w.shape) == 2 and shapes.size(x.shape[:-1]) == 1 and along == 1 and apart > 1


def _dots(result: View, x: View, w: View) -> list[Kernel]:
    """One row times a matrix, column by column."""
    depth, columns = w.shape
    space, expression = (columns, depth), Expression()
    value = expression.apply(multiply, [Operand(0), Operand(1)], {}, result.dtype)
    lines = w._replace(shape=space, strides=w.strides[::-1])
    row = x._replace(shape=space, strides=(0, x.strides[-1]))
    to = result._replace(shape=(columns,), strides=result.strides[-1:])
    return reduction("sum", space, (1,), expression, value, [lines, row], to, [], [])


def _with_axis(view: View, axis: int) -> View:
    """The view with an axis of size 1 put in."""
    shape = (*view.shape[:axis], 1, *view.shape[axis:])
    stride = contiguous(shape)[axis]
    return view._replace(shape=shape, strides=(*view.strides[:axis], stride, *view.strides[axis:]))


def reduced_axes(node: Node) -> tuple[int, ...]:
    """The axes that a reduction node takes away."""
    axis, ndim = node.attributes["axis"], len(node.operands[0].shape)
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted(one % ndim for one in axes))


def sums_by_image(shape: Sequence[int], axes: Sequence[int]) -> bool:
    """Whether a reduction over the batch and what lies in it is made image by image at first."""
    long = [axis for axis in axes if shape[axis] > 1]
    leading = next((axis for axis, size in enumerate(shape) if size > 1), None)
    kept = shapes.size(tuple(size for axis, size in enumerate(shape) if axis not in axes))
    places = shapes.size(tuple(shape[axis] for axis in axes))
    return leading in long and len(long) > 1 and kept > 1 and places >= _MANY


def _in_order(
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    operands: Sequence[View],
    result: View,
    stores: Sequence[View],
) -> tuple[tuple[int, ...], tuple[int, ...], Sequence[View], View, Sequence[View]]:
    """A reduction with the axes of its space in the order of memory; its result has none of those
    that are reduced away.
    """
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    sizes = tuple(shape[axis] for axis in kept)
    result = result._replace(shape=sizes, strides=contiguous(sizes))
    order = memory_order(shape, [*stores, *(broadcast_view(view, shape) for view in operands)])
    if order == tuple(range(len(shape))):
        return shape, axes, operands, result, stores
    return (
        tuple(shape[axis] for axis in order),
        tuple(place for place, axis in enumerate(order) if axis in axes),
        [permuted(broadcast_view(view, shape), order) for view in operands],
        permuted(result, [kept.index(axis) for axis in order if axis in kept]),
        [permuted(view, order) for view in stores],
    )


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
    shape, axes, operands, result, stores = _in_order(shape, axes, operands, result, stores)
    sizes = result.shape
    long = [axis for axis in axes if shape[axis] > 1]
    places = shapes.size(tuple(shape[axis] for axis in axes))
    leading = next((axis for axis, size in enumerate(shape) if size > 1), None)
    few = shapes.size(sizes) * 4 <= places or leading in long
    is_image = sums_by_image(shape, axes)
    if (places < 2 * _BLOCK and not is_image) or not few or not long:
        return [Reduction(kind, shape, axes, expression, value, operands, result, stores, stored)]
    # Sums over whole images are made image by image, where these have just been in the cache.
    each = 1 if is_image else max(1, _BLOCK * shape[long[0]] // places)
    whole = Blocks(shape, long[0], each)
    partial_shape = (whole.total, *sizes)
    buffer = Buffer(shapes.size(partial_shape) * result.dtype.itemsize, what="partial")
    partial = View(buffer, result.dtype, partial_shape, contiguous(partial_shape))
    spread = [broadcast_view(view, shape) for view in operands]
    works: list[Kernel] = []
    for part in whole.parts():
        inputs, outputs = ([part.cut(view) for view in views] for views in (spread, stores))
        within, rows = tuple(axis + 1 for axis in axes), part.lines(partial)
        works.append(
            Reduction(kind, part.space, within, expression, value, inputs, rows, outputs, stored)
        )
    works.append(Reduction(kind, partial_shape, [0], Expression(), Operand(0), [partial], result))
    return works


class Blocks(NamedTuple):
    """An axis of a space cut in blocks of `each` places; the last one keeps what is left.

    Example:
        >>> [part.space for part in Blocks((10, 3), 0, 4).parts()]
        [(2, 4, 3), (1, 2, 3)]
    """

    shape: tuple[int, ...]
    axis: int
    each: int

    @property
    def total(self) -> int:
        """How many blocks there are."""
        return -(-self.shape[self.axis] // self.each)

    def parts(self) -> list[_Part]:
        """The blocks of full size together, and the rest."""
        full, rest = divmod(self.shape[self.axis], self.each)
        parts = [_Part(self, full, self.each, 0)] if full else []
        return [*parts, _Part(self, 1, rest, full)] if rest else parts


class _Part(NamedTuple):
    """Some blocks of equal size.

    Attributes:
        number, size: how many, of how many places.
        first:        the number of the first one.
    """

    blocks: Blocks
    number: int
    size: int
    first: int

    @property
    def space(self) -> tuple[int, ...]:
        """The space with the number of the block in front."""
        shape, axis, _ = self.blocks
        return (self.number, *shape[:axis], self.size, *shape[axis + 1 :])

    def cut(self, view: View) -> View:
        """A view of the whole space as these blocks of it."""
        stride = view.strides[self.blocks.axis]
        return view._replace(
            shape=self.space,
            strides=(self.size * stride, *view.strides),
            offset=view.offset + self.first * self.blocks.each * stride,
        )

    def lines(self, view: View) -> View:
        """The lines of these blocks in a view that has one for each block."""
        offset = view.offset + self.first * view.strides[0]
        return view._replace(shape=(self.number, *view.shape[1:]), offset=offset)
