"""Memory of a cell that native programs write: whoever reads the cell gets a copy of the moment."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Resident", "aligned", "tick"]

Array = np.ndarray[Any, Any]

_ALIGNMENT, _MARGIN = 64, 64

_clock = 0


def tick() -> None:
    """Say that some program has run, so snapshots are out of date."""
    global _clock  # noqa: PLW0603
    _clock += 1


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array that starts on a cache line.

    Example:
        >>> aligned((3,), np.dtype("float32")).ctypes.data % 64
        0
    """
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    owner = np.empty(size + _ALIGNMENT + _MARGIN, np.uint8)
    start = -owner.ctypes.data % _ALIGNMENT
    return owner[start : start + size].view(dtype).reshape(shape)


class Resident:
    """What a cell holds instead of an array once a program keeps its state.

    Attributes:
        buffer: the memory, written by programs in place.
        shape, dtype, ndim, size: as of an array.
    """

    __slots__ = ("_snapshot", "_taken", "buffer", "dtype", "ndim", "shape", "size")

    def __init__(self, array: Array) -> None:
        self.shape, self.dtype = array.shape, array.dtype
        self.ndim, self.size = array.ndim, array.size
        self.buffer = aligned(self.shape, self.dtype)
        self.buffer[...] = array
        self._snapshot: Array | None = None
        self._taken = -1

    def snapshot(self) -> Array:
        """A copy of what the memory holds now; the same one until the next run of a program."""
        if self._snapshot is None or self._taken != _clock:
            self._snapshot, self._taken = self.buffer.copy(), _clock
        return self._snapshot
