"""Whether a function is being traced: the switch that cells and ops look at.

`active` counts the traces of all threads, so that code which is not being traced pays for
one look at a module variable; which recorder a thread has is asked only when some thread has one.
"""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["changed", "current", "enter", "leave", "made"]

active = 0  # traces under way in any thread
changes = 0  # rises when something changes that compiled programs rely on, see `changed`


class _Local(threading.local):
    recorder: Any = None


_local = _Local()
_lock = threading.Lock()


def current() -> Any:
    """The recorder of this thread, or None."""
    return _local.recorder


def enter(recorder: Any) -> None:
    """Let a recorder see what this thread does, until `leave`."""
    global active  # noqa: PLW0603
    with _lock:
        active += 1
    _local.recorder = recorder


def leave() -> None:
    """End the trace of this thread."""
    global active  # noqa: PLW0603
    _local.recorder = None
    with _lock:
        active -= 1


def made(cell: Any) -> None:
    """Say that a cell was made; only called while some trace is under way."""
    if _local.recorder is not None:
        _local.recorder.own(cell)


def changed() -> None:
    """Say that a flag or hyperparameter was assigned: compiled programs then check their guards."""
    global changes  # noqa: PLW0603
    changes += 1
