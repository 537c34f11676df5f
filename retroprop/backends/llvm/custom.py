"""Ops that have a kernel of their own, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from retroprop.backends.llvm.along import AddAlong, PlusAlong, TakeAlong
from retroprop.backends.llvm.finite import RequireFinite
from retroprop.backends.llvm.indexing import FlatIndex, Latest, Put, Take, TakeAdd
from retroprop.backends.llvm.kernel import Kernel, View
from retroprop.backends.llvm.philox import RandomBits, RandomSkip
from retroprop.backends.llvm.scalar import Builder
from retroprop.backends.llvm.searching import Accumulate, Extreme

if TYPE_CHECKING:
    from retroprop.ir import Node

__all__ = ["make"]

Views = Sequence[View]


def make(node: Node, results: Views, operands: Views, number: int) -> list[Kernel] | None:
    """The kernels of a node; None where it has to run through its reference.

    Args:
        results:  fresh and contiguous.
        operands: any strides.
        number:   under which the node reports errors.
    """
    maker = _MAKERS.get(node.op.name)
    if node.op.name.startswith("random_") and operands[0].dtype.itemsize != 4:
        return None  # a state of another type than a generator's
    if maker is None or any(view.size == 0 for view in (*results, *operands)):
        return None
    made = maker(results, operands, node.attributes, number)
    return None if made is None else [made]


def _take(results: Views, operands: Views, attributes: dict[str, Any], number: int) -> Kernel:
    axis = (attributes["axis"] or 0) % len(operands[0].shape)
    return Take(results[0], operands[0], operands[1], axis, number)


def _take_add(results: Views, operands: Views, attributes: dict[str, Any], number: int) -> Kernel:
    return TakeAdd(results[0], operands[0], operands[1], attributes["axis"], number)


def _take_along(results: Views, operands: Views, attributes: dict[str, Any], number: int) -> Kernel:
    axis = attributes["axis"] % len(operands[0].shape)
    return TakeAlong(results[0], operands[0], operands[1], axis, number)


def _add_along(results: Views, operands: Views, attributes: dict[str, Any], number: int) -> Kernel:
    axis = attributes["axis"] % len(results[0].shape)
    return AddAlong(results[0], operands[0], operands[1], axis, number)


def _plus_along(results: Views, operands: Views, attributes: dict[str, Any], number: int) -> Kernel:
    axis = attributes["axis"] % len(results[0].shape)
    base, x, indices = operands
    return PlusAlong(results[0], base, x, indices, axis, number)


def _put(results: Views, operands: Views, attributes: dict[str, Any], number: int) -> Kernel:
    axis = attributes["axis"] % len(results[0].shape)
    return Put(results[0], operands, axis, number)


def _extreme(results: Views, operands: Views, attributes: dict[str, Any], *, largest: bool) -> Any:
    axis = attributes["axis"]
    at = None if axis is None else axis % len(operands[0].shape)
    return Extreme(results[0], operands[0], at, largest=largest)


def _accumulate(results: Views, operands: Views, attributes: dict[str, Any], *, what: str) -> Any:
    combine = Builder.add if what == "cumulative_sum" else Builder.multiply
    axis = attributes["axis"] % len(operands[0].shape)
    return Accumulate(what, results[0], operands[0], axis, combine)


_MAKERS: dict[str, Callable[..., Kernel | None]] = {
    "take": _take,
    "take_add": _take_add,
    "take_along_axis": _take_along,
    "add_along_axis": _add_along,
    "plus_along_axis": _plus_along,
    "put": _put,
    "latest": lambda results, operands, attributes, number: Latest(
        results[0], operands[0], attributes["length"], number
    ),
    "flat_index": lambda results, operands, attributes, number: FlatIndex(
        results[0], operands, attributes["sizes"], number
    ),
    "argmax": lambda results, operands, attributes, _: _extreme(
        results, operands, attributes, largest=True
    ),
    "argmin": lambda results, operands, attributes, _: _extreme(
        results, operands, attributes, largest=False
    ),
    "cumulative_sum": lambda results, operands, attributes, _: _accumulate(
        results, operands, attributes, what="cumulative_sum"
    ),
    "cumulative_prod": lambda results, operands, attributes, _: _accumulate(
        results, operands, attributes, what="cumulative_prod"
    ),
    "random_bits": lambda results, operands, attributes, _: RandomBits(
        results[0], operands[0], attributes["bits"]
    ),
    "random_skip": lambda results, operands, attributes, _: RandomSkip(
        results[0], operands[0], attributes["blocks"]
    ),
    "require_finite": lambda results, operands, _, number: RequireFinite(
        results[0], operands[0], number
    ),
}
