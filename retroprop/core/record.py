"""From a function and arguments to what it did, and how to give back what it returned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retroprop import tree
from retroprop.core import arguments
from retroprop.core.arguments import Given
from retroprop.core.ends import Trace
from retroprop.core.tensor import Tensor
from retroprop.core.trace import Recorder
from retroprop.ir import Graph

__all__ = ["record", "trimmed"]

Array = np.ndarray[Any, Any]

_alone = threading.RLock()  # one trace at a time: it marks the cells that it sees


def record(function: Callable[..., Any], given: Given) -> tuple[Trace, Callable[..., Any]]:
    """Run a function on symbols.

    Returns:
        What it did; and a function that puts arrays in the place of what it returned.
    """
    recorder = Recorder()
    with _alone, recorder:
        stand_ins: dict[int, Any] = {}
        leaves: list[Any] = []
        for number, leaf in enumerate(given.leaves):
            if isinstance(leaf, arguments.Static):
                leaves.append(leaf)
                continue
            shown = arguments.Line(leaf) if given.by_line else leaf
            key = id(leaf) if shown._requires_grad else -number  # their gradients add up
            if key not in stand_ins:
                stand_ins[key] = number, recorder.argument(number, shown, Tensor._wrap)
            leaves.append(stand_ins[key][1])
        args, kwargs = arguments.with_leaves(given, leaves)
        returned, structure = tree.flatten(function(*args, **kwargs))
        tensors = list(stand_ins.values())
        numbers = {id(tensor): number for number, tensor in tensors}
        parts = [_part(recorder, numbers, leaf) for leaf in returned]
        results = [leaf for leaf, part in zip(returned, parts, strict=True) if part is _RESULT]
        trace = recorder.finish(results, tensors)
    return trace, _packer(structure, parts)


class _Result:
    """Stands for a result of the program."""


_RESULT = _Result()


class _Argument:
    """Stands for an argument that was returned."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Constant:
    """Stands for a Tensor that the function computed from nothing."""

    def __init__(self, array: Array) -> None:
        self.array = array


def _part(recorder: Recorder, numbers: dict[int, int], leaf: Any) -> Any:
    """What is put in the place of something that the function returned."""
    if not isinstance(leaf, Tensor) or recorder.is_outside(leaf):
        return leaf
    if id(leaf) in numbers:
        return _Argument(numbers[id(leaf)])
    return _Constant(leaf._data) if isinstance(leaf._data, np.ndarray) else _RESULT


def _packer(structure: Any, parts: list[Any]) -> Callable[..., Any]:
    wrap = Tensor._wrap
    if parts == [_RESULT] and not isinstance(structure, tuple | list | dict):
        return lambda arrays, tensors, steps=0: wrap(arrays[0])

    def pack(arrays: Sequence[Array], tensors: Sequence[Any], steps: int = 0) -> Any:
        left = iter(arrays)
        leaves = []
        for part in parts:
            if part is _RESULT:
                leaves.append(wrap(next(left)))
            elif isinstance(part, _Argument):
                leaves.append(tensors[part.number])
            elif isinstance(part, _Constant):
                array = part.array
                leaves.append(wrap(np.stack([array] * steps) if steps else array))
            else:
                leaves.append(part)
        return tree.unflatten(structure, leaves)

    return pack


def trimmed(trace: Trace) -> Trace:
    """A trace without inputs that nobody reads, and without state that nothing is done to."""
    graph = trace.graph
    unchanged = {
        number
        for number, slot in trace.donated.items()
        if graph.outputs[number] is graph.inputs[slot]
    }
    numbers = [n for n in range(len(graph.outputs)) if n not in unchanged]
    outputs = [graph.outputs[number] for number in numbers]
    read = {operand for node in graph.nodes for operand in node.operands}.union(outputs)
    owned = {trace.donated[number] for number in numbers if number in trace.donated}
    slots = [s for s, value in enumerate(graph.inputs) if value in read or s in owned]
    places = {slot: place for place, slot in enumerate(slots)}
    return trace._replace(
        graph=Graph([graph.inputs[slot] for slot in slots], graph.nodes, outputs),
        inputs=[trace.inputs[slot] for slot in slots],
        outputs=[trace.outputs[number] for number in numbers],
        donated={
            place: places[trace.donated[number]]
            for place, number in enumerate(numbers)
            if number in trace.donated
        },
    )
