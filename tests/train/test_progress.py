"""What is shown while a model trains: on terminals of any width, in files, and when they break."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retroprop.errors import ArgumentError
from retroprop.train.progress import Progress, duration, number


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal of an encoding, and shows what its screen would."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        return bytes(self.buffer.getvalue()).decode(self.encoding)  # type: ignore[attr-defined]

    def screen(self) -> list[str]:
        """The lines after all carriage returns."""
        rows = []
        for row in self.text().split("\n"):
            shown = ""
            for part in row.split("\r"):
                shown = part + shown[len(part) :]
            rows.append(shown.rstrip())
        return rows


class Clock:
    """Seconds that pass only when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def train(progress: Progress, clock: Clock, *, epochs: int = 2, steps: int = 4) -> None:
    with progress.fit(epochs=epochs, steps=steps):
        for epoch in range(1, epochs + 1):
            progress.epoch_begin(epoch)
            for step in range(1, steps + 1):
                clock.now += 1.0
                progress.step(step, examples=32, loss=1 / step, lr=0.001)
            progress.stage("validating")
            clock.now += 1.0
            progress.epoch_end(
                {"epoch": epoch, "loss": 0.5, "val_loss": 0.25, "val_accuracy": 0.75, "lr": 0.001}
            )


def live(terminal: Terminal) -> list[str]:
    """Every state of the live line, without the padding that erases the one before."""
    parts = terminal.text().replace("\n", "\r").split("\r")
    return [part.rstrip() for part in parts if "%" in part]


def test_a_terminal_shows_one_line_that_moves() -> None:
    terminal, clock = Terminal(), Clock()
    train(Progress(stream=terminal, clock=clock), clock)
    drawn = live(terminal)
    assert drawn[2] == (
        "epoch 1/2 " + "█" * 9 + "░" * 9 + "   50%  2/4  loss 0.5000  lr 0.001  32/s  0:06 left"
    )
    assert drawn[-2] == (
        "epoch 2/2 ████████  100%  loss 0.2500  val accuracy 0.7500  lr 0.001  0:00 left"
    )
    assert "validating" in drawn[-1]
    tail = "loss 0.5000  val loss 0.2500  val accuracy 0.7500  lr 0.001"
    assert terminal.screen() == [f"epoch 1/2  {tail}", f"epoch 2/2  {tail}", ""]


def test_time_left_counts_validation() -> None:
    terminal, clock = Terminal(), Clock()
    train(Progress(stream=terminal, clock=clock), clock, epochs=3)
    start_of_second = next(line for line in live(terminal) if line.startswith("epoch 2/3"))
    assert start_of_second.endswith("0:10 left")  # two epochs of four steps and one validation


def test_ten_times_a_second_at_most() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(stream=terminal, clock=clock)
    with progress.fit(epochs=1, steps=1000):
        progress.epoch_begin(1)
        for step in range(1, 1001):
            clock.now += 0.001
            progress.step(step, loss=0.5)
    assert 9 <= len(live(terminal)) <= 11


@pytest.mark.parametrize("columns", [200, 100, 80, 60, 40, 25, 15, 8, 1])
def test_the_line_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr(Terminal, "fileno", lambda self: 1, raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: size)
    terminal, clock = Terminal(), Clock()
    progress = Progress(stream=terminal, clock=clock)
    with progress.fit(epochs=100, steps=400):
        progress.epoch_begin(7)
        for step in (1, 200, 400):
            clock.now += 1.0
            progress.step(step, examples=64, loss=12.5, lr=1e-4)
        drawn = terminal.text().split("\r")
    assert max(len(line) for line in drawn) < max(columns, 2)
    if columns >= 25:
        assert drawn[-1].startswith("epoch   7/100")
        assert "100%" in drawn[-1]


def test_ascii_where_blocks_cannot_be_shown() -> None:
    for encoding, glyph in (("ascii", "#"), ("cp1252", "#"), ("cp437", "█"), ("utf-8", "█")):
        terminal, clock = Terminal(encoding), Clock()
        train(Progress(stream=terminal, clock=clock), clock)
        assert glyph in terminal.text()


def test_names_that_cannot_be_encoded_do_not_stop_training() -> None:
    terminal = Terminal("ascii")
    progress = Progress(stream=terminal)
    with progress.fit(epochs=1, steps=1):
        progress.epoch_begin(1)
        progress.epoch_end({"epoch": 1, "größe": 1.0})
    assert "gr??e 1.0000" in terminal.text()


def test_files_get_one_line_per_epoch() -> None:
    stream, clock = io.StringIO(), Clock()
    train(Progress(stream=stream, clock=clock), clock)
    tail = "loss 0.5000  val loss 0.2500  val accuracy 0.7500  lr 0.001"
    assert stream.getvalue() == f"epoch 1/2  {tail}\nepoch 2/2  {tail}\n"


def test_long_epochs_give_signs_of_life_ever_less_often() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream=stream, clock=clock)
    with progress.fit(epochs=1, steps=1000):
        progress.epoch_begin(1)
        times = []
        for step in range(1, 1001):
            clock.now += 1.0
            before = stream.tell()
            progress.step(step, loss=0.5)
            if stream.tell() != before:
                times.append(step)
    assert times == [10, 30, 70, 150, 310, 610, 910]
    first = stream.getvalue().splitlines()[0]
    assert first == "epoch 1/1    1%    10/1000  loss 0.5000  1.0 steps/s  16:30 left"


def test_silence() -> None:
    for progress in (
        Progress(False, stream=Terminal()),
        Progress(stream=Terminal(), style="silent"),
    ):
        train(progress, Clock())
        progress.note("nothing")
        assert progress._stream.text() == ""  # type: ignore[attr-defined]


def test_unknown_numbers_of_steps() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(stream=terminal, clock=clock)
    with progress.fit(epochs=2):
        progress.epoch_begin(1)
        clock.now += 2.0
        progress.step(50, loss=0.5)
    assert terminal.screen()[0].startswith("epoch 1/2  step 50  loss 0.5000")


def test_entering_in_the_middle_of_an_epoch() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(stream=terminal, clock=clock)
    with progress.fit(epochs=1, steps=10):
        progress.epoch_begin(1)
        for step in (6, 7):
            clock.now += 1.0
            progress.step(step, loss=0.5)
    assert terminal.screen()[0].endswith("1.0 steps/s  0:03 left")


def test_an_error_finds_a_fresh_line() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(stream=terminal, clock=clock)

    def interrupted() -> None:
        with progress.fit(epochs=1, steps=2):
            progress.epoch_begin(1)
            clock.now += 1.0
            progress.step(1, loss=0.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.text().endswith("\n")
    assert terminal.text().count("\n") == 1


def test_notes_stand_above_the_live_line() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(stream=terminal, clock=clock)
    with progress.fit(epochs=1, steps=2):
        progress.epoch_begin(1)
        progress.note("learning rate lowered to 0.1")
        clock.now += 1.0
        progress.step(1, loss=0.5)
    assert terminal.screen()[0] == "learning rate lowered to 0.1"
    assert terminal.screen()[1].startswith("epoch 1/1 █")


def test_a_closed_stream_does_not_stop_training() -> None:
    for style in ("bar", "lines"):
        stream, clock = Terminal(), Clock()
        progress = Progress(stream=stream, clock=clock, style=style)
        stream.close()
        train(progress, clock)
        assert progress.style == "silent"


def test_only_numbers_are_shown() -> None:
    stream = io.StringIO()
    progress = Progress(stream=stream, clock=Clock())
    with progress.fit(epochs=1, steps=1):
        progress.epoch_begin(1)
        progress.epoch_end(
            {"epoch": 1, "a": np.float32(0.5), "matrix": np.eye(2), "b": None, "seconds": 2.26}
        )
    assert stream.getvalue() == "epoch 1/1  a 0.5000  2.3 s\n"


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    train(Progress(clock=Clock()), Clock())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("epoch 1/2")


def test_without_any_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw
    train(Progress(clock=Clock()), Clock())


def test_unknown_styles_are_named() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'lines'"):
        Progress(style="line")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="pseudo-terminals are a Unix thing")
def test_on_a_real_terminal(tmp_path: Path) -> None:
    import fcntl
    import struct
    import termios

    outer, inner = os.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    clock = Clock()
    with open(inner, "w", encoding="utf-8") as stream:
        train(Progress(stream=stream, clock=clock), clock)
        stream.flush()
        shown = os.read(outer, 100_000).decode()
    os.close(outer)
    drawn = [part for part in shown.split("\r") if "%" in part]
    assert len(drawn) > 4
    assert max(map(len, drawn)) < 60


def test_numbers_and_durations() -> None:
    values: list[Any] = [0.0, 1.0, -0.5, 9999.9, 10_000.0, 1e-3, 9e-4, float("inf")]
    assert [number(value) for value in values] == [
        "0", "1.0000", "-0.5000", "9999.9000", "1.000e+04", "0.0010", "9.000e-04", "inf",
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (0, 59.6, 3599, 3600, 86_400)] == [
        "0:00", "1:00", "59:59", "1:00:00", "1 d 00:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (100, "epoch 1/9  loss 0.5000  accuracy 0.5000  val loss 0.2500  val accuracy 0.7500"),
        (80, "epoch 1/9  loss 0.5000  val loss 0.2500  val accuracy 0.7500  lr 0.001  9.0 s"),
        (52, "epoch 1/9  loss 0.5000  val accuracy 0.7500  9.0 s"),
        (30, "epoch 1/9  val accuracy 0.7500"),
    ],
)
def test_a_finished_epoch_stays_on_one_line(monkeypatch, columns, shown):
    monkeypatch.setattr("retroprop.train.progress._columns", lambda stream: columns)
    terminal = Terminal()
    progress = Progress(stream=terminal)
    with progress.fit(epochs=9, steps=1):
        progress.epoch_begin(1)
        progress.epoch_end(
            {"epoch": 1, "loss": 0.5, "accuracy": 0.5, "val_loss": 0.25, "val_accuracy": 0.75,
             "lr": 0.001, "seconds": 9.0}
        )  # fmt: skip
    line = terminal.screen()[0]
    assert line.startswith(shown)
    assert len(line) <= columns
