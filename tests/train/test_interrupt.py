"""Ctrl-C waits, once."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from retroprop.train.interrupt import Interruptible


def test_the_first_signal_waits_and_the_second_does_not():
    before = signal.getsignal(signal.SIGINT)
    with Interruptible() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone():
    seen = []

    def run() -> None:
        with Interruptible() as interrupt:
            seen.append(interrupt.requested)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False]


def test_a_polite_kill_waits_too_unless_the_program_handles_it():
    with Interruptible() as interrupt:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.requested
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    heard = []
    signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with Interruptible() as interrupt:
            os.kill(os.getpid(), signal.SIGTERM)
            assert (heard, interrupt.requested) == ([signal.SIGTERM], False)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
