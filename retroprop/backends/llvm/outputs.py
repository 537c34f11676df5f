"""Where the results of a graph go: computed where the caller wants them, or copied at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retroprop.backends.llvm.indexing import Put
from retroprop.backends.llvm.kernel import Buffer, View
from retroprop.backends.llvm.produce import copied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retroprop.backends.llvm.lower import Lowered
    from retroprop.ir import Value

__all__ = ["settle", "settle_into"]


def settle(lowered: Lowered) -> list[Buffer]:
    """Give every output of the graph its buffer; returns them."""
    graph, count = lowered.graph, len(lowered.graph.inputs)
    outputs: list[Buffer] = []
    late: list[tuple[View, View]] = []
    taken: set[Value] = set()
    returned = {lowered.root.get(v, v) for v in graph.outputs}
    for number, value in enumerate(graph.outputs):
        slot = lowered.donated.get(number, count + number)
        if slot < count and value is graph.inputs[slot]:
            outputs.append(lowered.inputs[slot])
            continue
        old = graph.inputs[slot] if slot < count else None
        fits = value not in taken and _lies_so(lowered, value, slot)
        if fits and _computed_in_place(lowered, value, old, returned):
            buffer = lowered.view(value).buffer
            buffer.kind, buffer.slot, buffer.what = "slot", slot, f"output {number}"
            taken.add(value)
        else:
            size = lowered.view(value).size * value.dtype.itemsize
            buffer = Buffer(size, "slot", slot, f"output {number}")
            to = lowered.whole(buffer, value, slot)
            late.append((to, lowered.view(value)))
        outputs.append(buffer)
    _copy_late(lowered, late)
    return outputs


def settle_into(lowered: Lowered, targets: Sequence[View]) -> list[Buffer]:
    """Let the outputs of a body be computed in their places, or copied there; returns these."""
    taken: set[Value] = set()
    late: list[tuple[View, View]] = []
    for value, target in zip(lowered.graph.outputs, targets, strict=True):
        place = target.buffer.place
        fits = value not in taken and _computed_in_place(lowered, value, None, set())
        if fits and place is not None and lowered.view(value).strides == target.strides:
            buffer = lowered.view(value).buffer
            buffer.put(place)
            taken.add(value)
        else:
            late.append((target, lowered.view(value)))
    unit = lowered.new_unit()
    unit.works += [copied(to, source) for to, source in late]
    return [target.buffer for target in targets]


def _lies_so(lowered: Lowered, value: Value, slot: int) -> bool:
    """Whether a value is computed in the order in which its slot lies."""
    view = lowered.view(value)
    want = lowered.whole(view.buffer, value, slot).strides
    pairs = zip(view.shape, view.strides, want, strict=True)
    return all(n <= 1 or have == stride for n, have, stride in pairs)


def _computed_in_place(
    lowered: Lowered, value: Value, old: Value | None, returned: set[Value]
) -> bool:
    """Whether the unit that makes a value may write straight into the caller's memory."""
    unit, root = lowered.unit_of.get(value), lowered.root
    if unit is None or root.get(value, value) is not value or value.constant is not None:
        return False
    if old is None:
        return True
    if unit.index <= lowered.last_failing:  # state changes only once nothing can fail any more
        return False
    last = lowered.last_reader.get(old, -1)
    if old in returned or last > unit.index:
        return False
    if last < unit.index:
        return True
    if unit.works and isinstance(unit.works[0], Put):
        return unit.works[0].may_replace(lowered.view(old))
    aligned = unit.shape == value.shape and unit.reduced is None
    readers = [v for v in unit.outside if root.get(v, v) is old]
    return aligned and readers == [old]


def _copy_late(lowered: Lowered, late: list[tuple[View, View]]) -> None:
    """Copies into the caller's memory, through room of our own where one reads another."""
    written = {to.buffer.slot for to, _ in late}
    unit = lowered.new_unit()
    ready: list[tuple[View, View]] = []
    for to, source in late:
        if source.buffer.kind == "slot" and source.buffer.slot in written:
            room = to._replace(buffer=Buffer(to.buffer.size, what="copy"))
            unit.works.append(copied(room, source))
            source = room  # noqa: PLW2901
        ready.append((to, source))
    unit.works += [copied(to, source) for to, source in ready]
