"""`t[key]` and `t[key] = value`: what a key means, in terms of ops.

A key is read as NumPy reads it. Its slices, integers and None are one `take_slice`; its integer
tensors are brought to one axis (adjacent ones stay in place, others move to the front) and become
one `take`. Writing goes the same way with `set_slice` and `put`, into a new value that the cell
then holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop import dtypes, shapes
from retroprop.core.tensor import Tensor
from retroprop.errors import DTypeError, IndexRangeError, ShapeError
from retroprop.ops.catalog import catalog

__all__ = ["get_item", "set_item"]

Shape = tuple[int, ...]
_FULL = slice(None)

_take_slice, _set_slice = catalog["take_slice"], catalog["set_slice"]
_take, _put, _flat_index = catalog["take"], catalog["put"], catalog["flat_index"]
_reshape, _permute_dims, _cast = catalog["reshape"], catalog["permute_dims"], catalog["cast"]
_broadcast_to, _where, _nonzero = catalog["broadcast_to"], catalog["where"], catalog["nonzero"]


class _Plan:
    """A key taken apart: basic indexing first, then integer tensors on axes of its result.

    Attributes:
        basic:   integers, slices and None for every axis of the operand.
        indices: the integer tensors.
        axes:    the axis, after basic indexing, that each of them reads.
        is_apart: whether something stands between two of them, be it an Ellipsis for no axis.
    """

    __slots__ = ("axes", "basic", "indices", "is_apart")

    def __init__(self, key: Any, shape: Shape) -> None:
        items = _items(key, shape)
        if any(isinstance(item, Tensor | _NewAxis) for item in items):
            items = _integers_as_tensors(items, shape)
        self.basic: tuple[Any, ...] = ()
        self.indices: list[Tensor] = []
        self.axes: list[int] = []
        self.is_apart = _is_apart(items)
        axis = dropped = 0  # axes of the operand read, and lost to an integer
        for item in items:
            if item is None:
                self.basic += (None,)
            elif isinstance(item, _NewAxis):
                self._index(item.index, len(self.basic), None)
            elif item is not Ellipsis:
                if isinstance(item, Tensor):
                    self._index(item, len(self.basic) - dropped, _FULL)
                elif isinstance(item, slice):
                    self.basic += (_canonical(item, shape[axis]),)
                else:
                    self.basic += (_whole(item, axis, shape[axis]),)
                    dropped += 1
                axis += 1

    def _index(self, index: Tensor, position: int, basic: Any) -> None:
        self.indices.append(index)
        self.axes.append(position)
        self.basic += (basic,)

    @property
    def is_whole(self) -> bool:
        """Whether basic indexing changes nothing."""
        return all(isinstance(item, slice) and item == _FULL for item in self.basic)


class _NewAxis:
    """An index along a new axis of size 1: what a 0-d bool in a key amounts to."""

    __slots__ = ("index",)

    def __init__(self, flag: bool) -> None:
        self.index = Tensor(np.zeros(int(flag), np.int64))


def _items(key: Any, shape: Shape) -> list[Any]:
    """The parts of a key, masks as integers, with Ellipsis and missing slices written out."""
    parts = [_part(one) for one in (key if isinstance(key, tuple) else (key,))]
    used = sum(_consumed(part) for part in parts)
    if used > len(shape):
        raise IndexRangeError(
            f"index: {used} axes are indexed, the tensor has {len(shape)}: shape {shape}"
        )
    rest = [_FULL] * (len(shape) - used)
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexRangeError("index: a key has one Ellipsis at most")
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    items: list[Any] = []
    axis = 0
    for part in parts:
        if part is Ellipsis:
            items += rest or [Ellipsis]
        elif isinstance(part, Tensor) and part.dtype == dtypes.bool:
            items += _unmasked(part, axis, shape)
        else:
            items.append(part)
        axis += len(rest) if part is Ellipsis else _consumed(part)
    return items


def _integers_as_tensors(items: list[Any], shape: Shape) -> list[Any]:
    """Beside an integer tensor, NumPy treats an integer as one too."""
    axis, made = 0, []
    for item in items:
        whole = isinstance(item, int)
        made.append(Tensor(_whole(item, axis, shape[axis])) if whole else item)
        axis += item is not None and item is not Ellipsis and not isinstance(item, _NewAxis)
    return made


def _is_apart(items: list[Any]) -> bool:
    places = [i for i, item in enumerate(items) if isinstance(item, Tensor | _NewAxis)]
    return bool(places) and places[-1] - places[0] >= len(places)


def _part(one: Any) -> Any:
    """One part of a key as None, Ellipsis, a slice, an int, a tensor of integers, or a mask."""
    if one is None or one is Ellipsis or isinstance(one, slice):
        return one
    if isinstance(one, bool | np.bool):
        return _NewAxis(bool(one))
    if isinstance(one, int | np.integer):
        return int(one)
    known = isinstance(one, Tensor | np.ndarray | list | tuple | range)
    if not known and not hasattr(one, "__array__"):
        raise IndexRangeError(
            f"index: {one!r} is not an index",
            fix="use integers, slices, None, ..., or tensors of integers or bool",
        )
    tensor = one if isinstance(one, Tensor) else Tensor(one)
    if tensor.size == 0 and isinstance(one, list | tuple | range):
        tensor = Tensor(np.zeros(tensor.shape, np.int64))
    if tensor.dtype == dtypes.bool:
        return tensor if tensor.ndim else _NewAxis(bool(tensor))
    if not dtypes.is_integer(tensor.dtype):
        raise DTypeError(
            f"index: a tensor of {tensor.dtype} is not an index",
            fix="convert it: rp.astype(index, rp.int64)",
        )
    return tensor


def _consumed(part: Any) -> int:
    """How many axes of the operand a part of a key stands for."""
    if part is None or part is Ellipsis or isinstance(part, _NewAxis):
        return 0
    return part.ndim if isinstance(part, Tensor) and part.dtype == dtypes.bool else 1


def _unmasked(mask: Tensor, axis: int, shape: Shape) -> tuple[Tensor, ...]:
    covered = shape[axis : axis + mask.ndim]
    if mask.shape != covered:
        raise ShapeError(
            f"index: a mask of shape {mask.shape} does not cover axes of sizes {covered}",
            fix="a mask has the sizes of the axes that it selects from",
        )
    found = _nonzero(mask)
    return found if isinstance(found, tuple) else (found,)


def _whole(index: int, axis: int, length: int) -> int:
    if not -length <= index < length:
        raise IndexRangeError(
            f"index: {index} is out of range for axis {axis} of {length} elements",
            fix=f"use an index from {-length} to {length - 1}" if length else "the axis is empty",
        )
    return index % length


def _canonical(given: slice, length: int) -> slice:
    """A slice of Python integers counted from 0, `slice(None)` where it selects everything."""
    start, stop, step = given.indices(length)
    count = len(range(start, stop, step))
    if count == length and step == 1:
        return _FULL
    if count == 0:
        return slice(0, 0)
    return slice(start, stop if stop >= 0 else None, None if step == 1 else step)


def get_item(x: Tensor, key: Any) -> Tensor:
    """The part of a tensor that a key selects, as in NumPy; gradients flow to what was selected.

    Raises:
        IndexRangeError: "index: 7 is out of range for axis 0 of 3 elements".

    Example:
        >>> import retroprop as rp
        >>> x = rp.asarray([[1, 2, 3], [4, 5, 6]])
        >>> x[:, -1].tolist(), x[x > 3].tolist(), x[[1, 0], [0, 2]].tolist()
        ([3, 6], [4, 5, 6], [4, 3])
    """
    plan = _Plan(key, x.shape)
    if not plan.indices:
        return _sliced(x, plan)
    joined, index, start, _ = _join(x if plan.is_whole else _sliced(x, plan), plan)
    return _take(joined, index, axis=start)


def _sliced(x: Tensor, plan: _Plan) -> Tensor:
    return _take_slice(x, key=plan.basic)


def _join(x: Tensor, plan: _Plan) -> tuple[Tensor, Tensor, int, tuple[int, ...]]:
    """The indexed axes as one: the tensor, the index into it, its axis, and the order of axes."""
    axes, count = plan.axes, len(plan.axes)
    start = axes[0]
    order = tuple(range(x.ndim))
    if plan.is_apart:
        start = 0
        order = (*axes, *(i for i in order if i not in axes))
        x = _permute_dims(x, axes=order)
    if count == 1:
        return x, plan.indices[0], start, order
    sizes = x.shape[start : start + count]
    index = _flat_index(*plan.indices, sizes=sizes)
    joined = (*x.shape[:start], shapes.size(sizes), *x.shape[start + count :])
    return _reshape(x, joined), index, start, order


def set_item(x: Tensor, key: Any, value: Any) -> None:
    """Rebind a tensor's cell to a value in which the selected part is replaced; `t[key] = value`.

    Raises:
        ShapeError: "item assignment: a value of shape (3,) does not fit the selected (2,)".
        TapeError:  the tensor is a leaf that requires a gradient, outside `rp.no_grad()`.

    Example:
        >>> import retroprop as rp
        >>> x = rp.zeros((4,))
        >>> x[1:3] = rp.asarray([1.0, 2.0])
        >>> x.tolist()
        [0.0, 1.0, 2.0, 0.0]
    """
    new = _value_of(x, value)
    mask = _lone_mask(key, x.shape)
    if mask is not None and new.ndim == 0:
        x.assign(_where(mask, new, x))
        return
    plan = _Plan(key, x.shape)
    if not plan.indices:
        selected = _take_slice.shape(x.shape, key=plan.basic)
        x.assign(_set_slice(x, _fitted(new, selected), key=plan.basic))
        return
    part = x if plan.is_whole else _sliced(x, plan)
    changed = _put_joined(part, plan, new)
    x.assign(changed if plan.is_whole else _set_slice(x, changed, key=plan.basic))


def _put_joined(x: Tensor, plan: _Plan, value: Tensor) -> Tensor:
    joined, index, start, order = _join(x, plan)
    selected = (*joined.shape[:start], *index.shape, *joined.shape[start + 1 :])
    changed = _put(joined, index, _fitted(value, selected), axis=start)
    changed = _reshape(changed, tuple(x.shape[i] for i in order))
    if order == tuple(range(x.ndim)):
        return changed
    back = tuple(order.index(i) for i in range(x.ndim))
    return _permute_dims(changed, axes=back)


def _value_of(x: Tensor, value: Any) -> Tensor:
    """What is assigned, in the dtype of the cell; a float never becomes an integer in silence."""
    scalar = isinstance(value, bool | int | float | complex) and not isinstance(value, np.generic)
    dtype = dtypes.scalar_type(value, x.dtype) if scalar else None
    new = value if isinstance(value, Tensor) else Tensor(value, dtype)
    if new.dtype == x.dtype:
        return new
    both_float = dtypes.is_floating(new.dtype) and dtypes.is_floating(x.dtype)
    if not both_float and dtypes.promote(x.dtype, new.dtype) != x.dtype:
        raise DTypeError(
            f"item assignment: the tensor holds {x.dtype}, the value is {new.dtype}",
            fix=f"convert the value: rp.astype(value, rp.{x.dtype})",
        )
    return _cast(new, dtype=x.dtype)


def _fitted(value: Tensor, selected: Shape) -> Tensor:
    """The value stretched to the selected shape; surplus leading axes of size 1 are dropped."""
    surplus = value.ndim - len(selected)
    if surplus > 0 and set(value.shape[:surplus]) == {1}:
        value = _reshape(value, value.shape[surplus:])
    aligned = zip(reversed(value.shape), reversed(selected), strict=False)
    if value.ndim > len(selected) or any(n not in {1, m} for n, m in aligned):
        raise ShapeError(
            f"item assignment: a value of shape {value.shape} does not fit the selected {selected}",
            fix="each size must be equal or 1, counted from the right",
        )
    return value if value.shape == selected else _broadcast_to(value, selected)


def _lone_mask(key: Any, shape: Shape) -> Tensor | None:
    """The mask that is all of a key, shaped to broadcast with x; its values stay unread."""
    if isinstance(key, tuple | bool | np.bool) or not hasattr(key, "dtype"):
        return None
    if key.dtype != dtypes.bool or not key.ndim:
        return None
    mask = key if isinstance(key, Tensor) else Tensor(key)
    if mask.shape != shape[: mask.ndim]:
        return None
    aligned = (*mask.shape, *(1,) * (len(shape) - mask.ndim))
    return _reshape(mask, aligned)


setattr(Tensor, "__getitem__", get_item)  # noqa: B010  declared in `core.operators`
setattr(Tensor, "__setitem__", set_item)  # noqa: B010
