"""Loops: kernels that run once for each step, on memory that moves along from step to step.

What is carried lies in a history of all steps where these are wanted afterwards, in two places in
turn otherwise. So neither sequences nor what is carried are ever copied, but for the first state.
Kernels that compute the same in every step, such as the packing of a weight, run before the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from retroprop.backends.llvm.kernel import Buffer, Kernel, Place, View, contiguous
from retroprop.backends.llvm.produce import Call, copied
from retroprop.backends.llvm.schedule import (
    ALL_ROWS,
    Group,
    Schedule,
    plan_memory,
    schedule,
    touches,
)

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

    def close(
        self, works: list[Kernel], results: Sequence[View], operands: Sequence[View]
    ) -> None:
        """What it consists of, what it writes and what it reads."""
        self.works = works
        room = View(self.room, results[0].dtype if results else operands[0].dtype, (), ())
        self.results, self.operands = (*results, room), tuple(operands)
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
        self.groups = [group for segment in found.segments for group in segment]  # type: ignore[union-attr]
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
        start:  where the first is; `last`: where the last will be.
        source, target: where a step finds it, and where it leaves it.
        before, after:  where the states before and after each step begin, in the order of the
                sequences; None where they are not kept.
    """

    memory: Buffer
    start: int
    last: int
    source: View
    target: View
    before: int | None
    after: int | None


def place_loop(outer: Lowered, unit: Unit, node: Node) -> bool:
    """Lower a loop into a unit; False where some of its body has no native code."""
    body, carried, sliced = (node.attributes[key] for key in ("body", "carried", "sliced"))
    length, reverse = node.attributes["length"], node.attributes["reverse"]
    operands = [outer.view(operand, unit) for operand in node.operands]
    loop = Loop(length)
    results = body.outputs[carried:]
    states = [
        _state(loop, body.inputs[k], kept=body.inputs[k] in results or body.outputs[k] in results, reverse=reverse)
        for k in range(carried)
    ]
    given = [
        *(state.source for state in states),
        *(_slice(loop, view, reverse) for view in operands[carried : carried + sliced]),
        *operands[carried + sliced :],
    ]
    targets = [state.target for state in states]
    placed: list[tuple[Value, View]] = []
    for number, value in enumerate(body.outputs):
        output = node.outputs[number]
        if number < carried:
            placed.append((output, _at(states[number], output, states[number].last)))
            continue
        place = _in_history(states, body.inputs[:carried], body.outputs[:carried], value)
        if place is not None:
            placed.append((output, _at(*place[:1], output, place[1])))
            continue
        buffer = Buffer(_size(output), what="scan")
        whole = View(buffer, output.dtype, output.shape, contiguous(output.shape))
        targets.append(_slice(loop, whole, reverse))
        placed.append((output, whole))
    wanted = [v for n, v in enumerate(body.outputs) if n < carried or _in_history(states, body.inputs[:carried], body.outputs[:carried], v) is None]
    inner = outer.body(type(body)(body.inputs, body.nodes, wanted), given, targets)
    if any(isinstance(work, Call) for work in inner.works):
        return False
    outer.constants += inner.constants
    for state, view in zip(states, operands[:carried], strict=True):
        first = View(state.memory, view.dtype, view.shape, contiguous(view.shape), state.start // view.dtype.itemsize)
        unit.works.append(copied(first, view))
    for output, view in placed:
        outer.views[output], outer.unit_of[output] = view, unit
        if view.buffer in {state.memory for state in states}:
            outer.root[output] = body.inputs[0]
    early, works = _split([w for w in inner.works if isinstance(w, Kernel)], operands[carried + sliced :])
    unit.works += early
    made = [view for work in early for view in work.results]
    written = {view.buffer: view for _, view in placed}
    written.update({s.memory: View(s.memory, s.source.dtype, (), ()) for s in states})
    loop.close(works, list(written.values()), [*operands[carried:], *made])
    unit.works.append(loop)
    if loop.may_fail:
        outer.last_failing = unit.index
    return True


def _size(value: Value) -> int:
    size = value.dtype.itemsize
    for one in value.shape:
        size *= one
    return size


def _state(loop: Loop, value: Value, *, kept: bool, reverse: bool) -> _Carried:
    """Memory for something that is carried."""
    size, length = _size(value), loop.length
    if not kept:
        memory = Buffer(2 * size, what="carried")
        ring = 2 * size
        places = Place(memory, loop, 0, size, ring), Place(memory, loop, size, size, ring)
        ends = 0, size * (length % 2), None, None
    else:
        memory = Buffer((length + 1) * size, what="history")
        if reverse:
            places = Place(memory, loop, length * size, -size), Place(memory, loop, (length - 1) * size, -size)
            ends = length * size, 0, size, 0
        else:
            places = Place(memory, loop, 0, size), Place(memory, loop, size, size)
            ends = 0, length * size, 0, size
    views = []
    for place in places:
        buffer = Buffer(size, what="carried")
        buffer.put(place)
        views.append(View(buffer, value.dtype, value.shape, contiguous(value.shape)))
    start, last, before, after = ends
    return _Carried(memory, start, last, views[0], views[1], before, after)


def _slice(loop: Loop, view: View, reverse: bool) -> View:
    """One step of a sequence."""
    item = view.dtype.itemsize
    step = view.strides[0] * item
    start = view.offset * item + (step * (loop.length - 1) if reverse else 0)
    buffer = Buffer(view.buffer.size // max(loop.length, 1), what=view.buffer.what)
    buffer.put(Place(view.buffer, loop, start, -step if reverse else step))
    return View(buffer, view.dtype, view.shape[1:], view.strides[1:])


def _in_history(
    states: Sequence[_Carried], before: Sequence[Value], after: Sequence[Value], value: Value
) -> tuple[_Carried, int] | None:
    """The state that keeps a result of all steps, and where that begins; None if there is none."""
    for state, old, new in zip(states, before, after, strict=True):
        if value is old and state.before is not None:
            return state, state.before
        if value is new and state.after is not None:
            return state, state.after
    return None


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
