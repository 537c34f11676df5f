"""The ends of a recorded program: where its inputs come from, and where its outputs go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from retroprop.core.symbol import Symbol
from retroprop.ir import Graph, Value

__all__ = ["Ends", "Input", "Output", "Trace"]


class Input(NamedTuple):
    """Where an input of the graph comes from at each call.

    Attributes:
        kind:   "argument", "argument grad", "cell", "grad" (the gradient of a cell), "constant".
        source: the number of the argument, the cell, or the array.
    """

    kind: str
    source: Any


class Output(NamedTuple):
    """Where an output of the graph goes after each call.

    Attributes:
        kind:   "result", "argument", "argument grad", "cell" or "grad".
        target: the number of the result or argument, or the cell.
    """

    kind: str
    target: Any


class Trace(NamedTuple):
    """What a recorded function is.

    Attributes:
        graph:   the program.
        inputs:  one for each of its inputs.
        outputs: one for each of its outputs.
        donated: output number -> input number whose memory it takes over.
        cleared: cells, and numbers of arguments, whose gradient is None afterwards.
        present: (cell, whether its gradient was there) that the function looked at.
        guards:  (question, answer, what it is about): functions without arguments, what they gave.
    """

    graph: Graph
    inputs: list[Input]
    outputs: list[Output]
    donated: dict[int, int]
    cleared: list[Any]
    present: list[tuple[Any, bool]]
    guards: list[tuple[Callable[[], Any], Any, str]]

    @property
    def resident(self) -> frozenset[int]:
        """The slots, of inputs and then outputs, whose memory is a cell's."""
        count = len(self.inputs)
        inside = [slot for slot, (kind, _) in enumerate(self.inputs) if kind in {"cell", "grad"}]
        given = [count + i for i, (kind, _) in enumerate(self.outputs) if kind == "grad"]
        return frozenset([*inside, *given])


class Ends:
    """The outputs of a trace, as they are gathered."""

    def __init__(self, value_of: Callable[[Any], Value]) -> None:
        self._value = value_of
        self.outputs: list[Output] = []
        self.values: list[Value] = []
        self.donated: dict[int, int] = {}
        self.cleared: list[Any] = []

    def give(self, output: Output, array: Any) -> None:
        """One more output."""
        self.outputs.append(output)
        self.values.append(self._value(array))

    def keep(self, kind: str, target: Any, array: Any, start: Value | None, slot: Any) -> None:
        """What something holds at the end, unless that is what it held before."""
        if isinstance(array, Symbol) and array.value is start:
            return
        if slot is not None:
            self.donated[len(self.outputs)] = slot
        self.give(Output(kind, target), array)

    def keep_gradient(
        self, kind: str, target: Any, gradient: Any, start: Value | None, slot: Any
    ) -> None:
        """The gradient of something at the end."""
        if gradient is not None:
            self.keep(kind, target, gradient._data, start, slot)
        elif kind == "grad" or start is not None:
            self.cleared.append(target)
