"""The innermost loop: a run of elements, a vector at a time, with what is left over at its end.

Operands that do not change along the run are loaded once before it. A run whose length is no
multiple of the vector ends in one round that works on copies in a small stack buffer, so the body
is generated once, no lane reads or writes memory that is not ours, and every element goes through
the same instructions wherever a run is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop.backends.llvm.kernel import storage_type

if TYPE_CHECKING:
    from retroprop.backends.llvm.emit import Function, Register
    from retroprop.backends.llvm.scalar import Builder, Scalar

__all__ = ["Stream", "gather", "scatter", "sweep"]


class Stream(NamedTuple):
    """Elements along a run: the address of the first, and the distance between two."""

    pointer: Register
    dtype: np.dtype[Any]
    stride: int

    def at(self, f: Function, index: int | Register) -> Register:
        """The address of an element of the run."""
        if self.stride == 1 or isinstance(index, int):
            scale = self.dtype.itemsize * (self.stride if isinstance(index, int) else 1)
            return f.at(self.pointer, index, scale)
        return f.at(self.pointer, index, self.stride * self.dtype.itemsize)


Body = Callable[
    [list["Scalar"], "Register | None", Sequence["Register"]],
    tuple[Sequence["Scalar"], Sequence["Register"]],
]


def sweep(
    b: Builder,
    loads: Sequence[Stream],
    stores: Sequence[Stream],
    start: int | Register,
    stop: int | Register,
    *,
    exact: bool,
    body: Body,
    carry: Sequence[Register] = (),
) -> tuple[Register, ...]:
    """for i in range(start, stop): stores[i] = body(loads[i]), `b.lanes` elements at a time.

    Args:
        b:      the builder, which knows the function and the lanes.
        exact:  the length is a multiple of the lanes.
        body:   (operands, how many lanes count or None for all, carried) -> (results, carried).
        carry:  registers handed from round to round, such as sums.

    Returns:
        The last carried registers.
    """
    f, lanes = b.function, b.lanes
    fixed = {i: b.splat(_single(b, stream)) for i, stream in enumerate(loads) if not stream.stride}
    moving = [(i, stream) for i, stream in enumerate(loads) if stream.stride]
    buffers = None if exact else _buffers(f, lanes, [s for _, s in moving], stores)
    with f.loop(start, stop, lanes, carry=carry) as loop:
        i = loop.index
        count = None
        addresses = [stream.at(f, i) for _, stream in moving]
        if buffers is not None:
            count = f.binary("sub", f.integer(stop), i)
            partial = f.compare("icmp slt", count, f.integer(lanes))
            with f.branch(partial, otherwise=addresses) as copied:
                with f.loop(0, count) as each:
                    for (_, stream), to in zip(moving, buffers[0], strict=True):
                        _copy(
                            f,
                            stream.dtype,
                            stream.at(f, f.binary("add", i, each.index)),
                            f.at(to, each.index, stream.dtype.itemsize),
                        )
                copied.give(*buffers[0])
            addresses = list(copied.values)
        operands = dict(fixed)
        for (number, stream), address in zip(moving, addresses, strict=True):
            operands[number] = gather(b, stream, address)
        results, carried = body([operands[n] for n in range(len(loads))], count, loop.carried)
        places = [stream.at(f, i) for stream in stores]
        if buffers is not None and stores:
            places = _chosen(f, partial, buffers[1], places)
        for stream, value, place in zip(stores, results, places, strict=True):
            scatter(b, stream, value, place)
        if buffers is not None and stores:
            with f.branch(partial), f.loop(0, count) as each:
                for stream, source in zip(stores, buffers[1], strict=True):
                    _copy(
                        f,
                        stream.dtype,
                        f.at(source, each.index, stream.dtype.itemsize),
                        stream.at(f, f.binary("add", i, each.index)),
                    )
        loop.carry(*carried)
    return loop.carried


def _chosen(
    f: Function, condition: Register, first: Sequence[Register], second: Sequence[Register]
) -> list[Register]:
    return [f.select(condition, x, z) for x, z in zip(first, second, strict=True)]


def _buffers(
    f: Function, lanes: int, loads: Sequence[Stream], stores: Sequence[Stream]
) -> tuple[list[Register], list[Register]]:
    """Room for one vector of each stream; what the last round does not fill is zero at first."""
    made = [
        [f.allocate(storage_type(s.dtype), lanes) for s in streams] for streams in (loads, stores)
    ]
    for stream, buffer in zip(loads, made[0], strict=True):
        zero = f.constant(f"<{lanes} x {storage_type(stream.dtype)}>", 0)
        f.store(zero, buffer)
    return made[0], made[1]


def _copy(f: Function, dtype: np.dtype[Any], source: Register, to: Register) -> None:
    f.store(f.load(storage_type(dtype), source), to)


def _single(b: Builder, stream: Stream) -> Scalar:
    return b.with_lanes(1).load(stream.pointer, stream.dtype)


def gather(b: Builder, stream: Stream, address: Register) -> Scalar:
    """`lanes` elements from an address on."""
    if stream.stride == 1 or b.lanes == 1:
        return b.load(address, stream.dtype)
    f, size = b.function, stream.dtype.itemsize
    type = storage_type(stream.dtype)
    buffer = f.constant(f"<{b.lanes} x {type}>", 0)
    for lane in range(b.lanes):
        item = f.load(type, f.at(address, lane * stream.stride, size))
        buffer = f.insert(buffer, item, lane)
    return b.from_storage(buffer, stream.dtype)


def scatter(b: Builder, stream: Stream, value: Scalar, address: Register) -> None:
    """Put `lanes` elements from an address on."""
    if stream.stride == 1 or b.lanes == 1:
        b.store(value, address)
        return
    f, size = b.function, stream.dtype.itemsize
    stored = b.to_storage(value)
    for lane in range(b.lanes):
        f.store(f.extract(stored, lane), f.at(address, lane * stream.stride, size))
