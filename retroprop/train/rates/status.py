"""One line of progress for work of several runs, once it has taken two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from retroprop.train.progress import duration

__all__ = ["Status"]

_QUIET_SECONDS = 2.0
_REDRAW_SECONDS = 0.1
_KNOWN = 0.05  # share of the work after which the rest can be estimated
_LINE_SECONDS = 10.0  # then twice as long each time


class Status:
    r"""Says how far some work is: a line that is redrawn on a terminal, now and then one elsewhere.

    Args:
        enabled: False says nothing.
        stream:  where to; standard error when None.
        clock:   seconds, never going back.

    Example:
        >>> import io
        >>> out, seconds = io.StringIO(), iter([0.0, 1.0, 4.0])
        >>> status = Status(stream=out, clock=lambda: next(seconds))
        >>> status.tell("range test", 0.25)
        >>> status.tell("range test", 0.5)
        >>> out.getvalue()
        'range test  50%  0:04 left\n'
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._enabled = enabled and self._stream is not None
        self._live = self._enabled and self._stream.isatty()
        self._clock, self._began = clock, clock()
        self._next = self._began + _QUIET_SECONDS
        self._wait = _LINE_SECONDS
        self._shown = 0  # characters of the live line

    def tell(self, text: str, share: float) -> None:
        """What is done now, and which share of everything is done, from 0 to 1."""
        if not self._enabled:
            return
        now = self._clock()
        if now < self._next:
            return
        line = f"{text}  {100 * share:.0f}%"
        if share >= _KNOWN:
            line += f"  {duration((now - self._began) * (1 - share) / share)} left"
        if self._live:
            self._next = now + _REDRAW_SECONDS
            self._write("\r" + line.ljust(self._shown))
            self._shown = len(line)
        else:
            self._next, self._wait = now + self._wait, 2 * self._wait
            self._write(line + "\n")

    def close(self) -> None:
        """Leave a terminal on a clean line."""
        if self._shown:
            self._write("\r" + " " * self._shown + "\r")
            self._shown = 0

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the pipe or the file behind it is closed
            self._enabled = False
