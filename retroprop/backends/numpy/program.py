"""The reference as a program: for debugging what the native one does."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import RetropropError
from retroprop.ir import Graph
from retroprop.ir.interpreter import run

__all__ = ["Program", "build"]

Array = np.ndarray[Any, Any]


class Program:
    """A graph run op by op with NumPy. See `backends.base.Program`."""

    def __init__(self, graph: Graph, donated: dict[int, int]) -> None:
        self.graph, self.donated = graph, donated
        self.orders: dict[int, tuple[int, ...]] = {}
        count = len(graph.inputs) + len(graph.outputs)
        self._bound: list[Any] = [None] * count
        self._moves = [0] * count

    def bind(self, slot: int, array: Array, step_bytes: int = 0) -> None:
        """Let a slot be this array, moving on by bytes from step to step."""
        self._bound[slot], self._moves[slot] = array, step_bytes

    def run(self, steps: int = 1) -> None:
        """Run the graph; state changes only after a step that raised nothing."""
        inputs = len(self.graph.inputs)
        for step in range(steps):
            given = [self._at(slot, step) for slot in range(inputs)]
            try:
                with np.errstate(all="ignore"):
                    values = run(self.graph, given)
            except RetropropError as error:
                error.completed_steps = step
                raise
            values = [np.array(value) for value in values]  # none may be an input that changes
            for number, value in enumerate(values):
                slot = self.donated.get(number, inputs + number)
                self._at(slot, step)[...] = value

    def _at(self, slot: int, step: int) -> Array:
        """The array of a slot in a step: one line of it where it moves."""
        array = self._bound[slot]
        return array[step, ...] if self._moves[slot] else array

    def report(self) -> str:
        """How often each op occurs."""
        names: dict[str, int] = {}
        for node in self.graph.nodes:
            names[node.op.name] = names.get(node.op.name, 0) + 1
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(names.items()))
        return f"{len(self.graph.nodes)} ops through NumPy: {listed}"

    def llvm_ir(self) -> str:
        """There is none."""
        raise RetropropError(
            "the numpy backend generates no code", fix='compile with backend="native"'
        )

    assembly = llvm_ir


def build(
    graph: Graph,
    donated: dict[int, int],
    resident: frozenset[int] = frozenset(),
    **options: Any,
) -> Program:
    """A program for a graph; the native backend's options mean nothing here."""
    return Program(graph, donated)
