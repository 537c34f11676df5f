"""A program tied to the cells it reads and writes, and to what it relies on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop import tree
from retroprop.core import recording, resident
from retroprop.core.resident import Resident
from retroprop.core.tensor import Tensor
from retroprop.core.trace import Trace

__all__ = ["Binding"]

Array = np.ndarray[Any, Any]


class Binding:
    """One compiled program of a function.

    Args:
        program: what runs.
        graph:   what it was made of.
        trace:   where inputs come from and outputs go.
        layout:  (leaves the function returned, their structure, for each Tensor among them the
                 outside cell that it is, or None).
    """

    def __init__(self, program: Any, graph: Any, trace: Trace, layout: Any, grads: bool) -> None:
        self.program, self.graph, self.trace = program, graph, trace
        self._leaves, self._structure, self._kept = layout
        self._guards, self._present = trace.guards, trace.present
        self._seen = recording.changes
        count = len(graph.inputs)
        self._bound: list[Any] = [None] * (count + len(graph.outputs))
        owned = set(trace.donated.values())
        self._arguments = [
            (s, i.source) for s, i in enumerate(trace.inputs) if i.kind == "argument"
        ]
        self._state = [
            (s, i.source) for s, i in enumerate(trace.inputs) if i.kind == "cell" and s in owned
        ]
        self._cells = [
            (s, i.source) for s, i in enumerate(trace.inputs) if i.kind == "cell" and s not in owned
        ]
        self._grads = [(s, i.source) for s, i in enumerate(trace.inputs) if i.kind == "grad"]
        for slot, given in enumerate(trace.inputs):
            if given.kind == "constant":
                self._bind(slot, np.ascontiguousarray(given.source))
        self._results = [
            (count + number, _Result(value.shape, value.dtype))
            for number, (value, output) in enumerate(zip(graph.outputs, trace.outputs, strict=True))
            if output.kind == "result"
        ]
        self._new_grads = [
            (count + number, value.shape, value.dtype, output.target)
            for number, (value, output) in enumerate(zip(graph.outputs, trace.outputs, strict=True))
            if output.kind == "grad"
        ]
        self._plain = (
            len(self._leaves) == 1
            and self._kept == [None]
            and not isinstance(self._structure, tuple | list | dict)
        )

    # -- what it relies on -------------------------------------------------------------------------

    def holds(self) -> bool:
        """Whether everything that the trace relied on is as it was."""
        for cell, there in self._present:
            if (cell._gradient is not None) is not there:
                return False
        if self._seen != recording.changes:
            if any(question() != answer for question, answer in self._guards):
                return False
            self._seen = recording.changes
        return True

    def is_steady(self) -> bool:
        """Whether the gradients that are there after a step are those it found before."""
        after = {id(cell): False for cell in self.trace.cleared}
        after.update({id(cell): True for *_, cell in self._new_grads})
        return all(after.get(id(cell), there) is there for cell, there in self._present) and not (
            self._grads
        )

    # -- running -----------------------------------------------------------------------------------

    def _bind(self, slot: int, array: Array, step_bytes: int = 0) -> None:
        if self._bound[slot] is not array or step_bytes:
            self._bound[slot] = None if step_bytes else array
            self.program.bind(slot, array, step_bytes)

    def _bind_state(self) -> None:
        for slot, cell in self._state:
            held = cell._data
            if type(held) is not Resident:
                held = cell._data = Resident(held)
            if self._bound[slot] is not held.buffer:
                self._bind(slot, held.buffer)
        for slot, cell in self._cells:
            held = cell._data
            array = held.buffer if type(held) is Resident else held
            if self._bound[slot] is not array:
                self._bind(slot, _dense(array))
        for slot, cell in self._grads:
            self._bind(slot, _dense(cell._gradient._array))

    def call(self, tensors: Sequence[Any]) -> Any:
        """One step."""
        self._bind_state()
        for slot, number in self._arguments:
            array = tensors[number]._array
            if self._bound[slot] is not array:
                self._bind(slot, _dense(array))
        for slot, result in self._results:
            array = result.array()
            if self._bound[slot] is not array:
                self._bind(slot, array)
        gradients = self._bind_gradients() if self._new_grads else ()
        try:
            self.program.run(1)
        finally:
            resident.tick()
        results = [result.taken() for _, result in self._results]
        if gradients or self.trace.cleared:
            self._settle_gradients(gradients)
        if self._plain:
            return Tensor._wrap(results[0])
        return self._packed(results)

    def many(self, tensors: Sequence[Any], steps: int) -> Any:
        """All steps in one run; arguments and results move on by a line each step."""
        self._bind_state()
        held = []
        for slot, number in self._arguments:
            array = _dense(tensors[number]._array)
            held.append(array)
            self._bind(slot, array, array.strides[0] if array.size else 0)
        results = []
        for slot, result in self._results:
            array = np.empty((steps, *result.shape), result.dtype)
            self._bind(slot, array, array.strides[0] if array.size else 0)
            results.append(array)
        gradients = self._bind_gradients()
        try:
            self.program.run(steps)
        finally:
            resident.tick()
        self._settle_gradients(gradients)
        return self._packed(results)

    def _bind_gradients(self) -> list[tuple[Any, Array]]:
        """New arrays for the gradients that stay."""
        made = [(cell, np.empty(shape, dtype)) for _, shape, dtype, cell in self._new_grads]
        for (slot, *_), (_, array) in zip(self._new_grads, made, strict=True):
            self._bind(slot, array)
        return made

    def _settle_gradients(self, gradients: Sequence[tuple[Any, Array]]) -> None:
        for cell in self.trace.cleared:
            cell._gradient = None
        for cell, array in gradients:
            cell._gradient = Tensor._wrap(array)

    def _packed(self, results: Sequence[Array]) -> Any:
        """Results in the structure that the function returned."""
        arrays = iter(zip(results, self._kept, strict=True))
        leaves = []
        for leaf in self._leaves:
            if not isinstance(leaf, Tensor):
                leaves.append(leaf)
                continue
            array, cell = next(arrays)
            leaves.append(Tensor._wrap(array) if cell is None else cell)
        return tree.unflatten(self._structure, leaves)


_SMALL = 4096  # bytes of a result that is copied out of one place rather than bound anew


class _Result:
    """Where a result of a single step goes: small ones always to the same place."""

    __slots__ = ("_array", "_is_small", "dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self._array: Array = np.empty(shape, dtype)
        self._is_small = self._array.nbytes <= _SMALL

    def array(self) -> Array:
        """What the program writes into."""
        if not self._is_small:
            self._array = np.empty(self.shape, self.dtype)
        return self._array

    def taken(self) -> Array:
        """What it wrote, for the caller to keep."""
        return self._array.copy() if self._is_small else self._array


def _dense(array: Array) -> Array:
    return (
        array if array.flags.c_contiguous and array.flags.aligned else np.ascontiguousarray(array)
    )
