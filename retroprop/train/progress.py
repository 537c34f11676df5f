"""Live progress: one line that is redrawn on a terminal, plain lines everywhere else.

    epoch 3/10 ████████▌░░░░░░░  52%  41/79  loss 0.4312  val accuracy 0.8610  lr 0.001  1:23 left
    epoch 3/10  loss 0.4312  accuracy 0.8470  val loss 0.4010  val accuracy 0.8610  lr 0.001  12.3 s

The first line is live, the second stays when the epoch is over.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import Any, TextIO

from retroprop.errors import unknown

__all__ = ["Progress", "duration", "number"]

_REDRAW_SECONDS = 0.1
_HEARTBEAT_SECONDS = 10.0  # then twice as long each time, so that a long epoch stays readable
_LONGEST_HEARTBEAT_SECONDS = 300.0
_WIDEST_BAR, _NARROWEST_BAR = 30, 6
_UNICODE, _ASCII = ("█", "▌", "░"), ("#", "", "-")
_STYLES = ("auto", "bar", "lines", "silent")
# What goes first when the terminal is too narrow for everything.
_DROP = ("steps", "rate", "lr", "validation", "bar", "loss", "left", "stage", "percent")
# Of the line of a finished epoch; the scores of the training go before all of these.
_LAST = ("lr", "val_loss", "seconds", "loss")


class Progress:
    """Shows how a training goes; needs nothing but a stream.

    Args:
        enabled: False shows nothing at all.
        style:   "bar" redraws one line, at most ten times a second; "lines" prints one line per
                 epoch, and a sign of life when an epoch takes longer than ten seconds; "silent";
                 "auto" is "bar" on a terminal, "lines" elsewhere.
        stream:  where to; standard error when None, so that standard output stays clean.
        clock:   seconds, never going back.

    Nothing that happens to the stream stops a training: when it is closed, progress goes silent.

    Example:
        >>> import io
        >>> out, seconds = io.StringIO(), iter(range(100))
        >>> progress = Progress(stream=out, clock=lambda: next(seconds))
        >>> with progress.fit(epochs=1, steps=2):
        ...     progress.epoch_begin(1)
        ...     progress.step(1, loss=0.5)
        ...     progress.step(2, loss=0.25)
        ...     progress.epoch_end({"epoch": 1, "loss": 0.25, "val_accuracy": 0.5, "seconds": 3.0})
        >>> out.getvalue().strip()
        'epoch 1/1  loss 0.2500  val accuracy 0.5000  3.0 s'
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        style: str = "auto",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if style not in _STYLES:
            raise unknown("style of progress", style, _STYLES)
        self._stream = sys.stderr if stream is None else stream
        if style == "auto":
            style = "bar" if _is_terminal(self._stream) else "lines"
        self.style = style if enabled and self._stream is not None else "silent"
        self._clock = clock
        self._glyphs = _UNICODE if _can_show(self._stream, "".join(_UNICODE)) else _ASCII
        self._live = ""  # what stands on the terminal's last line
        self._epochs = 0
        self._steps: int | None = None
        self._epoch_seconds: list[float] = []
        self._validation: dict[str, Any] = {}
        self._enter(0)

    def _enter(self, epoch: int) -> None:
        self._epoch, self._stage = epoch, ""
        self._step, self._examples = 0, 0
        self._first_step: int | None = None
        self._numbers: dict[str, Any] = {}
        self._began = self._last_draw = self._clock()
        self._heartbeat = _HEARTBEAT_SECONDS
        self._next_heartbeat = self._began + self._heartbeat

    @contextmanager
    def fit(self, *, epochs: int, steps: int | None = None) -> Iterator[Progress]:
        """Around the epochs: `epochs` in all, of `steps` steps each (None: not known).

        However it ends, the terminal is left on a fresh line.
        """
        self._epochs, self._steps = epochs, steps
        self._epoch_seconds, self._validation = [], {}
        self._enter(0)
        try:
            yield self
        finally:
            if self._live:
                self._emit("\n")
                self._live = ""

    def epoch_begin(self, epoch: int) -> None:
        """Epoch number `epoch`, counted from 1, begins."""
        self._enter(epoch)
        if self.style == "bar":
            self._draw(self._began)

    def step(self, step: int, *, examples: int = 0, **numbers: float) -> None:
        """`step` steps of the epoch are done; the last one took `examples` examples.

        `numbers` are shown by name: loss, lr, ... Without `examples` the speed is in steps.
        """
        if self.style == "silent":
            return
        if self._first_step is None:
            self._first_step = step - 1  # a resumed run may enter in the middle of an epoch
        self._step, self._numbers, self._stage = step, numbers, ""
        self._examples += examples
        self._tick()

    def stage(self, text: str) -> None:
        """What happens now that is not a step ("validating")."""
        self._stage = text
        if self.style == "bar":
            self._draw(self._clock())

    def epoch_end(self, record: Mapping[str, Any]) -> None:
        """The epoch is over; its numbers stay on a line of their own."""
        now = self._clock()
        self._epoch_seconds.append(now - self._began)
        self._validation = {
            name: value
            for name, value in record.items()
            if name.startswith("val_") and _is_number(value)
        }
        if self.style != "silent":
            self._print(self._finished(record))

    def _finished(self, record: Mapping[str, Any]) -> str:
        """The line of a finished epoch; on a terminal without what does not fit on one line."""
        width = _columns(self._stream) if self.style == "bar" else math.inf
        validated = any(name.startswith("val_") for name in record)
        trained = [n for n in record if validated and not n.startswith("val_") and n not in _DROP]
        shown = dict(record)
        for name in ("", *(n for n in trained if n not in _LAST), *_LAST):
            shown.pop(name, None)
            line = "  ".join([self._heading(), *_pieces(shown)])
            if len(line) <= width:
                break
        return line

    def note(self, text: str) -> None:
        """A line of text above the live line."""
        if self.style != "silent":
            self._print(text)

    # -- the live line ---------------------------------------------------------------------------

    def _tick(self) -> None:
        now = self._clock()
        if self.style == "bar" and now - self._last_draw >= _REDRAW_SECONDS:
            self._draw(now)
        elif self.style == "lines" and now >= self._next_heartbeat:
            self._heartbeat = min(2 * self._heartbeat, _LONGEST_HEARTBEAT_SECONDS)
            self._next_heartbeat = now + self._heartbeat
            texts = self._texts(now)
            self._emit("  ".join([self._heading(), *texts.values()]) + "\n")

    def _draw(self, now: float) -> None:
        self._last_draw = now
        line = self._line(_columns(self._stream) - 1, self._texts(now))
        self._emit("\r" + line + " " * (len(self._live) - len(line)))
        self._live = line

    def _print(self, text: str) -> None:
        """A line that stays, in place of the live one."""
        start = "\r" if self._live else ""
        self._emit(start + text + " " * (len(self._live) - len(text)) + "\n")
        self._live = ""

    def _heading(self) -> str:
        total = str(self._epochs)
        return f"epoch {self._epoch:>{len(total)}}/{total}"

    def _texts(self, now: float) -> dict[str, str]:
        """The parts of the live line but for heading and bar, in the order of reading."""
        texts = {}
        share = self._share()
        if share is not None:
            texts["percent"] = f"{math.floor(100 * share):3d}%"
        if self._stage:
            texts["stage"] = self._stage
        elif self._steps:
            texts["steps"] = f"{self._step:>{len(str(self._steps))}}/{self._steps}"
        elif self._step:
            texts["steps"] = f"step {self._step}"
        if "loss" in self._numbers:
            texts["loss"] = f"loss {number(self._numbers['loss'])}"
        shown = [name for name in self._validation if name != "val_loss"] or [*self._validation]
        if shown:
            texts["validation"] = _labelled(shown[0], self._validation[shown[0]])
        for name, value in self._numbers.items():
            if name != "loss":
                texts[name] = _labelled(name, value)
        rate, left = self._rate(now), self._left(now)
        if rate:
            texts["rate"] = rate
        if left is not None:
            texts["left"] = f"{duration(left)} left"
        return texts

    def _line(self, width: int, texts: dict[str, str]) -> str:
        """Heading, bar and as many texts as fit."""
        heading = self._heading()
        bar = self._share() is not None
        for part in ("", *(name for name in texts if name not in _DROP), *_DROP):
            texts.pop(part, None)
            bar = bar and part != "bar"
            fixed = len("  ".join([heading, *texts.values()]))
            room = width - fixed - 1
            if room >= (_NARROWEST_BAR if bar else -1):
                break
        drawn = " " + self._bar(min(room, _WIDEST_BAR)) if bar else ""
        return "  ".join([heading + drawn, *texts.values()])[: max(width, 0)]

    def _bar(self, width: int) -> str:
        full, half, empty = self._glyphs
        filled = (self._share() or 0.0) * width
        text = full * int(filled) + (half if filled % 1 >= 0.5 else "")
        return text + empty * (width - len(text))

    def _share(self) -> float | None:
        return min(self._step / self._steps, 1.0) if self._steps else None

    def _rate(self, now: float) -> str:
        done = self._step - (self._first_step or 0)
        seconds = now - self._began
        if self._stage or not done or seconds <= 0:
            return ""
        if self._examples:
            return f"{_short(self._examples / seconds)}/s"
        return f"{_short(done / seconds)} steps/s"

    def _left(self, now: float) -> float | None:
        """Seconds to the end of the last epoch, from how long epochs and steps took so far."""
        share = self._share()
        if share is None:
            return None
        here = now - self._began
        recent = self._epoch_seconds[-5:]
        entered = (self._first_step or 0) / (self._steps or 1)
        if recent:  # validation included
            one = sum(recent) / len(recent)
        elif share > entered:
            one = here / (share - entered)
        else:
            return None
        return max(one * (1 - share), 0.0) + one * (self._epochs - self._epoch)

    def _emit(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):  # the pipe or the file behind it is closed
            self.style, self._live = "silent", ""


def number(value: float) -> str:
    """A number as progress lines show it: four decimals where that says something.

    Example:
        >>> [number(value) for value in (0.43123, 12.5, 0.00002, 123456.0, float("nan"))]
        ['0.4312', '12.5000', '2.000e-05', '1.235e+05', 'nan']
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.4f}" if 0.001 <= abs(value) < 10_000 else f"{value:.3e}"


def duration(seconds: float) -> str:
    """A time span in the form of a clock.

    Example:
        >>> [duration(value) for value in (4, 83, 7384, 180_000)]
        ['0:04', '1:23', '2:03:04', '2 d 02:00']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24:02d}:{minutes:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _pieces(record: Mapping[str, Any]) -> list[str]:
    """What a finished epoch says, each number by name."""
    pieces = []
    for name, value in record.items():
        if name == "epoch" or not _is_number(value):
            continue
        pieces.append(f"{value:.1f} s" if name == "seconds" else _labelled(name, value))
    return pieces


def _labelled(name: str, value: Any) -> str:
    text = f"{value:.3g}" if name == "lr" else number(value)
    return f"{name.replace('_', ' ')} {text}"


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _short(value: float) -> str:
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.1f}{unit}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def _can_show(stream: Any, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _columns(stream: Any) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (AttributeError, OSError, ValueError):
        return 80
