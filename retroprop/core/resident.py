"""Memory of a cell that native programs write: whoever reads the cell gets a copy of the moment."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from retroprop import shapes

__all__ = ["Order", "Resident", "aligned", "arranged", "tick"]

Array = np.ndarray[Any, Any]

_ALIGNMENT, _MARGIN = 64, 64

_runs = itertools.count(1)
_clock = 0


def tick() -> None:
    """Say that some program runs, so snapshots are out of date."""
    global _clock  # noqa: PLW0603
    _clock = next(_runs)


Order = tuple[int, ...]


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any], order: Order | None = None) -> Array:
    """An array that starts on a cache line, with room for one more line after it.

    Args:
        order: its axes from the slowest to the fastest in memory; as they come if None.

    Example:
        >>> aligned((3,), np.dtype("float32")).ctypes.data % 64
        0
        >>> aligned((2, 3), np.dtype("int8"), (1, 0)).strides
        (1, 2)
    """
    size = shapes.size(shape) * dtype.itemsize
    owner = np.empty(size + _ALIGNMENT + _MARGIN, np.uint8)
    start = -owner.ctypes.data % _ALIGNMENT
    memory = owner[start : start + size].view(dtype)
    if order is None:
        return memory.reshape(shape)
    return memory.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))


def lies_in(array: Array, order: Order | None) -> bool:
    """Whether the elements of an array lie one after the other, its axes in this order.

    Example:
        >>> lies_in(np.zeros((2, 3)), None), lies_in(np.zeros((2, 3)).T, (1, 0))
        (True, True)
    """
    seen = array if order is None else array.transpose(order)
    return bool(seen.flags.c_contiguous and seen.flags.aligned)


def arranged(array: Array, order: Order | None) -> Array:
    """An array whose elements lie so: itself where it does, else a copy."""
    if lies_in(array, order):
        return array
    made = aligned(array.shape, array.dtype, order)
    made[...] = array
    return made


class Resident:
    """What a cell holds instead of an array once a program keeps its state.

    Attributes:
        buffer: the memory, written by programs in place.
        lock:   held by whoever reads or writes the memory.
        shape, dtype, ndim, size: as of an array.
    """

    __slots__ = ("_snapshot", "_taken", "buffer", "dtype", "lock", "ndim", "shape", "size")

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], lock: Any, order: Order | None = None
    ) -> None:
        self.buffer = aligned(shape, dtype, order)
        self.shape, self.dtype = shape, dtype
        self.ndim, self.size = self.buffer.ndim, self.buffer.size
        self.lock = lock
        self._snapshot: Array | None = None
        self._taken = -1

    def fill(self, array: Array) -> None:
        """Hold the numbers of an array, which also serves as the snapshot of them."""
        with self.lock:
            self.buffer[...] = array
            self._snapshot, self._taken = array, _clock

    def arrange(self, order: Order | None) -> bool:
        """Let the axes lie in this order; whether the memory moved for it."""
        with self.lock:
            before, self.buffer = self.buffer, arranged(self.buffer, order)
            return self.buffer is not before

    def snapshot(self) -> Array:
        """A copy of what the memory holds now; the same one until the next run of a program."""
        with self.lock:
            if self._snapshot is None or self._taken != _clock:
                self._snapshot, self._taken = self.buffer.copy(), _clock
            return self._snapshot
