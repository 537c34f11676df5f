"""One kernel run by itself: emitted, compiled and called over any cut of its rows.

Results lie between guards and are full of junk before the kernel runs, so that what it leaves out
and what it writes beside them is seen.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from retroprop.backends.llvm import custom, jit, status
from retroprop.backends.llvm.emit import Function, Module
from retroprop.backends.llvm.kernel import Buffer, Kernel, View
from retroprop.backends.llvm.target import Target, host
from retroprop.ops.catalog import catalog

__all__ = ["Native", "guarded", "kernels", "native", "text_of", "view_of"]

_GUARD, _JUNK = 128, 0xA5  # bytes before and after a result, and what all of them are
_MOST_ROWS = 40  # of kernels that are also run row by row


class Guarded(NamedTuple):
    """A result with what surrounds it in memory."""

    array: np.ndarray[Any, Any]
    memory: np.ndarray[Any, Any]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was written beside the array."""
        around = np.concatenate([self.memory[:_GUARD], self.memory[-_GUARD:]])
        return bool(np.all(around == _JUNK))


def guarded(shape: tuple[int, ...], dtype: Any) -> Guarded:
    """An array full of junk."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.full(size + 2 * _GUARD, _JUNK, np.uint8)
    return Guarded(memory[_GUARD : _GUARD + size].view(dtype).reshape(shape), memory)


def view_of(array: np.ndarray[Any, Any]) -> View:
    """The view that has the shape and strides of an array."""
    strides = tuple(stride // array.itemsize for stride in array.strides)
    return View(Buffer(array.nbytes), array.dtype, array.shape, strides)


def kernels(name: str, *arrays: Any, **attributes: Any) -> list[Kernel] | None:
    """What `custom.make` makes of an op called on arrays; it is node 3 of those that may fail."""
    op = catalog[name]
    complete = op.complete(attributes)
    node: Any = SimpleNamespace(op=op, attributes=complete)
    results = [view_of(np.empty(shape, dtype)) for shape, dtype in op.infer(arrays, complete)]
    return custom.make(node, results, [view_of(array) for array in arrays], 3)


class Native:
    """The native form of one call of an op.

    Attributes:
        kernel: what `custom.make` made.
        status: the status words after the last run.

    Args:
        name:   of the op.
        arrays: its operands, with any strides.
        target: this machine, unless another that it can run.
    """

    def __init__(
        self, name: str, *arrays: Any, target: Target | None = None, **attributes: Any
    ) -> None:
        self.arrays = [np.asarray(array) for array in arrays]
        made = kernels(name, *self.arrays, **attributes)
        assert made is not None, f"{name} has no native form"
        (self.kernel,) = made
        self.status = np.zeros(status.WORDS, np.int64)
        self._library = jit.load(text_of(self.kernel, target or host()), target or host())
        self._function = ctypes.CFUNCTYPE(
            None,
            *[ctypes.c_void_p] * (len(self.kernel.results) + len(arrays) + 1),
            *[ctypes.c_int64] * 2,
        )(self._library.address("run"))

    def __call__(self, pieces: int = 1, seed: int = 0) -> Any:
        """The result, computed in so many pieces of random length and order."""
        results = [guarded(view.shape, view.dtype) for view in self.kernel.results]
        self.status[:] = 0
        for lo, hi in cuts(self.kernel.rows, pieces, seed):
            self.compute([result.array for result in results], self.arrays, lo, hi)
        assert all(result.is_whole for result in results), "written beside the result"
        return results[0].array

    def compute(self, results: Sequence[Any], operands: Sequence[Any], lo: int, hi: int) -> None:
        """Rows lo..hi, from operands of the same strides into given results."""
        places = [array.ctypes.data for array in (*results, *operands)]
        self._function(*places, self.status.ctypes.data, lo, hi)

    @property
    def failure(self) -> tuple[int, int] | None:
        """(number of the node, what it found) of the last run."""
        return status.read(self.status)


def native(name: str, *arrays: Any, **attributes: Any) -> Any:
    """The result of an op by its kernel; in one piece and in several, which must agree."""
    run = Native(name, *arrays, **attributes)
    whole = run()
    assert run.failure is None
    for pieces in (2, 5):
        np.testing.assert_array_equal(_bytes(run(pieces, seed=pieces)), _bytes(whole))
    _stays_within_slabs(run, whole)
    return whole


def cuts(rows: int, pieces: int, seed: int) -> list[tuple[int, int]]:
    """Rows cut at random places, in random order."""
    rng = np.random.default_rng(seed)
    ends = sorted({0, rows, *rng.integers(0, rows + 1, pieces - 1).tolist()})
    order = rng.permutation(len(ends) - 1)
    return [(ends[i], ends[i + 1]) for i in order]


def _stays_within_slabs(run: Native, whole: Any) -> None:
    """Where a kernel promises that a row touches only its slab of a view, it does."""
    kernel = run.kernel
    own, *theirs = kernel.slabs
    if kernel.rows > _MOST_ROWS or own is None:
        return
    for row in range(kernel.rows):
        result = guarded(whole.shape, whole.dtype)
        pairs = zip(run.arrays, theirs, strict=True)
        operands = [
            array if slab is None else _one_slab(array, slab, row, kernel.rows)
            for array, slab in pairs
        ]
        run.compute([result.array], operands, row, row + 1)
        expected = np.full(whole.nbytes, _JUNK, np.uint8)
        mine = slice(row * own, (row + 1) * own)
        expected[mine] = _bytes(whole)[mine]
        np.testing.assert_array_equal(_bytes(result.array), expected)
        assert result.is_whole


def _one_slab(array: Any, slab: int, row: int, rows: int) -> Any:
    """The array in memory of its own, where all but one slab is zero."""
    memory = np.zeros(slab * rows, np.uint8)
    copy = np.ndarray(array.shape, array.dtype, memory, strides=array.strides)
    copy[...] = array
    memory[: row * slab] = memory[(row + 1) * slab :] = 0
    return copy


def _bytes(array: Any) -> Any:
    return np.frombuffer(array.tobytes(), np.uint8)


def text_of(kernel: Kernel, target: Target) -> str:
    """A module whose public function `run` is the kernel's."""
    module = Module()
    name = kernel.emit(module, target)
    count = len(kernel.results) + len(kernel.operands) + 1
    parameters = [*((f"p{i}", "ptr") for i in range(count)), ("lo", "i64"), ("hi", "i64")]
    f = Function(module, "run", parameters, public=True)
    f.call(name, "void", f.parameters)
    f.leave()
    module.add(f)
    return module.text()
