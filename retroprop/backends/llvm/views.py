"""Ops that only look at memory in another way, and ops that put pieces into new memory.

What strides a view has is NumPy's to say: the op's own reference is applied to an array that has
the shape and strides of the view but stands on no memory, and nothing is ever read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.backends.llvm.expression import Constant, Expression
from retroprop.backends.llvm.kernel import Kernel, View
from retroprop.backends.llvm.produce import copied, elementwise

if TYPE_CHECKING:
    from retroprop.ir import Node

__all__ = ["MOVED", "VIEWED", "part", "pieces", "viewed", "window"]

VIEWED = frozenset({"broadcast_to", "flip", "permute_dims", "reshape", "split", "take_slice"})
MOVED = frozenset({"pad", "place_slice", "set_slice"})


def viewed(node: Node, before: View) -> list[View] | None:
    """The views that a view op makes of one; None where only a copy would do."""
    if node.op.name == "reshape":
        shape = node.outputs[0].shape
        if before.size == 0:
            return [before._replace(shape=shape, strides=(0,) * len(shape))]
        try:
            return [part(before, lambda array: np.reshape(array, shape, copy=False))]
        except ValueError:
            return None
    if node.op.name == "split":
        count = len(node.outputs)
        whole = partial(_applied, node)
        return [part(before, _item_of(whole, number)) for number in range(count)]
    return [part(before, lambda array: _applied(node, array))]


def _item_of(look: Callable[[Any], Any], number: int) -> Callable[[Any], Any]:
    return lambda array: look(array)[number]


def _applied(node: Node, array: Any) -> Any:
    if node.op.name == "take_slice":
        return _looked_at(array, node.attributes["key"])
    return node.op.reference(array, **node.attributes)


def _looked_at(array: Any, key: tuple[Any, ...]) -> Any:
    """The part of an array at a key; a view, also of a single element, which NumPy would copy."""
    return array[key] if any(one is ... for one in key) else array[(*key, ...)]


def part(view: View, look: Callable[[Any], Any]) -> View:
    """The view that a NumPy view function makes of one.

    Example:
        >>> from retroprop.backends.llvm.kernel import Buffer
        >>> view = View(Buffer(24), np.dtype("float32"), (2, 3), (3, 1))
        >>> part(view, lambda array: array.T[1:])[2:]
        ((2, 2), (1, 3), 1)
    """
    item = view.dtype.itemsize
    hollow = np.lib.stride_tricks.as_strided(
        np.empty(1, view.dtype), view.shape, tuple(stride * item for stride in view.strides)
    )
    made = look(hollow)
    moved = _address(made) - _address(hollow) if made.size else 0
    strides = tuple(stride // item for stride in made.strides)
    return view._replace(shape=made.shape, strides=strides, offset=view.offset + moved // item)


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def pieces(node: Node, result: View, operands: Sequence[View]) -> list[Kernel]:
    """Kernels that put together what pad and the writers of slices make."""
    name, attributes = node.op.name, node.attributes
    if name == "pad":
        widths = attributes["widths"]
        inside = tuple(
            slice(low, low + n) for (low, _), n in zip(widths, operands[0].shape, strict=False)
        )
        whole = filled(result, attributes["value"])
        return [whole, copied(window(result, inside), operands[0])]
    key = attributes["key"]
    if name == "place_slice":
        return [filled(result, 0), copied(window(result, key), operands[0])]
    return [copied(result, operands[0]), copied(window(result, key), operands[1])]


def window(view: View, key: tuple[Any, ...]) -> View:
    """The part of a view at a key."""
    return part(view, lambda array: _looked_at(array, key))


def filled(result: View, value: Any) -> Kernel:
    """The same number everywhere."""
    return elementwise(result.shape, Expression(), [], [result], [Constant(value, result.dtype)])
