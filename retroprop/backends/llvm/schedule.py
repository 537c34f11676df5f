"""The order of kernels, where threads have to meet, and where in the arena each buffer lies.

Works are taken as their reads and writes allow. Two kernels need no barrier between them when they
have the same rows and touch what they share slab by slab: the thread that makes a slab is the one
that reads it. So, of what could run next, whatever needs no barrier runs first, and first of all
what goes on with the rows just computed: a product, its bias, its activation, the next product.
Kernels that follow each other on the same rows make a group, which runs block of rows by block of
rows while these are in cache.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Collection, Sequence

from retroprop.backends.llvm.kernel import Buffer, Kernel
from retroprop.backends.llvm.produce import Call

__all__ = [
    "ALL_ROWS",
    "Group",
    "Schedule",
    "is_worth_threads",
    "plan_memory",
    "schedule",
    "touches",
]

Work = Kernel | Call

ALL_ROWS = -1  # of a loop: its kernels have rows, it has not; all threads run it together

_FLOPS, _BYTES = 3e10, 1.5e10  # of one core, to guess how long work takes
_SERIAL_SECONDS = 0.7e-6  # below it a kernel is left to one thread
_PARALLEL_SECONDS = 25e-6  # below it a whole step is
_SHARES = 12  # units of rows below which they would make shares unequal
_ALIGNED = 128  # bytes that buffers are apart, so that their starts fall into different sets


class Group:
    """Kernels that run together on blocks of the same rows.

    Attributes:
        kernels: in order.
        rows:    how many rows they have; 1 for a kernel that one thread runs whole.
        before:  "" or "barrier" or "check" (a barrier, then leave if an error was found).
    """

    def __init__(self, kernel: Kernel, rows: int, before: str) -> None:
        self.kernels, self.rows, self.before = [kernel], rows, before


class Schedule:
    """What runs in which order.

    Attributes:
        segments: lists of groups that one native call runs, and single Calls between them.
        parallel: whether threads pay at all.
        units:    for each number of rows, the multiple in which threads take them.
        order:    all works; `epoch` of each, which rises at every barrier.
        peak:     bytes of the arena, after `plan_memory`.
    """

    def __init__(self, parallel: bool) -> None:
        self.parallel = parallel
        self.segments: list[list[Group] | Call] = []
        self.units: dict[int, int] = {}
        self.order: list[tuple[Work, int]] = []
        self.peak = 0


def seconds(kernel: Kernel) -> float:
    """A guess at the time of a kernel on one core."""
    return max(kernel.flops / _FLOPS, kernel.bytes / _BYTES)


def is_worth_threads(works: Sequence[Work]) -> bool:
    """Whether a step is long enough for several threads."""
    kernels = [work for work in works if isinstance(work, Kernel)]
    return sum(map(seconds, kernels)) > _PARALLEL_SECONDS


def schedule(works: Sequence[Work], *, parallel: bool) -> Schedule:
    """Order works and group them.

    Args:
        works:    in a legal order.
        parallel: whether several threads will run it.
    """
    return _Scheduler(works, parallel).run()


class _Scheduler:
    def __init__(self, works: Sequence[Work], parallel: bool) -> None:
        self.works, self.result = works, Schedule(parallel)
        self.waiting, self.followers = _dependencies(works)
        big = [w for w in works if isinstance(w, Kernel) and seconds(w) >= _SERIAL_SECONDS]
        common = {kernel.rows for kernel in big if kernel.rows != ALL_ROWS}
        for rows in common:
            self.result.units[rows] = _unit([w for w in works if _has_rows(w, rows)])
        self.rows = [self._cut_rows(work, common) for work in works]
        self.touches = [touches(work, rows) for work, rows in zip(works, self.rows, strict=True)]
        self.epoch = 0
        self.last: Work | None = None
        # What kernels since the last barrier have touched, by buffer, and who has to wait for one.
        self.touched: dict[object, set[Touch]] = {}
        self.blocked: set[int] = set()
        self.unchecked = False  # whether a kernel that may fail has run since the last check
        self.groups: list[Group] = []

    def _cut_rows(self, work: Work, common: set[int]) -> int:
        """Rows by which a work is cut; 1 when one thread runs it whole."""
        if isinstance(work, Call) or not self.result.parallel:
            return 1
        return work.rows if work.rows in common or work.rows == ALL_ROWS else 1

    def run(self) -> Schedule:
        ready = sorted(i for i, count in enumerate(self.waiting) if not count)
        while ready:
            position = self._next(ready)
            number = ready.pop(position)
            self._take(number)
            for follower in self.followers[number]:
                self.waiting[follower] -= 1
                if not self.waiting[follower]:
                    ready.append(follower)
            ready.sort()
        self._close()
        return self.result

    def _next(self, ready: list[int]) -> int:
        """Of what may run: what goes on with these rows, else what needs no barrier, else any."""
        if not self.result.parallel:
            return self._next_on_one_thread(ready)
        rows = self.groups[-1].rows if self.groups else None
        free = None
        for position, number in enumerate(ready):
            if number in self.blocked or isinstance(self.works[number], Call):
                continue
            if self._commits(number):
                continue
            if self._conflicts(number):
                self.blocked.add(number)
            elif self.rows[number] == rows:
                return position
            elif free is None:
                free = position
        return 0 if free is None else free

    def _next_on_one_thread(self, ready: list[int]) -> int:
        """What reads what has just been made, else the first in the given order."""
        if self.last is not None:
            made = {view.buffer.key for view in self.last.results}
            for position, number in enumerate(ready):
                reads = {view.buffer.key for view in self.works[number].operands}
                if not made.isdisjoint(reads) and isinstance(self.works[number], Kernel):
                    return position
        return 0

    def _commits(self, number: int) -> bool:
        """Whether a kernel changes the caller's state while an error might still be hidden."""
        return self.unchecked and _writes_state(self.works[number])

    def _take(self, number: int) -> None:
        work = self.works[number]
        if isinstance(work, Call):
            self._close()
            self.result.segments.append(work)
            self.epoch += 1
            self.result.order.append((work, self.epoch))
            self.epoch += 1
            return
        before = ""
        if self._commits(number):
            before, self.unchecked = "check", False
        elif self.result.parallel and self._conflicts(number):
            before, self.unchecked = ("check" if self.unchecked else "barrier"), False
        if before or not self.result.parallel:
            self.epoch += 1
        if before:
            self.touched, self.blocked = {}, set()
        rows = self.rows[number]
        if self.groups and not before and self.groups[-1].rows == rows:
            self.groups[-1].kernels.append(work)
        else:
            self.groups.append(Group(work, rows, before))
        self.last = work
        for key, touch in self.touches[number]:
            self.touched.setdefault(key, set()).add(touch)
        self.unchecked = self.unchecked or work.may_fail
        self.result.order.append((work, self.epoch))

    def _close(self) -> None:
        """End a native segment."""
        if self.groups:
            self.result.segments.append(self.groups)
        self.groups, self.last, self.unchecked = [], None, False
        self.touched, self.blocked = {}, set()

    def _conflicts(self, number: int) -> bool:
        """Whether a barrier has to stand before a kernel: it shares memory with one since the last
        barrier, one of them writes, and the same rows are not the same slabs.
        """
        for key, (rows, slab, writes) in self.touches[number]:
            for before, its, written in self.touched.get(key, ()):
                alike = rows == before and (rows == 1 or (slab is not None and slab == its))
                if (writes or written) and not alike:
                    return True
        return False


def _has_rows(work: Work, rows: int) -> bool:
    return isinstance(work, Kernel) and work.rows == rows


def _unit(kernels: Sequence[Work]) -> int:
    """The multiple of rows by which threads share kernels: what has to stay whole, else what is
    best kept together and fills lines of the cache.
    """
    found = [kernel for kernel in kernels if isinstance(kernel, Kernel)]
    whole = math.lcm(*(kernel.whole for kernel in found))
    if whole > 1:
        return whole
    best = max(-(-_line_of(kernel) // kernel.block) * kernel.block for kernel in found)
    # Where there are few, equal shares matter more.
    return best if found[0].rows >= _SHARES * best else 1


def _line_of(kernel: Kernel) -> int:
    """Rows that fill a cache line, where there are many: two threads should not write one line."""
    slab = min((s for s in kernel.slabs[: len(kernel.results)] if s), default=64)
    rows = -(-64 // slab)
    return rows if kernel.rows >= 64 * rows else 1


Touch = tuple[int, int | None, bool]  # rows by which a kernel is cut, its slab, whether it writes


def touches(work: Work, rows: int) -> list[tuple[object, Touch]]:
    """Every buffer that a kernel touches, and how."""
    if isinstance(work, Call):
        return []
    count = len(work.results)
    views = zip([*work.results, *work.operands], work.slabs, strict=True)
    return [(view.buffer.key, (rows, slab, i < count)) for i, (view, slab) in enumerate(views)]


def _writes_state(work: Work) -> bool:
    return any(view.buffer.kind == "slot" for view in work.results)


def _dependencies(works: Sequence[Work]) -> tuple[list[int], list[list[int]]]:
    """For each work how many it waits for, and who waits for it."""
    writers: dict[object, list[int]] = {}
    readers: dict[object, list[int]] = {}
    needs: list[set[int]] = []
    failing: list[int] = []
    for number, work in enumerate(works):
        need: set[int] = set()
        for view in (*work.operands, *work.waits):
            need.update(writers.get(view.buffer.key, ()))
        for view in work.results:
            key = view.buffer.key
            need.update(writers.get(key, ()))
            need.update(readers.get(key, ()))
        if isinstance(work, Kernel) and work.may_fail:
            failing.append(number)
        elif _writes_state(work):
            need.update(failing)
        need.discard(number)
        needs.append(need)
        for view in work.operands:
            readers.setdefault(view.buffer.key, []).append(number)
        for view in work.results:
            writers.setdefault(view.buffer.key, []).append(number)
    followers: list[list[int]] = [[] for _ in works]
    for number, need in enumerate(needs):
        for one in need:
            followers[one].append(number)
    return [len(need) for need in needs], followers


def plan_memory(
    order: Sequence[tuple[Work, int]], start: int = 0, only: Collection[Buffer] | None = None
) -> int:
    """Give every buffer of the arena its offset; returns the bytes the arena needs.

    A buffer may take the place of one that was last used before a barrier that it comes after.

    Args:
        order: works with their epochs.
        start: bytes at the beginning that are taken.
        only:  the buffers to place; all of the arena by default.
    """
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for work, epoch in order:
        for view in (*work.results, *work.operands):
            buffer = view.buffer.base
            if buffer in only if only is not None else buffer.kind == "arena":
                first.setdefault(buffer, epoch)
                last[buffer] = epoch
    placed = _Places(start)
    for buffer in sorted(first, key=first.__getitem__):
        placed.release(first[buffer])
        placed.put(buffer, last[buffer])
    return placed.peak


class _Places:
    """The stretches of the arena in use, by offset."""

    def __init__(self, start: int) -> None:
        self.start = self.peak = start
        self._used: list[tuple[int, int, int]] = []  # offset, end, epoch of the last use
        self._soonest = 0

    def release(self, epoch: int) -> None:
        """Forget what was last used before an epoch."""
        if epoch > self._soonest:
            self._used = [one for one in self._used if one[2] >= epoch]
            self._soonest = min((one[2] for one in self._used), default=epoch)

    def put(self, buffer: Buffer, last: int) -> None:
        """Into the smallest hole that holds it, else at the end."""
        need = -(-max(buffer.size, 1) // _ALIGNED) * _ALIGNED + _ALIGNED
        position, best, room = self.start, -1, 0
        for offset, end, _ in self._used:
            gap = offset - position
            if gap >= need and (best < 0 or gap < room):
                best, room = position, gap
            position = max(position, end)
        buffer.offset = position if best < 0 else best
        insort(self._used, (buffer.offset, buffer.offset + need, last))
        self._soonest = min(self._soonest, last)
        self.peak = max(self.peak, buffer.offset + need)
