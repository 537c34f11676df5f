"""What a graph becomes before it is code: kernels in order, a place in memory for everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop.backends.llvm.assemble import Assembler
from retroprop.backends.llvm.facts import Facts
from retroprop.backends.llvm.kernel import Kernel
from retroprop.backends.llvm.loop import Loop
from retroprop.backends.llvm.lower import Lowered
from retroprop.backends.llvm.produce import Call
from retroprop.backends.llvm.remake import remade
from retroprop.backends.llvm.schedule import is_worth_threads, plan_memory, schedule
from retroprop.ir.graph import nodes_within

if TYPE_CHECKING:
    from retroprop.backends.llvm.target import Target
    from retroprop.ir import Graph

__all__ = ["Plan"]

_LINE = 64  # bytes: literals begin on a line of the cache


class Plan:
    """A graph lowered, put in order, and laid out in memory.

    Attributes:
        graph:    what was planned: some of it may be computed twice.
        lowered:  its kernels, and calls of references.
        schedule: the order in which they run.
        kernels:  those of the schedule, in order.
        calls:    names of the ops that run through NumPy.
    """

    def __init__(
        self,
        graph: Graph,
        donated: dict[int, int],
        target: Target,
        resident: frozenset[int],
        *,
        winograd: int,
        threads: int,
    ) -> None:
        self.graph, self.target = remade(graph), target
        self.lowered = Lowered(self.graph, donated, target, resident, winograd)
        works = self.lowered.works
        parallel = threads > 1 and is_worth_threads(works)
        for work in works:
            if isinstance(work, Loop):
                work.arrange(parallel=parallel)
        self.schedule = schedule(works, parallel=parallel)
        self.kernels: list[Kernel] = []
        for work, _ in self.schedule.order:
            if isinstance(work, Loop):
                self.kernels += work.kernels()
            elif isinstance(work, Kernel):
                self.kernels.append(work)
        self.calls = sorted({work.what for work in works if isinstance(work, Call)})
        self.schedule.peak = plan_memory(self.schedule.order, self._place_literals())

    @property
    def peak(self) -> int:
        """Bytes of working memory."""
        return self.schedule.peak

    def _place_literals(self) -> int:
        """Put literals at the beginning of the arena, equal ones once; returns where they end."""
        start, known = 0, dict[bytes, int]()
        for buffer, array in self.lowered.constants:
            buffer.offset = known.setdefault(array.tobytes(), start)
            if buffer.offset == start:
                start += -(-buffer.size // _LINE) * _LINE
        return start

    def facts(self) -> Facts:
        """What a program needs of it."""
        lowered = self.lowered
        places = {id(node): number for number, node in enumerate(nodes_within(self.graph))}
        literals = {buffer.offset: array.tobytes() for buffer, array in lowered.constants}
        return Facts(
            self.peak,
            len(self.schedule.segments),
            self.schedule.parallel,
            lowered.orders,
            [places[id(node)] for _, node in sorted(lowered.failing.nodes.items())],
            list(literals.items()),
            len(self.kernels),
        )

    def text(self, *, profile: bool = False) -> str:
        """The program as LLVM IR.

        Args:
            profile: measure the time of every kernel on the first thread.
        """
        numbers = {kernel: number for number, kernel in enumerate(self.kernels)}
        return Assembler(self.schedule, self.target, numbers, profile=profile).module.text()
