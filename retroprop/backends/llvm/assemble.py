"""The function of a step: all kernels called in order, on every thread, for any number of steps.

    void segment(ptr arguments, i64 thread, i64 threads, ptr barrier)

`arguments` points at five words: the table of slots (address and bytes per step of each), the
arena, the status words, the number of steps, and the clock of each kernel (read when profiling).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retroprop.backends.llvm import pool, status
from retroprop.backends.llvm.emit import Function, Module, Register
from retroprop.backends.llvm.facts import segment_name
from retroprop.backends.llvm.loop import Loop
from retroprop.backends.llvm.parts import GLUE
from retroprop.backends.llvm.schedule import ALL_ROWS, Group, Schedule

if TYPE_CHECKING:
    from retroprop.backends.llvm.kernel import Buffer, Kernel, View
    from retroprop.backends.llvm.target import Target

__all__ = ["Assembler"]

_CACHED = 256 * 1024  # bytes that a block of rows of a group may touch

_TABLE, _ARENA, _STATUS, _STEPS, _CLOCKS = range(5)


def _may_fail(groups: Sequence[Group]) -> bool:
    return any(kernel.may_fail for group in groups for kernel in group.kernels)


class Assembler:
    """Writes the module of a program.

    Args:
        plan:    what runs in which order.
        numbers: the number of each kernel, for the clocks.
        profile: measure the time of every kernel on the first thread.
    """

    def __init__(
        self, plan: Schedule, target: Target, numbers: dict[Kernel, int], *, profile: bool
    ) -> None:
        self.plan, self.target, self.profile, self.numbers = plan, target, profile, numbers
        self.module = Module()
        pool.define_barrier(self.module)
        pool.define_enter(self.module, target)
        pool.define_leave(self.module, target)
        self._names: dict[object, str] = {}
        for number, segment in enumerate(plan.segments):
            if isinstance(segment, list):
                self._segment(number, segment)

    def _segment(self, number: int, groups: Sequence[Group]) -> None:
        parameters = [("arguments", "ptr"), ("thread", "i64"), ("threads", "i64"), ("meet", "ptr")]
        name, attributes = segment_name(number), f"nounwind {GLUE}"
        f = Function(self.module, name, parameters, public=True, attributes=attributes)
        self.f, self.units = f, self.plan.units
        arguments, self.thread, self.threads, self.meet = f.parameters
        words = [f.load("ptr", f.at(arguments, i, 8)) for i in range(5)]
        self.table, self.arena, self.status, steps, self.clocks = words
        count = f.convert("ptrtoint", steps, "i64")
        before = f.call("enter", "i32", [])
        done = self.done = f.label("done")
        failing = _may_fail(groups)
        with f.loop(0, count) as loop:
            self._indices: dict[object, Register] = {}
            self.step = loop.index
            self._groups(groups)
            if self.plan.parallel:
                self._barrier()
            if failing:
                self._check(done)
                completed = f.binary("add", self.step, f.integer(1))
                f.store(completed, f.at(self.status, status.COMPLETED, 8))
        f.write(f"br label %{done}")
        f.write_label(done)
        f.call("leave", "void", [before])
        f.leave()
        self.module.add(f)

    def _groups(self, groups: Sequence[Group]) -> None:
        """Groups in order, and where threads meet between them."""
        for position, group in enumerate(groups):
            if group.before:
                self._barrier()
            if group.before == "check":
                self._check(self.done)
                if _may_fail(groups[position:]):  # nobody may report more before all have read
                    self._barrier()
            self._group(group)

    def _barrier(self) -> None:
        if self.plan.parallel:
            self.f.call("barrier", "void", [self.meet, self.thread, self.threads])

    def _check(self, done: str) -> None:
        """Leave when an error was found; behind a barrier, so that all threads agree."""
        f = self.f
        wrong = f.compare("icmp ne", f.load("i64", self.status), f.integer(0))
        go_on = f.label("sound")
        f.write(f"br {wrong}, label %{done}, label %{go_on}")
        f.write_label(go_on)

    # -- groups ----------------------------------------------------------------------------------

    def _group(self, group: Group) -> None:
        f = self.f
        if group.rows == ALL_ROWS or not self.plan.parallel:
            for kernel in group.kernels:
                if isinstance(kernel, Loop):
                    self._loop(kernel)
                else:
                    self._call(kernel, f.integer(0), f.integer(kernel.rows))
            return
        if group.rows == 1:
            first = f.compare("icmp eq", self.thread, f.integer(0))
            with f.branch(first):
                for kernel in group.kernels:
                    self._call(kernel, f.integer(0), f.integer(kernel.rows))
            return
        lo, hi = self._share(group.rows)
        chunk = self._chunk(group)
        if len(group.kernels) == 1 or chunk >= group.rows:
            for kernel in group.kernels:
                self._call(kernel, lo, hi)
            return
        with f.loop(lo, hi, chunk) as loop:
            end = f.binary("add", loop.index, f.integer(chunk))
            stop = f.select(f.compare("icmp slt", end, hi), end, hi)
            for kernel in group.kernels:
                self._call(kernel, loop.index, stop)

    def _loop(self, loop: Loop) -> None:
        """All steps of a loop."""
        around, self.units = self.units, loop.units
        with self.f.loop(0, loop.length) as steps:
            self._indices[loop] = steps.index
            self._groups(loop.groups)
            if loop.meets:
                self._barrier()
        self.units = around

    def _share(self, rows: int) -> tuple[Register, Register]:
        """The rows of this thread: whole units, as equal as may be."""
        f, unit = self.f, self.units.get(rows, 1)
        blocks = -(-rows // unit)
        ends = []
        for step in (0, 1):
            which = f.binary("add", self.thread, f.integer(step))
            block = f.binary("udiv", f.binary("mul", which, f.integer(blocks)), self.threads)
            row = f.binary("mul", block, f.integer(unit))
            inside = f.compare("icmp slt", row, f.integer(rows))
            ends.append(f.select(inside, row, f.integer(rows)))
        return ends[0], ends[1]

    def _chunk(self, group: Group) -> int:
        """Rows of a block whose data stays in the cache from kernel to kernel."""
        unit = self.units.get(group.rows, 1)
        moved = sum(
            view.size * view.dtype.itemsize
            for kernel in group.kernels
            for view, slab in zip((*kernel.results, *kernel.operands), kernel.slabs, strict=True)
            if slab
        )
        rows = max(1, _CACHED * group.rows // max(moved, 1))
        rows = max(rows, *(kernel.preferred_rows for kernel in group.kernels))
        return max(unit, rows // unit * unit)

    # -- calls -----------------------------------------------------------------------------------

    def _call(self, kernel: Kernel, lo: Register, hi: Register) -> None:
        signature = kernel.signature
        name = self._names.get(signature)
        if name is None:
            name = self._names[signature] = kernel.emit(self.module, self.target)
        f = self.f
        pointers = [self._address(view) for view in (*kernel.results, *kernel.operands)]
        began = self._now() if self.profile else None
        f.call(name, "void", [*pointers, self.status, lo, hi])
        if began is not None:
            self._clock(kernel, began)

    def _address(self, view: View) -> Register:
        return self._start(view.buffer, view.offset * view.dtype.itemsize)

    def _start(self, buffer: Buffer, offset: int) -> Register:
        """The address of a byte of a buffer."""
        f = self.f
        if buffer.kind == "slot":  # read at every use: hundreds of values would fill no register
            base = f.load("ptr", f.at(self.table, 2 * buffer.slot, 8))
            stride = f.load("i64", f.at(self.table, 2 * buffer.slot + 1, 8))
            return f.at(f.at(base, f.binary("mul", stride, self.step)), offset)
        place = buffer.place
        if place is None:
            return f.at(self.arena, buffer.offset + offset)
        if not place.step:
            return self._start(place.parent, place.start + buffer.offset + offset)
        moved = f.binary("mul", self._indices[place.loop], f.integer(place.step))
        if place.ring:
            moved = f.binary("add", moved, f.integer(place.start))
            moved = f.binary("urem", moved, f.integer(place.ring))
            return f.at(self._start(place.parent, offset), moved)
        return f.at(self._start(place.parent, place.start + offset), moved)

    def _now(self) -> Register:
        counter = "cycle" if self.target.triple.startswith(("x86", "i")) else "steady"
        return self.f.intrinsic(f"llvm.read{counter}counter", "i64", [])

    def _clock(self, kernel: Kernel, began: Register) -> None:
        """Add the time since `began` to the kernel's clock, on the first thread."""
        f = self.f
        passed = f.binary("sub", self._now(), began)
        mine = f.compare("icmp eq", self.thread, f.integer(0))
        with f.branch(mine):
            place = f.at(self.clocks, self.numbers[kernel], 8)
            f.store(f.binary("add", f.load("i64", place), passed), place)
