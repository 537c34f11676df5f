"""A graph as a native program: bound to memory, run for any number of steps."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from retroprop.backends.llvm import jit, pool, status
from retroprop.backends.llvm import target as targets
from retroprop.backends.llvm.budget import size_of, within
from retroprop.backends.llvm.assemble import Assembler, segment_name
from retroprop.backends.llvm.kernel import Kernel, View
from retroprop.backends.llvm.lower import Lowered
from retroprop.backends.llvm.produce import Call
from retroprop.backends.llvm.schedule import Schedule, is_worth_threads, plan_memory, schedule
from retroprop.errors import DivergedError, IndexRangeError, RetropropError
from retroprop.ir import Graph

__all__ = ["Program", "build"]

Array = np.ndarray[Any, Any]


class Program:
    """A graph compiled for this machine.

    Attributes:
        graph:           what was compiled.
        plan:            the schedule: segments of native code and calls of references.
        threads:         how many threads run it.
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
        self.target = targets.host() if target is None else targets.named(target)
        self._options = (donated, self.target, resident, winograd)
        self._wanted = pool.default_threads() if threads is None else threads
        if memory is not None:
            graph = within(graph, size_of(memory), lambda some: self._scheduled(some)[1].peak)
        self.graph = graph
        self.lowered, self.plan = self._scheduled(graph)
        self.orders = self.lowered.orders
        self._refuse_calls(strict)
        self.threads = self._wanted if self.plan.parallel else 1
        self.kernels = [work for work, _ in self.plan.order if isinstance(work, Kernel)]
        self._make_memory()
        self._library = self._compile(profile=False)
        self._profiled: jit.Library | None = None
        self._run = self._entries(self._library)
        self.compile_seconds = time.perf_counter() - began

    def _scheduled(self, graph: Graph) -> tuple[Lowered, Schedule]:
        """A graph as kernels in order, with the memory that they need."""
        lowered = Lowered(graph, *self._options)
        parallel = self._wanted > 1 and is_worth_threads(lowered.works)
        plan = schedule(lowered.works, parallel=parallel)
        plan.peak = plan_memory(plan.order)
        return lowered, plan

    def _refuse_calls(self, strict: bool) -> None:
        self.seconds: dict[str, float] = {}  # spent in references, by op
        self.calls = sorted({w.what for w in self.lowered.works if isinstance(w, Call)})
        if strict and self.calls:
            raise RetropropError(
                f"no native code for: {', '.join(self.calls)}",
                fix="compile with strict=False: these ops then run through NumPy between native "
                "parts",
            )

    def _make_memory(self) -> None:
        """The arena, with literals at its start; the table of slots; status words; arguments."""
        start = 0
        known: dict[bytes, int] = {}
        for buffer, array in self.lowered.constants:
            buffer.offset = known.setdefault(array.tobytes(), start)
            if buffer.offset == start:
                start += -(-buffer.size // 64) * 64
        self.plan.peak = plan_memory(self.plan.order, start)
        self._arena_owner = np.empty(self.plan.peak + 256, np.uint8)
        skip = -self._arena_owner.ctypes.data % 128
        self.arena = self._arena_owner[skip : skip + self.plan.peak + 64]
        for buffer, array in self.lowered.constants:
            self.arena[buffer.offset : buffer.offset + buffer.size] = array.reshape(-1).view(
                np.uint8
            )
        slots = len(self.graph.inputs) + len(self.graph.outputs)
        self.table = np.zeros((max(slots, 1), 2), np.int64)
        self._words = self.table.reshape(-1)
        self.bound: list[Array | None] = [None] * slots
        self.status = np.zeros(status.WORDS, np.int64)
        self.clocks = np.zeros(max(len(self.kernels), 1), np.int64)
        self.arguments = np.array(
            [
                self.table.ctypes.data,
                self.arena.ctypes.data,
                self.status.ctypes.data,
                1,
                self.clocks.ctypes.data,
            ],
            np.int64,
        )
        self._arguments = self.arguments.ctypes.data

    def _compile(self, *, profile: bool) -> jit.Library:
        numbers = {kernel: i for i, kernel in enumerate(self.kernels)}
        assembler = Assembler(self.plan, self.target, numbers, profile=profile)
        return jit.load(assembler.module.text(), self.target)

    def _entries(self, library: jit.Library) -> list[int | Call]:
        return [
            segment if isinstance(segment, Call) else library.address(segment_name(number))
            for number, segment in enumerate(self.plan.segments)
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
        if len(entries) == 1 and not isinstance(entries[0], Call):
            self.arguments[3] = steps
            pool.run(entries[0], arguments, self.threads)
            if self.lowered.status and self.status[0]:
                self._raise()
            return
        self.arguments[3] = 1
        start = self.table[:, 0].copy()
        try:
            for _ in range(steps):
                for entry in entries:
                    if isinstance(entry, Call):
                        self._call(entry)
                    else:
                        pool.run(entry, arguments, self.threads)
                    if self.status[0]:
                        self._raise()
                self.table[:, 0] += self.table[:, 1]
        finally:
            self.table[:, 0] = start

    def _raise(self) -> None:
        found, completed = status.read(self.status), int(self.status[status.COMPLETED])
        self.status[:] = 0
        assert found is not None
        number, value = found
        node = self.lowered.status[number]
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
        """Ticks that each kernel took on the first thread; state is put back afterwards."""
        if self._profiled is None:
            self._profiled = self._compile(profile=True)
        entries = self._entries(self._profiled)
        held = [None if array is None else array.copy() for array in self.bound]
        self.clocks[:] = 0
        moves = self.table[:, 1].copy()
        self.table[:, 1] = 0
        try:
            self._run_entries(entries, steps)
        finally:
            self.table[:, 1] = moves
            for array, before in zip(self.bound, held, strict=True):
                if array is not None and before is not None and array.flags.writeable:
                    array[...] = before
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
