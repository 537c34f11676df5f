"""A program tied to the cells it reads and writes, and to what it relies on.

A call finds out with one comparison whether anything has been assigned since the last one. If not,
all memory is where it was, and only arguments are bound. Otherwise guards are checked and the cells
are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, NamedTuple

import numpy as np

from retroprop import shapes
from retroprop.core import recording, resident
from retroprop.core.ends import Trace
from retroprop.core.resident import Order, Resident, aligned, arranged
from retroprop.core.tape import is_grad_enabled
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DivergedError

__all__ = ["STALE", "Binding", "Kind"]

Array = np.ndarray[Any, Any]
Pack = Callable[..., Any]

_SMALL = 1 << 13  # bytes of an argument or result that is cheaper to copy than to bind


class Kind(NamedTuple):
    """What arguments a program is for.

    Attributes:
        signature: what tells kinds of calls apart.
        plain:     (shape, dtype) of each argument, or None where one is no simple Tensor.
        grads:     whether operations were being recorded.
    """

    signature: tuple[Any, ...]
    plain: tuple[tuple[tuple[int, ...], np.dtype[Any]], ...] | None
    grads: bool


STALE = object()


class _Locks:
    """Several locks as one, taken in one order everywhere so that nobody waits in a ring."""

    def __init__(self, locks: dict[int, Any]) -> None:
        self._numbers = locks.keys()
        self._locks = [locks[number] for number in sorted(locks)]

    def covers(self, locks: dict[int, Any]) -> bool:
        """Whether it holds all of these."""
        return locks.keys() <= self._numbers

    def __enter__(self) -> None:
        for lock in self._locks:
            lock.acquire()

    def __exit__(self, *_: object) -> None:
        for lock in self._locks:
            lock.release()


class _Place:
    """Memory that a program writes for a cell: its numbers (`_data`) or its gradient."""

    __slots__ = ("attribute", "cell", "dtype", "held", "is_read", "shape", "slot")

    def __init__(self, slot: int, cell: Any, attribute: str, value: Any, *, is_read: bool) -> None:
        self.slot, self.cell, self.attribute, self.is_read = slot, cell, attribute, is_read
        self.shape, self.dtype = value.shape, value.dtype
        self.held: Resident | None = None

    def now(self) -> Any:
        """What is in the cell: an array, a gradient, a Resident, or None."""
        return getattr(self.cell, self.attribute)


class Binding:
    """One compiled program of a function.

    Args:
        program: what runs.
        trace:   what it was made of: the graph, where inputs come from and outputs go.
        pack:    puts results, and what the arguments were, into the form that the function returns.
        kind:    the arguments it is for.
    """

    def __init__(self, program: Any, trace: Trace, pack: Pack, kind: Kind) -> None:
        self.program, self.trace, self.kind = program, trace, kind
        self.graph = graph = trace.graph
        self._pack, self._own = pack, RLock()
        self._lock: Any = self._own
        self._seen, self._verified = recording.changes, -1
        self._orders: dict[int, Order] = program.orders
        self._bound: list[Any] = [None] * (len(graph.inputs) + len(graph.outputs))
        self._sort_inputs()
        self._sort_outputs()

    def _sort_inputs(self) -> None:
        owned = set(self.trace.donated.values())
        self._arguments: list[tuple[int, int, Array | None]] = []
        self._argument_grads: list[tuple[int, int]] = []
        self._reads: list[tuple[int, Any, str]] = []
        self._places: list[_Place] = []
        pairs = zip(self.trace.inputs, self.graph.inputs, strict=True)
        for slot, ((kind, source), value) in enumerate(pairs):
            attribute = "_data" if kind == "cell" else "_gradient"
            if kind == "constant":
                self._bind(slot, source)
            elif kind == "argument":
                self._arguments.append((slot, source, _staging(value)))
            elif kind == "argument grad":
                self._argument_grads.append((slot, source))
            elif slot in owned:
                self._places.append(_Place(slot, source, attribute, value, is_read=True))
            else:
                self._reads.append((slot, source, attribute))

    def _sort_outputs(self) -> None:
        self._results: list[tuple[int, Any, Array | None]] = []
        self._writes: list[tuple[int, str, int]] = []
        pairs = zip(self.trace.outputs, self.graph.outputs, strict=True)
        for number, ((kind, target), value) in enumerate(pairs):
            slot = len(self.graph.inputs) + number
            if kind in {"cell", "grad"}:
                if number not in self.trace.donated:
                    self._places.append(_Place(slot, target, "_gradient", value, is_read=False))
                continue
            if kind != "result":
                self._writes.append((len(self._results), kind, target))
            self._results.append((slot, value, _staging(value)))
        self._rebind()
        cleared = any(isinstance(one, int) for one in self.trace.cleared)
        self.is_simple = not (self._writes or self._argument_grads or cleared)

    # -- what it relies on -------------------------------------------------------------------------

    def is_for(self, args: tuple[Any, ...]) -> bool:
        """Whether positional arguments are Tensors of the kind that it was made for."""
        plain = self.kind.plain
        if plain is None or len(args) != len(plain):
            return False
        for arg, (shape, dtype) in zip(args, plain, strict=True):
            if type(arg) is not Tensor or arg._requires_grad:
                return False
            data = arg._data
            if data.shape != shape or data.dtype != dtype:
                return False
        return is_grad_enabled() is self.kind.grads

    def change(self) -> str | None:
        """What it relied on and is not so any more; None when everything is as it was."""
        for cell, there in self.trace.present:
            if (cell._gradient is not None) is not there:
                return "a gradient is " + ("not there any more" if there else "there now")
        for place in self._places:
            if not _fits(place.cell._data, place.shape, place.dtype):
                return "the type of a tensor changed"
        for slot, cell, attribute in self._reads:
            value = self.graph.inputs[slot]
            held = cell._data if attribute == "_data" else cell._gradient
            if not _fits(held, value.shape, value.dtype):
                return "the type of a tensor changed"
        now = recording.changes
        if self._seen != now:
            for question, answer, about in self.trace.guards:
                if question() != answer:
                    return f"{about or 'something it relies on'} changed"
            self._seen = now
        return None

    def is_steady(self) -> bool:
        """Whether the gradients that are there after a step are those it found before."""
        after = {id(cell): False for cell in self.trace.cleared}
        after.update({id(target): True for kind, target in self.trace.outputs if kind == "grad"})
        return all(after.get(id(cell), there) is there for cell, there in self.trace.present)

    # -- running -----------------------------------------------------------------------------------

    def call(self, tensors: Sequence[Any]) -> Any:
        """One step; `STALE` instead, and nothing done, if what it relies on has changed."""
        with self._lock:
            if self._verified == recording.writes:
                self._bind_arguments(tensors)
                return self._pack(self._run_once(), tensors)
        with self._locked():
            if self.change() is not None:
                return STALE
            self._refuse_twins(tensors)
            now = self._prepare()
            self._bind_arguments(tensors)
            for slot, number in self._argument_grads:
                self._bind(slot, tensors[number]._grad._array)
            arrays = self._run_once()
            self._settle(now)
            if not self.is_simple:
                self._write_arguments(arrays, tensors)
            return self._pack(arrays, tensors)

    def _run_once(self) -> list[Array]:
        large = []
        for slot, value, buffer in self._results:
            if buffer is None:
                array = aligned(value.shape, value.dtype)
                self.program.bind(slot, array)
                large.append(array)
        resident.tick()
        self.program.run(1)
        if not large:
            return [buffer.copy() for _, _, buffer in self._results]  # type: ignore[union-attr]
        left = iter(large)
        return [next(left) if b is None else b.copy() for _, _, b in self._results]

    def many(self, tensors: Sequence[Any], steps: int) -> Any:
        """The results of all steps, made in one run; or `STALE`.

        Arguments and results move on by a line each step.
        """
        if not self.is_simple:
            raise ArgumentError("many: the function writes to its arguments; call it step by step")
        with self._locked():
            if self.change() is not None:
                return STALE
            now = self._prepare()
            arrays = [aligned((steps, *value.shape), value.dtype) for _, value, _ in self._results]
            stacks = [arranged(tensors[number]._array, None) for _, number, _ in self._arguments]
            ends = (*self._arguments, *self._results)
            try:
                for (slot, *_), array in zip(ends, (*stacks, *arrays), strict=True):
                    self.program.bind(slot, array, _step_bytes(array))
                resident.tick()
                self.program.run(steps)
            except DivergedError as error:
                error.made = self, [array[: error.completed_steps] for array in arrays]
                raise
            finally:
                self._rebind([stack[0, ...] for stack in stacks])
            self._settle(now)
            return arrays

    def pack(self, arrays: Sequence[Any], tensors: Sequence[Any], steps: int) -> Any:
        """Results of many steps in the form that the function returns."""
        return self._pack(arrays, tensors, steps)

    def report(self) -> str:
        """What the program says of itself, which it may have to run for."""
        with self._locked():
            return str(self.program.report())

    # -- memory ------------------------------------------------------------------------------------

    def _bind(self, slot: int, array: Array) -> None:
        """Bind what stays where it is from step to step."""
        if self._bound[slot] is not array:
            dense = arranged(array, self._orders.get(slot))
            self._bound[slot] = array if dense is array else None
            self.program.bind(slot, dense)

    def _bind_arguments(self, tensors: Sequence[Any]) -> None:
        bound = self._bound
        for slot, number, buffer in self._arguments:
            data = tensors[number]._data
            if bound[slot] is data and type(data) is np.ndarray and buffer is None:
                continue
            array = tensors[number]._array
            if buffer is None:
                self._bind(slot, array)
            else:
                buffer[...] = array

    def _rebind(self, arguments: Sequence[Array] = ()) -> None:
        """Bind what a single step reads and writes: small things to memory of the program's own."""
        for slot, _, buffer in (*self._arguments, *self._results):
            if buffer is not None:
                self.program.bind(slot, buffer)
        for (slot, _, buffer), array in zip(self._arguments, arguments, strict=False):
            if buffer is None:
                self._bind(slot, array)
            else:
                buffer[...] = array

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the locks of all memory that it touches."""
        while True:
            self._lock = _Locks(self._locks())
            with self._lock:
                if self._lock.covers(self._locks()):  # nothing moved while it waited
                    yield
                    return

    def _locks(self) -> dict[int, Any]:
        """The locks of all memory that it touches, by their ids."""
        found = {id(self._own): self._own}
        for place in self._places:
            held = place.now()
            if held is not place.held and type(held) is Resident:
                found[id(held.lock)] = held.lock
            if place.held is not None:
                found[id(place.held.lock)] = place.held.lock
        for _, cell, attribute in self._reads:
            held = getattr(cell, attribute)
            if type(held) is Resident:
                found[id(held.lock)] = held.lock
        return found

    def _prepare(self) -> int:
        """Bind all state; returns what was assigned last before, or -1 if something moved."""
        now = recording.writes
        moved = False
        for place in self._places:
            moved |= self._occupy(place)
        for slot, cell, attribute in self._reads:
            held = getattr(cell, attribute)
            if isinstance(held, Tensor):
                held = held._array
            if type(held) is Resident:
                moved |= held.arrange(self._orders.get(slot))
                held = held.buffer
            self._bind(slot, held)
        if moved:
            recording.wrote()
        return -1 if moved else now

    def _occupy(self, place: _Place) -> bool:
        """Let the memory of a cell be where the program writes; whether something moved for it."""
        cell, held = place.cell, place.now()
        if place.attribute == "_data" and cell._value is not None:
            if cell._value.node is not None:
                cell._requires_grad = False
            cell._begin_anew()
        moved = False
        order = self._orders.get(place.slot)
        if type(held) is Resident:
            place.held = held
            moved = held.arrange(order)
        elif place.held is None:
            place.held = Resident(place.shape, place.dtype, self._own, order)
        if place.is_read and held is not place.held:
            place.held.fill(held._array if isinstance(held, Tensor) else held)
            setattr(cell, place.attribute, place.held)
            moved = True
        self._bind(place.slot, place.held.buffer)
        return moved

    def _settle(self, now: int) -> None:
        """After a run: gradients are in the memory that was written, or gone."""
        moved = False
        for place in self._places:
            if place.now() is not place.held:
                setattr(place.cell, place.attribute, place.held)
                moved = True
        for cell in self.trace.cleared:
            if not isinstance(cell, int) and cell._gradient is not None:
                cell._gradient = None
                moved = True
        if moved:
            recording.wrote()
        self._verified = -1 if moved or not self.is_simple else now

    def _refuse_twins(self, tensors: Sequence[Any]) -> None:
        written = [tensors[number] for _, kind, number in self._writes if kind == "argument"]
        if any(sum(other is one for other in tensors) > 1 for one in written):
            raise ArgumentError(
                "a tensor that the function assigns was given to it twice",
                fix="pass x.detach() for one of the two",
            )

    def _write_arguments(self, arrays: list[Array], tensors: Sequence[Any]) -> None:
        for cleared in self.trace.cleared:
            if isinstance(cleared, int):
                tensors[cleared]._grad = None
        for position, kind, number in reversed(self._writes):
            array = arrays.pop(position)
            if kind == "argument":
                tensors[number]._renew(array)
            else:
                tensors[number]._grad = Tensor._wrap(array)


def _fits(held: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    return held is None or (held.shape == shape and held.dtype == dtype)


def _staging(value: Any) -> Array | None:
    """Memory of the program's own for an argument or result, if that is small."""
    small = value.dtype.itemsize * shapes.size(value.shape) <= _SMALL
    return aligned(value.shape, value.dtype) if small else None


def _step_bytes(array: Array) -> int:
    return array.strides[0] if array.size else 0
