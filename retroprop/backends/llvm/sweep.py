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

_SHORT = 6  # vectors of a run that is written without a loop

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
    f = b.function
    fixed = {i: b.splat(_single(b, stream)) for i, stream in enumerate(loads) if not stream.stride}
    moving = [(i, stream) for i, stream in enumerate(loads) if stream.stride]
    ending = None if exact else _Ending(b, [stream for _, stream in moving], stores)
    known = exact and isinstance(start, int) and isinstance(stop, int)
    if known and (stop - start) // b.lanes <= _SHORT:  # type: ignore[operator]
        run = range(start, stop, b.lanes)  # type: ignore[arg-type]
        return _straight(b, (fixed, moving), stores, run, body, carry)
    with f.loop(start, stop, b.lanes, carry=carry) as loop:
        i = loop.index
        count = None if ending is None else ending.begin(i, stop)
        places = [stream.at(f, i) for _, stream in moving]
        if ending is not None:
            places = ending.copy_in(i, places)
        operands = dict(fixed)
        for (number, stream), place in zip(moving, places, strict=True):
            operands[number] = gather(b, stream, place)
        results, carried = body([operands[n] for n in range(len(loads))], count, loop.carried)
        places = [stream.at(f, i) for stream in stores]
        if ending is not None:
            places = ending.instead(places)
        for stream, value, place in zip(stores, results, places, strict=True):
            scatter(b, stream, value, place)
        if ending is not None and stores:
            ending.copy_out(i)
        loop.carry(*carried)
    return loop.carried


def _straight(
    b: Builder,
    loads: tuple[dict[int, Scalar], Sequence[tuple[int, Stream]]],
    stores: Sequence[Stream],
    places: range,
    body: Body,
    carry: Sequence[Register],
) -> tuple[Register, ...]:
    """A short run without a loop."""
    f, (fixed, moving) = b.function, loads
    carried = tuple(carry)
    for i in places:
        operands = dict(fixed)
        for number, stream in moving:
            operands[number] = gather(b, stream, stream.at(f, i))
        results, following = body([operands[n] for n in range(len(operands))], None, carried)
        carried = tuple(following)
        for stream, value in zip(stores, results, strict=True):
            scatter(b, stream, value, stream.at(f, i))
    return carried


class _Ending:
    """The last round of a run, when it fills no vector: it works on copies on the stack.

    What it does not fill of a copy is zero at first, or left from before.
    """

    count: Register
    partial: Register

    def __init__(self, b: Builder, loads: Sequence[Stream], stores: Sequence[Stream]) -> None:
        self.f, self.lanes = b.function, b.lanes
        self.loads, self.stores = loads, stores
        self.inputs = [self._room(stream) for stream in loads]
        self.outputs = [self._room(stream) for stream in stores]
        for stream, room in zip(loads, self.inputs, strict=True):
            type = f"<{self.lanes} x {storage_type(stream.dtype)}>"
            self.f.store(self.f.constant(type, 0), room)

    def _room(self, stream: Stream) -> Register:
        return self.f.allocate(storage_type(stream.dtype), self.lanes)

    def begin(self, index: Register, stop: int | Register) -> Register:
        """How many elements are left in this round, at least."""
        f = self.f
        self.count = f.binary("sub", f.integer(stop), index)
        self.partial = f.compare("icmp slt", self.count, f.integer(self.lanes))
        return self.count

    def copy_in(self, index: Register, places: list[Register]) -> list[Register]:
        """Where to read: in place, or from the copies that are made here."""
        f = self.f
        with f.branch(self.partial, otherwise=places) as chosen:
            with f.loop(0, self.count) as each:
                at = f.binary("add", index, each.index)
                for stream, room in zip(self.loads, self.inputs, strict=True):
                    self._copy(stream, stream.at(f, at), self._within(stream, room, each.index))
            chosen.give(*self.inputs)
        return list(chosen.values)

    def instead(self, places: list[Register]) -> list[Register]:
        """Where to write: in place, or into the copies."""
        pairs = zip(self.outputs, places, strict=True)
        return [self.f.select(self.partial, room, place) for room, place in pairs]

    def copy_out(self, index: Register) -> None:
        """Put the results that count where they belong."""
        f = self.f
        with f.branch(self.partial), f.loop(0, self.count) as each:
            at = f.binary("add", index, each.index)
            for stream, room in zip(self.stores, self.outputs, strict=True):
                self._copy(stream, self._within(stream, room, each.index), stream.at(f, at))

    def _within(self, stream: Stream, room: Register, index: Register) -> Register:
        return self.f.at(room, index, stream.dtype.itemsize)

    def _copy(self, stream: Stream, source: Register, to: Register) -> None:
        self.f.store(self.f.load(storage_type(stream.dtype), source), to)


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
