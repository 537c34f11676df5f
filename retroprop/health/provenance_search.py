"""From a result that is not finite back to where that began.

A NaN is followed through operands that are NaN, an infinity through infinite ones, to the first op
in the order of execution that made it of finite numbers - or to what was given so. A NaN that
infinities made (inf - inf, 0 * inf) goes on to the op that made these, unless they were put there
on purpose, as masks do with -inf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from retroprop.health.provenance_trace import Event, Given, Source

__all__ = ["Origin", "ancestors", "origin"]


class Origin(NamedTuple):
    """Where it began.

    Attributes:
        event: the op that made it, or the first that read what was given so.
        kind:  "nan" or "inf".
        given: what was not finite already, or None.
        cause: an event of the forward pass that was not finite either, but did not reach the loss.
        phase: in which what was given did harm, where that is not the event's.
    """

    event: Event
    kind: str
    given: Given | None = None
    cause: Event | None = None
    phase: str = ""

    @property
    def order(self) -> tuple[int, bool]:
        """By what the first of several is chosen."""
        number = self.event.number if self.given is None else self.given.number
        return number, self.given is None


def origin(roots: Iterable[Source], events: Sequence[Event]) -> Origin | None:
    """Where the first of these results that is not finite began to be so."""
    found = min(_Search(events).run(roots), key=lambda one: one.order, default=None)
    if found is not None and found.given is not None and not found.given.name:
        return found._replace(given=None)  # a number in the code: the op that it is given to
    return found


class _Search:
    """One walk back through the events."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events

    def run(self, roots: Iterable[Source]) -> Iterator[Origin]:
        """All places where it may have begun."""
        todo = [(root, kind, "") for root in roots if (kind := _kind(root))]
        seen: set[tuple[int, int, str]] = set()
        while todo:
            source, kind, phase = todo.pop()
            event = source.event
            if event is None:
                assert source.given is not None
                yield self._of_given(source.given, kind)._replace(phase=phase)
                continue
            if (event.number, source.output, kind) in seen:
                continue
            seen.add((event.number, source.output, kind))
            parents = _parents(event, kind)
            if event.phase != "forward" and (met := self._from_forward(event, kind, parents)):
                yield met
                continue
            if event.born[kind] is not None or not parents:
                yield from self._birth(event, kind)
            late = "" if event.phase == "forward" else event.phase
            todo += [(parent, kind, late) for parent in parents]

    def _birth(self, event: Event, kind: str) -> Iterator[Origin]:
        """An event that made it of finite numbers, or a NaN of infinite ones."""
        met = zip(event.sources, event.met_inf, strict=False) if kind == "nan" else ()
        infinite = [source for source, is_inf in met if is_inf]
        if event.phase != "forward" and (hidden := self._from_forward(event, "inf", infinite)):
            yield hidden
            return
        earlier = [one for one in self.run(infinite) if not _on_purpose(one)]
        yield from earlier or [Origin(event, kind)]

    def _from_forward(self, event: Event, kind: str, parents: Sequence[Source]) -> Origin | None:
        """Of a backward event: whether it met what the forward pass left out of the loss."""
        for parent in parents:
            if parent.event is not None and parent.event.phase == "forward":
                before = min(self.run([parent]), key=lambda one: one.order, default=None)
                if before is not None and before.given is not None and not _on_purpose(before):
                    return before._replace(phase=event.phase)
                return Origin(event, _kind_made(event), None, before and before.event)
        return None

    def _of_given(self, given: Given, kind: str) -> Origin:
        """With the first op that computes with it: not one that takes it apart only."""
        moved: set[int] = set()
        for event in self.events[given.number :]:
            numbers = (source.event.number for source in event.sources if source.event is not None)
            if any(source.given is given for source in event.sources) or moved & {*numbers}:
                if event.op.form != "view":
                    return Origin(event, kind, given)
                moved.add(event.number)
        return Origin(self.events[min(given.number, len(self.events) - 1)], kind, given)


def _kind(source: Source) -> str:
    what = source.summary
    return "nan" if what.nan else "inf" if what.inf else ""


def _kind_made(event: Event) -> str:
    return "nan" if any(one.nan for one in event.made) else "inf"


def _parents(event: Event, kind: str) -> list[Source]:
    """The operands that an event has it from."""
    pairs = zip(event.sources, event.inherits[kind], strict=False)
    found = [source for source, has in pairs if has]
    if not found and kind == "inf" and event.born["inf"] is None:  # NaN may turn into an extreme
        pairs = zip(event.sources, event.inherits["nan"], strict=False)
        found = [source for source, has in pairs if has]
    return found


def _on_purpose(one: Origin) -> bool:
    """Whether infinities were put there by the user: numbers in the code, masks.

    What is given as data counts as a mask where each sample has it, and only -inf.
    """
    given = one.given
    if given is None or given.summary.nan:
        return False
    if given.kind == "constant":
        return True
    lowest = given.array == -np.inf
    if given.kind != "argument" or lowest.sum() != given.summary.inf or lowest.ndim < 2:
        return False
    return bool(lowest.reshape(len(lowest), -1).any(axis=1).all())


def ancestors(source: Source) -> list[Event]:
    """The events that something was computed from, in the order of execution."""
    found: dict[int, Event] = {}
    todo = [source.event]
    while todo:
        event = todo.pop()
        if event is not None and event.number not in found:
            found[event.number] = event
            todo += [one.event for one in event.sources]
    return [found[number] for number in sorted(found)]
