"""One line of progress."""

from __future__ import annotations

import io

from retroprop.train.rates.status import Status


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Closed(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def told(stream, seconds, **options):
    clock = iter([0.0, *seconds])
    status = Status(stream=stream, clock=lambda: next(clock), **options)
    for second in seconds:
        status.tell("range test", second / 100)
    status.close()
    return stream.getvalue()


def test_quick_work_says_nothing():
    assert told(io.StringIO(), [0.5, 1.0, 1.9]) == ""


def test_a_file_gets_a_line_now_and_then():
    lines = told(io.StringIO(), [1.0, 3.0, 5.0, 12.0, 14.0, 30.0, 34.0, 90.0]).splitlines()
    assert lines == [
        "range test  3%",
        "range test  14%  1:26 left",
        "range test  34%  1:06 left",
        "range test  90%  0:10 left",
    ]


def test_a_terminal_gets_one_line_that_is_wiped_in_the_end():
    text = told(Terminal(), [3.0, 3.05, 50.0])
    assert text.count("\n") == 0
    assert text.count("\r") == 4
    assert text.endswith("\r" + " " * len("range test  50%  0:50 left") + "\r")


def test_nobody_listens():
    assert told(io.StringIO(), [3.0, 20.0], enabled=False) == ""
    assert told(Closed(), [3.0, 20.0]) == ""
