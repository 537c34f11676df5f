"""Ctrl-C, or a polite kill, that waits for the end of the step: nothing is left half updated."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

__all__ = ["Interruptible"]


class Interruptible:
    """Inside the `with` block the first Ctrl-C only sets `requested`; a second one interrupts.

    SIGTERM, with which systems ask a process to end, counts as Ctrl-C unless the program has a
    handler of its own. Signals reach the main thread only; in other threads nothing changes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruptible:
        if threading.current_thread() is threading.main_thread():
            self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._on_signal)
            if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
                self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            if handler is not None:  # None: not installed from Python
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
