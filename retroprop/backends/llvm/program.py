"""A graph as a native program: bound to memory, run for any number of steps."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.backends.llvm import cache, jit, pool, status
from retroprop.backends.llvm import target as targets
from retroprop.backends.llvm.budget import size_of, within
from retroprop.backends.llvm.facts import Facts, segment_name
from retroprop.errors import DivergedError, IndexRangeError, RetropropError
from retroprop.ir import Graph
from retroprop.ir.graph import nodes_within

if TYPE_CHECKING:
    from retroprop.backends.llvm.kernel import View
    from retroprop.backends.llvm.plan import Plan
    from retroprop.backends.llvm.produce import Call

__all__ = ["Program", "build"]

Array = np.ndarray[Any, Any]


class Program:
    """A graph compiled for this machine.

    Attributes:
        graph:           what was compiled.
        facts:           what of its plan it needs to run.
        threads:         how many threads run it.
        orders:          see `backends.base.Program`.
        calls:           names of the ops that run through NumPy.
        compile_seconds: how long it took to make.
    """

    def __init__(
        self,
        graph: Graph,
        donated: dict[int, int],
        resident: frozenset[int] = frozenset(),
        *,
        strict: bool = False,
        threads: int | None = None,
        target: str | None = None,
        winograd: int = 2,
        memory: str | int | None = None,
    ) -> None:
        began = time.perf_counter()
        self.graph = graph
        self.target = targets.host() if target is None else targets.named(target)
        wanted = pool.default_threads() if threads is None else threads
        self._donated, self._resident = donated, resident
        self._how = {"winograd": winograd, "threads": wanted}
        self._budget = None if memory is None else size_of(memory)
        self._plan: Plan | None = None
        self.seconds: dict[str, float] = {}  # spent in references, by op
        self.calls: list[str] = []
        self._library, self.facts = self._found() or self._made(strict=strict)
        self.orders = self.facts.orders
        self.threads = wanted if self.facts.parallel else 1
        self._make_memory()
        self._profiled: jit.Library | None = None
        self._run = self._entries(self._library)
        self.compile_seconds = time.perf_counter() - began

    # -- making it -------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        """Its kernels, in order and in memory; made when asked for where the cache had the code."""
        if self._plan is None:
            graph = self.graph
            if self._budget is not None:
                graph = within(graph, self._budget, lambda some: self._planned(some).peak)
            self._plan = self._planned(graph)
        return self._plan

    def _planned(self, graph: Graph) -> Plan:
        from retroprop.backends.llvm.plan import Plan  # noqa: PLC0415  not for what was compiled

        return Plan(graph, self._donated, self.target, self._resident, **self._how)

    @cached_property
    def _key(self) -> str | None:
        """The name of its code in the cache; None where the text of the graph does not say all."""
        text = str(self.graph)
        if "[...]" in text:
            return None
        ends = (sorted(self._donated.items()), sorted(self._resident))
        how = (*ends, sorted(self._how.items()), self._budget)
        return cache.key(self.target, "program", text, repr(how))

    def _found(self) -> tuple[jit.Library, Facts] | None:
        """Code that was compiled before, and what has to be known to run it."""
        key = self._key
        entry = None if key is None else cache.get(key)
        if entry is None:
            return None
        library = jit.load_code(entry.data, self.target, lambda: self.plan.text())
        return library, Facts.unpacked(entry.metadata)

    def _made(self, *, strict: bool) -> tuple[jit.Library, Facts]:
        """Code made now, and kept for the next time unless it calls references."""
        self.calls = self.plan.calls
        if strict and self.calls:
            raise RetropropError(
                f"no native code for: {', '.join(self.calls)}",
                fix="compile with strict=False: these ops then run through NumPy between native "
                "parts",
            )
        text, facts, key = self.plan.text(), self.plan.facts(), self._key
        if self.calls or key is None:
            return jit.load(text, self.target), facts
        code = jit.compile_code(text, self.target)
        library = jit.load_code(code, self.target, text, from_cache=False)
        cache.put(key, code, facts.packed())
        return library, facts

    def _make_memory(self) -> None:
        """The arena, with literals at its start; the table of slots; status words; arguments."""
        self._arena_owner = np.empty(self.facts.peak + 256, np.uint8)
        skip = -self._arena_owner.ctypes.data % 128
        self.arena = self._arena_owner[skip : skip + self.facts.peak + 64]
        for offset, data in self.facts.literals:
            self.arena[offset : offset + len(data)] = np.frombuffer(data, np.uint8)
        slots = len(self.graph.inputs) + len(self.graph.outputs)
        self.table = np.zeros((max(slots, 1), 2), np.int64)
        self._words = self.table.reshape(-1)
        self.bound: list[Array | None] = [None] * slots
        self.status = np.zeros(status.WORDS, np.int64)
        self.clocks = np.zeros(max(self.facts.kernels, 1), np.int64)
        places = [array.ctypes.data for array in (self.table, self.arena, self.status)]
        self.arguments = np.array([*places, 1, self.clocks.ctypes.data], np.int64)
        self._arguments = self.arguments.ctypes.data

    def _entries(self, library: jit.Library) -> list[int | Call]:
        """Functions, and calls of references between them."""
        numbers = range(self.facts.segments)
        if not self.calls:
            return [library.address(segment_name(number)) for number in numbers]
        return [
            library.address(segment_name(number)) if isinstance(segment, list) else segment
            for number, segment in enumerate(self.plan.schedule.segments)
        ]

    # -- running ---------------------------------------------------------------------------------

    def bind(self, slot: int, array: Array, step_bytes: int = 0) -> None:
        """Let a slot (inputs first, then outputs) be this array, moving on by bytes each step."""
        self.bound[slot] = array
        words = self._words
        words[2 * slot] = array.__array_interface__["data"][0]  # quicker than array.ctypes
        words[2 * slot + 1] = step_bytes

    def run(self, steps: int = 1) -> None:
        """Run the program; results lie in the bound arrays.

        Raises:
            IndexRangeError: an index was out of range; the step that found it changed no state.
        """
        self._run_entries(self._run, steps)

    def _run_entries(self, entries: list[int | Call], steps: int) -> None:
        arguments = self._arguments
        if len(entries) == 1 and isinstance(entries[0], int):
            self.arguments[3] = steps
            self.status[status.COMPLETED] = 0
            pool.run(entries[0], arguments, self.threads)
            if self.status[0]:
                self._raise()
            return
        self.arguments[3] = 1
        start = self.table[:, 0].copy()
        try:
            for number in range(steps):
                for entry in entries:
                    if isinstance(entry, int):
                        pool.run(entry, arguments, self.threads)
                    else:
                        self._call(entry)
                    if self.status[0]:
                        self.status[status.COMPLETED] = number
                        self._raise()
                self.table[:, 0] += self.table[:, 1]
        finally:
            self.table[:, 0] = start

    def _raise(self) -> None:
        found, completed = status.read(self.status), int(self.status[status.COMPLETED])
        self.status[:] = 0
        assert found is not None
        number, value = found
        node = nodes_within(self.plan.graph)[self.facts.failing[number]]
        error: RetropropError
        if node.op.name == "require_finite":
            real = np.int64(value).view(np.float64)
            error = DivergedError(f"{node.attributes['what']} is {real}")
        else:
            error = IndexRangeError(
                f"{node.op.name}: index {value} is out of range for {_range(node, value)}",
                fix="labels and token numbers count from 0; look at the batch that was given",
            )
        error.completed_steps = completed
        raise error

    def _call(self, call: Call) -> None:
        """Run an op through its reference, from and into our memory."""
        began = time.perf_counter()
        operands = [self._array(view) for view in call.operands]
        with np.errstate(all="ignore"):
            made: Any = call.node.op.reference(*operands, **call.node.attributes)
        for view, array in zip(
            call.results, made if isinstance(made, tuple) else (made,), strict=True
        ):
            self._array(view)[...] = array
        self.seconds[call.what] = self.seconds.get(call.what, 0.0) + time.perf_counter() - began

    def _array(self, view: View) -> Array:
        """A view as an array on the memory that it stands for."""
        item = view.dtype.itemsize
        strides = tuple(stride * item for stride in view.strides)
        if view.buffer.kind == "slot":
            base = self.bound[view.buffer.slot]
            assert base is not None
            moved = int(self.table[view.buffer.slot, 0]) - base.ctypes.data
            memory = _bytes_of(base)
        else:
            memory, moved = self.arena, view.buffer.offset
        offset = moved + view.offset * item
        return np.ndarray(view.shape, view.dtype, memory, offset, strides)

    # -- looking inside --------------------------------------------------------------------------

    def llvm_ir(self) -> str:
        """The generated program."""
        return self._library.text

    def assembly(self) -> str:
        """The machine code as text."""
        return self._library.assembly()

    def report(self) -> str:
        """Kernels, their time and share, and the memory plan."""
        from retroprop.backends.llvm.report import report  # noqa: PLC0415  only when asked for

        return report(self)

    def profile(self, steps: int) -> Array:
        """Ticks that each kernel took on the first thread; state is put back after every step."""
        if self._profiled is None:
            self._profiled = jit.load(self.plan.text(profile=True), self.target)
        entries = self._entries(self._profiled)
        written = [a for a in self.bound if a is not None and a.flags.writeable]
        held = [array.copy() for array in written]
        self.clocks[:] = 0
        moves = self.table[:, 1].copy()
        self.table[:, 1] = 0
        try:
            for _ in range(steps):
                try:
                    self._run_entries(entries, 1)
                finally:
                    for array, before in zip(written, held, strict=True):
                        array[...] = before
        finally:
            self.table[:, 1] = moves
        return self.clocks / steps


def _bytes_of(array: Array) -> Array:
    """The memory of a dense array, whatever the order of its axes."""
    base = array.transpose(np.argsort([-stride for stride in array.strides], kind="stable"))
    return base.reshape(-1).view(np.uint8) if base.size else np.empty(0, np.uint8)


def _range(node: Any, index: int) -> str:
    """What an index should have been within, in the words of the reference."""
    sizes, length = node.attributes.get("sizes"), node.attributes.get("length")
    axis = node.attributes.get("axis") or 0
    if sizes is not None:
        axis = next(i for i, size in enumerate(sizes) if not -size <= index < size)
        length = sizes[axis]
    elif length is None:
        of = node.outputs[0] if "add" in node.op.name else node.operands[0]
        axis %= len(of.shape)
        length = of.shape[axis]
    return f"axis {axis} of {length} elements"


def build(
    graph: Graph,
    donated: dict[int, int],
    resident: frozenset[int] = frozenset(),
    **options: Any,
) -> Program:
    """Compile a graph for this machine.

    Args:
        donated:  output number -> number of the input whose memory it takes over.
        resident: slots whose memory is made for programs, so that these choose its order.
        options:  strict, threads, target, winograd, memory: see `rp.compile`.
    """
    return Program(graph, donated, resident, **options)
