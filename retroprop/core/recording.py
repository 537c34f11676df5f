"""Whether a function is being traced, and what has changed since a compiled program last looked.

`active` counts the traces of all threads, so that code which is not being traced pays for
one look at a module variable; which recorder a thread has is asked only when some thread has one.
`writes` moves when a cell is assigned from outside, `changes` too when a flag is. Programs that
see the number they saw last time need not look at their cells at all. No number comes twice.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any

__all__ = ["changed", "current", "enter", "leave", "made", "wrote"]

active = 0  # traces under way in any thread
changes = 0  # of flags and hyperparameters, see `changed`
writes = 0  # of these and of cells, see `wrote`


class _Local(threading.local):
    recorder: Any = None  # the innermost, where a body is recorded inside a function


_local = _Local()
_lock = threading.Lock()
_numbers = itertools.count(1)


def current() -> Any:
    """The recorder of this thread, or None."""
    return _local.recorder


def enter(recorder: Any) -> None:
    """Let a recorder see what this thread does, until `leave`."""
    global active  # noqa: PLW0603
    with _lock:
        active += 1
    _local.recorder = recorder


def leave(recorder: Any) -> None:
    """End a trace of this thread: the one around it, if any, goes on."""
    global active  # noqa: PLW0603
    _local.recorder = recorder.parent
    with _lock:
        active -= 1


def made(cell: Any) -> None:
    """Say that a cell was made; only called while some trace is under way."""
    if _local.recorder is not None:
        _local.recorder.own(cell)


def wrote() -> None:
    """Say that a cell holds something else: compiled programs then look where their state is."""
    global writes  # noqa: PLW0603
    writes = next(_numbers)


def changed() -> None:
    """Say that a flag or hyperparameter was assigned: compiled programs then check their guards."""
    global changes, writes  # noqa: PLW0603
    changes = writes = next(_numbers)
