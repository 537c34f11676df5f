"""What a backend offers: programs that are bound to memory and run."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from retroprop.ir import Graph

__all__ = ["Backend", "Program"]

Array = np.ndarray[Any, Any]


class Program(Protocol):
    """A compiled graph. Slots are its inputs, then its outputs, in order.

    Attributes:
        orders: of slots that are to lie in memory otherwise than in the order of their axes, the
                axes from the slowest to the fastest.
    """

    orders: dict[int, tuple[int, ...]]

    def bind(self, slot: int, array: Array, step_bytes: int = 0) -> None:
        """Let a slot be this dense array, moving on by so many bytes from step to step.

        A donated output is not bound: it is written into the array of its input.
        """

    def run(self, steps: int = 1) -> None:
        """Run so many steps; state is carried in the bound arrays."""

    def report(self) -> str:
        """What it consists of, for people."""

    def llvm_ir(self) -> str:
        """The generated program as text."""

    def assembly(self) -> str:
        """The machine code as text."""


class Backend(Protocol):
    """A module with this function is a backend."""

    def build(
        self,
        graph: Graph,
        donated: dict[int, int],
        resident: frozenset[int] = frozenset(),
        **options: Any,
    ) -> Program:
        """Compile a graph.

        Args:
            donated:  output number -> number of the input whose memory it takes over.
            resident: slots whose memory is made for programs, so that these choose its order.
        """
