"""Views: those that change nothing, and those that are one view in two steps."""

from __future__ import annotations

from retroprop import shapes
from retroprop.ir import Node, Value
from retroprop.ops.define import Op
from retroprop.ops.movement import concatenate, flip, pad, permute_dims, reshape, split, take_slice
from retroprop.ops.reduction import broadcast_to
from retroprop.passes.constants import repeated
from retroprop.passes.rewrite import Build, Rule, made_by, shape_of

__all__ = ["RULES"]

Operands = tuple[Value, ...]


def _nothing(node: Node, operands: Operands, build: Build) -> Value | None:
    """A view of one operand, of an unchanged shape, that moves no element."""
    (x,) = operands
    return x if shape_of(node) == x.shape else None


def _reshape(node: Node, operands: Operands, build: Build) -> Value | None:
    """Only the last of several reshapes counts."""
    inner = made_by(operands[0], reshape)
    if inner is None:
        return None
    return build(reshape, *inner.operands, shape=shape_of(node))


def _permute(node: Node, operands: Operands, build: Build) -> Value | None:
    """Permutations that follow each other are one; if only axes of one element move, none."""
    (x,) = operands
    lengths, axes = x.shape, node.attributes["axes"]
    inner = made_by(x, permute_dims)
    if inner is not None:
        first = inner.attributes["axes"]
        return build(permute_dims, *inner.operands, axes=tuple([first[axis] for axis in axes]))
    moving = [axis % len(lengths) for axis in axes if lengths[axis] != 1]
    return build(reshape, x, shape=shape_of(node)) if moving == sorted(moving) else None


def _slice(node: Node, operands: Operands, build: Build) -> Value | None:
    """Taking everything is a reshape: None adds an axis, an integer drops one of one element."""
    (x,) = operands
    lengths = iter(x.shape)
    for item in node.attributes["key"]:
        if item is None:
            continue
        length = next(lengths)
        if isinstance(item, slice):
            if range(*item.indices(length)) != range(length):
                return None
        elif length != 1:
            return None
    return build(reshape, x, shape=shape_of(node))


def _flip(node: Node, operands: Operands, build: Build) -> Value | None:
    """Turning around axes of at most one element does nothing."""
    (x,) = operands
    axes = shapes.normalise_axes(node.attributes["axis"], len(x.shape))
    return x if all(x.shape[axis] <= 1 for axis in axes) else None


def _single(node: Node, operands: Operands, build: Build) -> Value | None:
    """Joining one part, or taking apart into one, does nothing."""
    return operands[0] if len(operands) == len(node.types) == 1 else None


def _stretch(node: Node, operands: Operands, build: Build) -> Value | None:
    """Only the last of several stretches counts; one that only adds axes is a reshape."""
    (x,) = operands
    shape = shape_of(node)
    if shapes.size(shape) == shapes.size(x.shape) != 0:
        return build(reshape, x, shape=shape)
    inner = made_by(x, broadcast_to)
    return None if inner is None else build(broadcast_to, *inner.operands, shape=shape)


def _uniform(node: Node, operands: Operands, build: Build) -> Value | None:
    """However the elements of one repeated number are moved, they are that number, repeated."""
    (x,) = operands
    if shapes.size(x.shape) == 1:
        return None
    number = repeated(x)
    if number is None:
        inner = made_by(x, broadcast_to)
        if inner is None or shapes.size(inner.operands[0].shape) != 1:
            return None
        number = build(reshape, *inner.operands, shape=())
    return build(broadcast_to, number, shape=shape_of(node))


RULES: dict[Op, tuple[Rule, ...]] = {
    broadcast_to: (_nothing, _stretch),
    concatenate: (_single,),
    flip: (_flip, _uniform),
    pad: (_nothing,),
    permute_dims: (_permute, _uniform),
    reshape: (_nothing, _reshape, _uniform),
    split: (_single,),
    take_slice: (_slice, _uniform),
}
