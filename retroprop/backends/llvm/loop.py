"""Loops: kernels that run once for each step, on memory that moves along from step to step.

What is carried lies in a history of all steps where these are wanted afterwards, in two places in
turn otherwise. So neither sequences nor what is carried are ever copied, but for the first state.
Kernels that compute the same in every step, such as the packing of a weight, run before the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from retroprop.backends.llvm.kernel import Buffer, Kernel, Place, View, contiguous
from retroprop.backends.llvm.produce import copied
from retroprop.backends.llvm.schedule import (
    ALL_ROWS,
    Group,
    Schedule,
    plan_memory,
    schedule,
    touches,
)
from retroprop.backends.llvm.values import bytes_of
from retroprop.ir import Graph

if TYPE_CHECKING:
    from retroprop.backends.llvm.lower import Lowered
    from retroprop.backends.llvm.values import Unit
    from retroprop.ir import Node, Value

__all__ = ["Loop", "place_loop"]


class Loop(Kernel):
    """A body that all threads run together, once for each step.

    Attributes:
        length: the number of steps.
        works:  the kernels of a step.
        room:   memory for what a step computes for itself.
        groups: the kernels in order, once `arrange` was called; `units` as in `Schedule`.
        meets:  whether threads have to meet between steps.
    """

    rows = ALL_ROWS

    def __init__(self, length: int) -> None:
        self.length, self.what = length, f"loop of {length} steps"
        self.works: list[Kernel] = []
        self.room = Buffer(0, what="loop")
        self.groups: list[Group] = []
        self.units: dict[int, int] = {}
        self.meets = False

    def close(self, works: list[Kernel], results: list[View], operands: list[View]) -> None:
        """What it consists of, what it writes and what it reads."""
        self.works = works
        room = View(self.room, results[0].dtype if results else operands[0].dtype, (), ())
        self.results, self.operands = (*results, room), operands
        self.slabs = (None,) * (len(self.results) + len(self.operands))
        self.flops = self.length * sum(work.flops for work in works)
        self.may_fail = any(work.may_fail for work in works)
        outer = {view.buffer for view in (*self.results, *self.operands)}
        self._own = {
            view.buffer
            for work in works
            for view in (*work.results, *work.operands)
            if view.buffer.kind == "arena" and view.buffer not in outer
        }

    @property
    def bytes(self) -> int:
        return self.length * sum(work.bytes for work in self.works)

    def kernels(self) -> list[Kernel]:
        """All kernels in it, those of inner loops too."""
        found: list[Kernel] = []
        for group in self.groups:
            for kernel in group.kernels:
                found += kernel.kernels() if isinstance(kernel, Loop) else [kernel]
        return found

    def arrange(self, *, parallel: bool) -> None:
        """Put the kernels in order, and what they compute into memory."""
        for work in self.works:
            if isinstance(work, Loop):
                work.arrange(parallel=parallel)
        found = schedule(self.works, parallel=parallel)
        assert all(isinstance(segment, list) for segment in found.segments)
        self.groups = [g for segment in found.segments for g in segment]  # type: ignore[union-attr]
        self.units = found.units
        self.meets = parallel and self._has_to_meet(found)
        self.room.size = plan_memory(found.order, only=self._own)
        for buffer in self._own:
            buffer.put(Place(self.room))

    def _has_to_meet(self, found: Schedule) -> bool:
        """Whether a thread may run into the next step before the others have ended this one."""
        if any(group.before for group in self.groups):
            return True
        shared: dict[object, list[tuple[int, int | None, bool]]] = {}
        for group in self.groups:
            for kernel in group.kernels:
                for buffer, touch in touches(kernel, group.rows):
                    whole = buffer.whole if isinstance(buffer, Buffer) else buffer
                    shared.setdefault(whole, []).append(touch)
        for found_touches in shared.values():
            rows, slab, _ = found_touches[0]
            alike = all((r, s) == (rows, slab) for r, s, _ in found_touches)
            if any(writes for _, _, writes in found_touches) and not (
                alike and (rows == 1 or slab is not None)
            ):
                return True
        return False


class _Carried(NamedTuple):
    """Memory of something that is carried.

    Attributes:
        memory: the buffer of all its states.
        ends:   where in it the first is, and where the last will be.
        views:  where a step finds it, and where it leaves it.
        kept:   where the states before and after each step begin, in the order of the sequences;
                None where only the newest are there.
    """

    memory: Buffer
    ends: tuple[int, int]
    views: list[View]
    kept: tuple[int, int] | None


def place_loop(outer: Lowered, unit: Unit, node: Node) -> bool:
    """Lower a loop into a unit; False where some of its body has no native code."""
    return _Placing(outer, unit, node).run()


class _Placing:
    """One loop on its way from a node to kernels.

    Attributes:
        states: memory of what is carried.
        placed: where each output of the node lies.
        ends:   the outputs of the body that have a place of their own, and `targets`: that place.
    """

    def __init__(self, outer: Lowered, unit: Unit, node: Node) -> None:
        self.outer, self.unit, self.node = outer, unit, node
        self.body, self.reverse = node.attributes["body"], node.attributes["reverse"]
        self.loop = Loop(node.attributes["length"])
        self.carried = node.attributes["carried"]
        self.shared = self.carried + node.attributes["sliced"]
        self.operands = [outer.view(operand, unit) for operand in node.operands]
        results = self.body.outputs[self.carried :]
        self.states = [
            self._state(before, kept=before in results or after in results)
            for before, after in self._pairs()
        ]
        self.placed: list[tuple[Value, View]] = []
        self.ends: list[Value] = []
        self.targets: list[View] = []
        for number, value in enumerate(self.body.outputs):
            self._place_output(number, value)

    def _pairs(self) -> list[tuple[Value, Value]]:
        """What is carried, before and after a step."""
        return list(zip(self.body.inputs[: self.carried], self.body.outputs, strict=False))

    def _state(self, value: Value, *, kept: bool) -> _Carried:
        """Memory for something that is carried: of all steps, or of two in turn."""
        size, length, loop = bytes_of(value), self.loop.length, self.loop
        memory = Buffer(((length + 1) if kept else 2) * size, what="carried")
        if not kept:
            places = [Place(memory, loop, at, size, 2 * size) for at in (0, size)]
            ends = 0, size * (length % 2)
            return _Carried(memory, ends, self._views(value, places), None)
        if self.reverse:
            places = [Place(memory, loop, at * size, -size) for at in (length, length - 1)]
            return _Carried(memory, (length * size, 0), self._views(value, places), (size, 0))
        places = [Place(memory, loop, at, size) for at in (0, size)]
        return _Carried(memory, (0, length * size), self._views(value, places), (0, size))

    def _views(self, value: Value, places: Sequence[Place]) -> list[View]:
        """A value at some places."""
        views = []
        for place in places:
            buffer = Buffer(bytes_of(value), what="carried")
            buffer.put(place)
            views.append(View(buffer, value.dtype, value.shape, contiguous(value.shape)))
        return views

    def _place_output(self, number: int, value: Value) -> None:
        output = self.node.outputs[number]
        if number < self.carried:
            state = self.states[number]
            self.ends.append(value)
            self.targets.append(state.views[1])
            self.placed.append((output, _at(state, output, state.ends[1])))
            return
        for state, (before, after) in zip(self.states, self._pairs(), strict=True):
            if state.kept is not None and value in (before, after):
                start = state.kept[value is not before]
                self.placed.append((output, _at(state, output, start)))
                return
        buffer = Buffer(bytes_of(output), what="scan")
        whole = View(buffer, output.dtype, output.shape, contiguous(output.shape))
        self.ends.append(value)
        self.targets.append(self._slice(whole))
        self.placed.append((output, whole))

    def _slice(self, view: View) -> View:
        """One step of a sequence."""
        item, last = view.dtype.itemsize, self.loop.length - 1
        step = view.strides[0] * item
        start = view.offset * item + (step * last if self.reverse else 0)
        buffer = Buffer(view.buffer.size // (last + 1), what=view.buffer.what)
        buffer.put(Place(view.buffer, self.loop, start, -step if self.reverse else step))
        return View(buffer, view.dtype, view.shape[1:], view.strides[1:])

    def run(self) -> bool:
        """Lower the body, and put the loop into the unit."""
        outer, unit, states, operands = self.outer, self.unit, self.states, self.operands
        sequences = map(self._slice, operands[self.carried : self.shared])
        given = [*(state.views[0] for state in states), *sequences, *operands[self.shared :]]
        graph = Graph(self.body.inputs, self.body.nodes, self.ends)
        inner = outer.body(graph, given, self.targets)
        works = [work for work in inner.works if isinstance(work, Kernel)]
        if len(works) < len(inner.works):
            return False
        outer.constants += inner.constants
        for state, view in zip(states, operands, strict=False):
            dense = view._replace(buffer=state.memory, strides=contiguous(view.shape))
            first = dense._replace(offset=state.ends[0] // view.dtype.itemsize)
            unit.works.append(copied(first, view))
        early, late = _split(works, operands[self.shared :])
        unit.works += early
        self._close(early, late)
        unit.works.append(self.loop)
        if self.loop.may_fail:
            outer.last_failing = unit.index
        return True

    def _close(self, early: list[Kernel], late: list[Kernel]) -> None:
        """Tell the loop what it touches, and what is around it where its results lie."""
        outer, memories = self.outer, {state.memory for state in self.states}
        written: dict[Buffer, View] = {}
        for output, view in self.placed:
            outer.views[output], outer.unit_of[output] = view, self.unit
            written[view.buffer] = view
            if view.buffer in memories:  # a part of it: nobody may take it for the whole
                outer.root[output] = self.body.inputs[0]
        made = [view for work in early for view in work.results]
        self.loop.close(late, list(written.values()), [*self.operands[self.carried :], *made])


def _at(state: _Carried, value: Value, start: int) -> View:
    """A value in the memory of a state."""
    offset = start // value.dtype.itemsize
    return View(state.memory, value.dtype, value.shape, contiguous(value.shape), offset)


def _split(works: list[Kernel], shared: Sequence[View]) -> tuple[list[Kernel], list[Kernel]]:
    """Kernels that compute the same in every step, and the others."""
    fixed = {view.buffer for view in shared}
    writers: dict[Buffer, int] = {}
    for work in works:
        for view in work.results:
            writers[view.buffer] = writers.get(view.buffer, 0) + 1
    early, late = [], []
    for work in works:
        read = {view.buffer for view in work.operands}
        made = {view.buffer for view in work.results}
        own = all(buffer.kind == "arena" and writers[buffer] == 1 for buffer in made)
        if own and read and read <= fixed and not work.may_fail and not isinstance(work, Loop):
            early.append(work)
            fixed |= made
        else:
            late.append(work)
    return early, late
