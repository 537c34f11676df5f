"""Convolutions as kernels: what has to be there before, the passes, and what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retroprop.backends.llvm import window
from retroprop.backends.llvm.convolve import Convolve
from retroprop.backends.llvm.correlate import Correlate
from retroprop.backends.llvm.depthwise import Depthwise, DepthwiseWeight
from retroprop.backends.llvm.expression import Expression, Operand
from retroprop.backends.llvm.halo import Halo
from retroprop.backends.llvm.kernel import Kernel, View, contiguous
from retroprop.backends.llvm.layout import Layout, order_of_weight, placed
from retroprop.backends.llvm.produce import copied, reduction
from retroprop.backends.llvm.views import filled, part
from retroprop.backends.llvm.window import Line
from retroprop.backends.llvm.winograd import WinogradConvolve, WinogradParts, suits
from retroprop.backends.llvm.winograd_weights import WinogradFilters, WinogradGradient
from retroprop.shapes import size

if TYPE_CHECKING:
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Node

__all__ = ["bordered", "convolution", "is_image"]


def is_image(view: View) -> bool:
    """Whether the channels of each place lie side by side in memory of our own."""
    return view.buffer.kind == "arena" and (view.strides[1] == 1 or view.shape[1] == 1)


def bordered(view: View, layout: Layout) -> tuple[View, list[Kernel]]:
    """A copy of an image with channels last and a border, and the kernels that make it."""
    image = placed(view.shape, view.dtype, layout, "image")
    border = [Halo(image, layout)] if layout.has_border else []
    return image, [*border, copied(image, view)]


def convolution(
    node: Node, result: View, operands: Sequence[View], target: Target, winograd: int
) -> list[Kernel]:
    """Kernels for conv, conv_transpose or conv_weight.

    Args:
        operands: images with channels last and enough border, and weights of any strides.
        winograd: the side of the tiles of that algorithm (2 or 4); 0 does without it.
    """
    first, second = operands
    how = dict(node.attributes)
    groups = how.pop("groups")
    if result.size == 0 or first.size == 0 or second.size == 0:
        return [filled(result, 0)]
    if node.op.name == "conv_weight":
        how.pop("window")
        axes = [line for (line,) in window.lines_of(node)]
        return _correlated(result, first, second, axes, groups, target, winograd)
    weights = _grouped(second, groups, is_adjoint=node.op.name == "conv_transpose")
    by_channel = second.shape[:2] == (groups, 1) and groups > 1
    passes: Sequence[Sequence[Line]]
    if node.op.name == "conv":
        passes = [[line for (line,) in window.lines_of(node)]]
    else:
        sizes = how.pop("output")
        passes = window.adjoint(sizes, second.shape[2:], **how)
    made: list[Kernel] = []
    if by_channel and second.strides[0] != 1:
        second, made = _side_by_side(second)
    lanes = target.lanes(result.dtype.itemsize)
    for lines in passes:
        if groups == 1 and suits(first, result, lines, winograd, lanes, in_parts=False):
            made += _by_winograd(result, first, weights, lines, winograd, target)
        elif by_channel and all(line.taps for line in lines):
            made.append(Depthwise(node.op.name, result, first, second, lines, target))
        elif all(line.taps for line in lines):
            kernel = Convolve(node.op.name, result, first, weights, lines, target)
            made += [kernel.filters, kernel]
        else:
            made.append(filled(_met(result, lines), 0))
    return made


def _side_by_side(w: View) -> tuple[View, list[Kernel]]:
    """Weights with output channels side by side."""
    ndim = len(w.shape)
    none = ((0, 0),) * (ndim - 2)
    made = placed(w.shape, w.dtype, Layout(order_of_weight(ndim), none), "weight")
    return made, [copied(made, w)]


def _by_winograd(
    result: View, x: View, w: View, lines: Sequence[Line], m: int, target: Target
) -> list[Kernel]:
    """A convolution through transformed weights, which are turned around for its adjoint."""
    w = part(w, lambda array: array[0])
    if lines[0].taps[0][0]:
        w = part(w, lambda array: array[..., ::-1, ::-1])
    across = abs(w.strides[0]) < abs(w.strides[1])  # what lies side by side is made side by side
    w = part(w, lambda array: array.swapaxes(0, 1)) if across else w
    filters = WinogradFilters(w, m)
    (u,) = filters.results
    u = part(u, lambda array: array.swapaxes(1, 2)) if across else u
    kernel = WinogradConvolve(result, x, u, lines, m, target)
    return [filters, kernel.pack, kernel]


def _grouped(w: View, groups: int, *, is_adjoint: bool) -> View:
    """w (out, channels / groups, *window) as (groups, inner, columns, *window)."""
    out, channels, *rest = w.shape
    o, c, *strides = w.strides
    each = out // groups
    pair, moves = ((each, channels), (o, c)) if is_adjoint else ((channels, each), (c, o))
    return w._replace(shape=(groups, *pair, *rest), strides=(each * o, *moves, *strides))


def _met(result: View, lines: Sequence[Line]) -> View:
    """The places of a result that a pass gives."""
    key = (slice(None), slice(None), *(slice(line.start, None, line.jump) for line in lines))
    return part(result, lambda array: array[key])


def _correlated(
    result: View,
    x: View,
    z: View,
    lines: Sequence[Line],
    groups: int,
    target: Target,
    winograd: int,
) -> list[Kernel]:
    """The gradient in the weights, which lies (*window, channels, out)."""
    ndim = len(result.shape)
    taps, out = size(result.shape) // result.shape[0], result.shape[0]
    order = order_of_weight(ndim)
    flat = contiguous(tuple(result.shape[axis] for axis in order))
    is_direct = tuple(result.strides[axis] for axis in order) == flat and not result.offset
    rows = result._replace(shape=(taps, out), strides=(out, 1))
    late: list[Kernel] = []
    if not is_direct:
        made, _ = _side_by_side(result)
        rows = made._replace(shape=(taps, out), strides=(out, 1))
        late = [copied(result, made)]
    lanes = target.lanes(result.dtype.itemsize)
    if groups == 1 and suits(x, z, lines, winograd, lanes, in_parts=True):
        kept = rows._replace(
            shape=(3, 3, taps // 9, out), strides=(taps // 3 * out, taps // 9 * out, out, 1)
        )
        sums = WinogradParts(x, z, lines, winograd, target)
        return [sums, WinogradGradient(kept, sums.results[0], winograd), *late]
    if x.shape[1] == z.shape[1] == groups > 1:
        apart = DepthwiseWeight(x, z, lines, target)
        return [apart, *_summed(apart.results[0], rows), *late]
    kernel = Correlate(rows, x, z, lines, groups, target)
    return [kernel, *_summed(kernel.parts, rows), *late]


def _summed(parts: View | None, rows: View) -> list[Kernel]:
    """Parts of a sum added up in order."""
    if parts is None:
        return []
    return reduction("sum", parts.shape, (0,), Expression(), Operand(0), [parts], rows, [], [])
