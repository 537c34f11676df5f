"""The space a kernel walks: sizes and, for each view, strides, with as few axes as will do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from retroprop.backends.llvm.kernel import View

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Register

__all__ = [
    "Axis",
    "broadcast_view",
    "collapsed",
    "leading_slab",
    "memory_order",
    "permuted",
    "walk",
]

Axis = tuple[int, tuple[int, ...]]  # size, and the stride of each view along it


def broadcast_view(view: View, shape: tuple[int, ...]) -> View:
    """The view as it looks from a larger shape: stride 0 along what is repeated."""
    missing = len(shape) - len(view.shape)
    pairs = zip(view.shape, view.strides, strict=True)
    strides = [0 if size == 1 else stride for size, stride in pairs]
    return view._replace(shape=shape, strides=(*(0,) * missing, *strides))


def collapsed(sizes: Sequence[int], views: Sequence[View], axes: Sequence[int]) -> list[Axis]:
    """Some axes of a space as few as possible, in order: those of size 1 go, neighbours that every
    view walks as one are merged.

    Example:
        >>> from retroprop.backends.llvm.kernel import Buffer
        >>> view = View(Buffer(24), np.dtype("float32"), (2, 1, 3), (3, 3, 1))
        >>> collapsed((2, 1, 3), [view], (0, 1, 2))
        [(6, (1,))]
    """
    found: list[Axis] = []
    for axis in axes:
        size = sizes[axis]
        if size == 1:
            continue
        strides = tuple(view.strides[axis] for view in views)
        if found:
            outer, before = found[-1]
            if all(a == size * c for a, c in zip(before, strides, strict=True)):
                found[-1] = (outer * size, strides)
                continue
        found.append((size, strides))
    return found


def memory_order(shape: Sequence[int], views: Sequence[View]) -> tuple[int, ...]:
    """The axes from the slowest to the fastest in memory, by the first view that tells.

    Axes of size 1 stay where they are, and so do all when nothing is to be gained.

    Example:
        >>> from retroprop.backends.llvm.kernel import Buffer
        >>> view = View(Buffer(96), np.dtype("float32"), (2, 3, 4), (12, 1, 3))
        >>> memory_order((2, 3, 4), [view])
        (0, 2, 1)
    """
    axes = range(len(shape))
    for view in views:
        steps = [abs(stride) for stride in view.strides]
        if all(steps[axis] or shape[axis] == 1 for axis in axes):
            last = {axis: steps[axis] for axis in axes if shape[axis] > 1}
            ordered = sorted(last, key=lambda axis: -last[axis])
            places = [axis for axis in axes if shape[axis] > 1]
            order = list(axes)
            for place, axis in zip(places, ordered, strict=True):
                order[place] = axis
            return tuple(order)
    return tuple(axes)


def permuted(view: View, order: Sequence[int]) -> View:
    """A view with its axes in another order."""
    return view._replace(
        shape=tuple([view.shape[axis] for axis in order]),
        strides=tuple([view.strides[axis] for axis in order]),
    )


def leading_slab(view: View) -> int | None:
    """Bytes from row to row when row r of the view lies within its own slab of the buffer.

    Rows are counted along the first axis. None when rows interleave or run backwards, or when every
    row reads the same elements (stride 0).
    """
    if not view.shape or view.strides[0] <= 0:
        return None
    reach = 0
    for size, stride in zip(view.shape[1:], view.strides[1:], strict=True):
        if stride < 0:
            return None
        reach += (size - 1) * stride
    if reach >= view.strides[0] or view.offset % view.strides[0] + reach >= view.strides[0]:
        return None
    if view.offset >= view.strides[0]:
        return None
    return view.strides[0] * view.dtype.itemsize


@contextmanager
def walk(
    f: Function, axes: Sequence[Axis], pointers: Sequence[Register], sizes: Sequence[int]
) -> Iterator[list[Register]]:
    """Nested loops over axes; yields the pointers moved along.

    Args:
        sizes: bytes of an element of each view.
    """
    with ExitStack() as stack:
        moved = list(pointers)
        for size, strides in axes:
            loop = stack.enter_context(f.loop(0, size))
            moved = [
                advance(f, pointer, loop.index, stride * item)
                for pointer, stride, item in zip(moved, strides, sizes, strict=True)
            ]
        yield moved


def advance(f: Function, pointer: Register, index: Register, step: int) -> Register:
    """The pointer after `index` steps of `step` bytes."""
    return pointer if step == 0 else f.at(pointer, index, step)
