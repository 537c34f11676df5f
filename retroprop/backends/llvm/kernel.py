"""What a native program is made of: buffers, strided views of them, and kernels that fill them.

A kernel is one generated function that computes rows `lo..hi` of what it writes. Rows are the unit
in which work is cut: any cut gives the same bits, so threads and cache blocks may take whichever
rows they like. A kernel says of each view whether row r touches only the r-th slab of it; two
kernels with equal rows whose shared buffers are all touched so need no barrier between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop import shapes

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Module, Register
    from retroprop.backends.llvm.target import Target

__all__ = ["Buffer", "Kernel", "Place", "View", "contiguous", "kernel_function", "storage_type"]

Shape = tuple[int, ...]

_STORAGE = {"f4": "float", "f8": "double", "b1": "i8"}


def storage_type(dtype: np.dtype[Any]) -> str:
    """The LLVM type that elements of a dtype have in memory; booleans are bytes 0 and 1.

    Example:
        >>> storage_type(np.dtype("float32")), storage_type(np.dtype("uint16"))
        ('float', 'i16')
    """
    return _STORAGE.get(f"{dtype.kind}{dtype.itemsize}") or f"i{8 * dtype.itemsize}"


class Place(NamedTuple):
    """Where in another buffer the buffer of one step of a loop lies: start + step * index bytes.

    Attributes:
        parent: the buffer that holds it.
        loop:   the loop whose index counts; None for a place that stays.
        start, step: bytes.
        ring:   bytes after which it starts again; 0 for never.
    """

    parent: Buffer
    loop: object = None
    start: int = 0
    step: int = 0
    ring: int = 0


class Buffer:
    """A stretch of memory: an input or output of the program, or a part of its arena.

    Attributes:
        size:  bytes.
        kind:  "slot" (the caller's memory, see `slot`), "arena", "constant", or "inner" (a part of
               another buffer, see `place`).
        slot:  its number in the caller's table, for "slot".
        offset: where it lies in the arena, in bytes, once memory is planned; for "inner", behind
               its place.
        what:  a word for reports.
    """

    __slots__ = ("kind", "offset", "place", "size", "slot", "what")

    def __init__(self, size: int, kind: str = "arena", slot: int = -1, what: str = "") -> None:
        self.size, self.kind, self.slot, self.what = size, kind, slot, what
        self.offset = 0
        self.place: Place | None = None

    def put(self, place: Place) -> None:
        """Let it be a part of another buffer."""
        self.kind, self.place = "inner", place

    @property
    def base(self) -> Buffer:
        """The buffer whose place it has taken, or itself."""
        place = self.place
        return self if place is None or place.loop is not None else place.parent.base

    @property
    def whole(self) -> Buffer:
        """The buffer that it is a part of, or itself."""
        return self if self.place is None else self.place.parent.whole

    @property
    def key(self) -> object:
        """What tells memory apart: an input and the output that takes it over are one slot."""
        if self.place is not None and self.place.loop is None:
            return self.place.parent.key
        return self.slot if self.kind == "slot" else self

    def __repr__(self) -> str:
        return f"<Buffer {self.kind} {self.what} {self.size} bytes>"


class View(NamedTuple):
    """Elements of a buffer by index: address = offset + sum(index * strides), in elements."""

    buffer: Buffer
    dtype: np.dtype[Any]
    shape: Shape
    strides: Shape
    offset: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        return shapes.size(self.shape)

    @property
    def layout(self) -> tuple[object, ...]:
        """All but where it lies."""
        return self.dtype, self.shape, self.strides

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements lie one after the other in C order."""
        expected = contiguous(self.shape)
        pairs = zip(self.shape, self.strides, expected, strict=True)
        return all(n <= 1 or have == want for n, have, want in pairs)


def contiguous(shape: Shape) -> Shape:
    """Strides in elements of an array in C order.

    Example:
        >>> contiguous((2, 3, 4))
        (12, 4, 1)
    """
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


class Kernel:
    """A generated function that fills `results` from `operands`, by rows.

    Subclasses set the attributes and write `emit`.

    Attributes:
        what:     the name that reports show.
        rows:     how many rows the work has.
        results:  views written.
        operands: views read.
        slabs:    for each result, then each operand: bytes between row r and r + 1 of its buffer
                  when row r touches only that slab, else None (it may touch anything).
        flops:    arithmetic of all rows.
        block:    rows that are best computed together (a register tile), at least 1.
        whole:    rows that have to be computed in one call, counted from the first.
        preferred_rows: rows that one call should get at least to be efficient.
        may_fail: whether it reports errors through the status word.
        waits:    views that have to be written before, though they are not read.
    """

    what: str = ""
    rows: int = 1
    results: Sequence[View] = ()
    operands: Sequence[View] = ()
    slabs: Sequence[int | None] = ()
    flops: int = 0
    block: int = 1
    whole: int = 1
    preferred_rows: int = 1
    may_fail: bool = False
    waits: Sequence[View] = ()

    @property
    def signature(self) -> object:
        """What the code depends on: kernels of equal signature are one function."""
        return self

    def emit(self, module: Module, target: Target) -> str:
        """Write the function (see `kernel_function`) into the module; returns its name."""
        raise NotImplementedError(self.what)

    @property
    def bytes(self) -> int:
        """Memory read and written by all rows."""
        return sum(view.size * view.dtype.itemsize for view in (*self.results, *self.operands))


def kernel_function(
    module: Module, name: str, results: int, operands: int
) -> tuple[Function, list[Register], list[Register], Register, Register, Register]:
    """Begin the function of a kernel: name(result0.., operand0.., status, lo, hi).

    Pointers point at the first element of each view (its offset is applied by the caller), so
    kernels that differ only in where their data lies are one function. `status` points at an i64
    that is 0 until a kernel finds an error such as an index out of range (see `status.py`).

    Returns:
        (function, result pointers, operand pointers, status, lo, hi).
    """
    from retroprop.backends.llvm.emit import Function  # noqa: PLC0415  emit knows no kernel

    names = [f"r{i}" for i in range(results)] + [f"x{i}" for i in range(operands)]
    parameters = [*((key, "ptr") for key in names), ("status", "ptr"), ("lo", "i64"), ("hi", "i64")]
    f = Function(module, name, parameters)
    pointers = list(f.parameters[: results + operands])
    status, lo, hi = f.parameters[-3:]
    return f, pointers[:results], pointers[results:], status, lo, hi
