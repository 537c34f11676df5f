"""Memory of a cell that native programs write: whoever reads the cell gets a copy of the moment."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from retroprop import shapes

__all__ = ["Resident", "aligned", "tick"]

Array = np.ndarray[Any, Any]

_ALIGNMENT, _MARGIN = 64, 64

_runs = itertools.count(1)
_clock = 0


def tick() -> None:
    """Say that some program runs, so snapshots are out of date."""
    global _clock  # noqa: PLW0603
    _clock = next(_runs)


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array that starts on a cache line, with room for one more line after it.

    Example:
        >>> aligned((3,), np.dtype("float32")).ctypes.data % 64
        0
    """
    size = shapes.size(shape) * dtype.itemsize
    owner = np.empty(size + _ALIGNMENT + _MARGIN, np.uint8)
    start = -owner.ctypes.data % _ALIGNMENT
    return owner[start : start + size].view(dtype).reshape(shape)


class Resident:
    """What a cell holds instead of an array once a program keeps its state.

    Attributes:
        buffer: the memory, written by programs in place.
        lock:   held by whoever reads or writes the memory.
        shape, dtype, ndim, size: as of an array.
    """

    __slots__ = ("_snapshot", "_taken", "buffer", "dtype", "lock", "ndim", "shape", "size")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], lock: Any) -> None:
        self.buffer = aligned(shape, dtype)
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

    def snapshot(self) -> Array:
        """A copy of what the memory holds now; the same one until the next run of a program."""
        with self.lock:
            if self._snapshot is None or self._taken != _clock:
                self._snapshot, self._taken = self.buffer.copy(), _clock
            return self._snapshot
