"""Threads run a function together: they meet, share memory, sleep, survive forks, never hang."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from retroprop import settings
from retroprop.backends.llvm import jit, pool, target
from retroprop.backends.llvm.emit import Function, Module

THREADS = [1, 2, 3, 8]
pytestmark = pytest.mark.skipif(pool.why_single() is not None, reason="no native threads here")

# Words of the arguments: how many rounds; how many errors were seen; one for each thread.
ROUNDS, ERRORS, FIRST = 0, 16, 32


def written() -> str:
    """`step`: every round each thread writes its word, meets, checks its neighbour's, meets."""
    module = Module()
    pool.define_barrier(module)
    parameters = [("words", "ptr"), ("thread", "i64"), ("threads", "i64"), ("meet", "ptr")]
    f = Function(module, "step", parameters, public=True)
    words, thread, threads, meet = f.parameters
    slots = f.at(words, FIRST, 8)

    def value(number, who):
        return f.binary("add", f.binary("mul", number, f.integer(1000)), who)

    with f.loop(0, f.load("i64", words)) as loop:
        f.store(value(loop.index, thread), f.at(slots, thread, 8))
        f.call("barrier", "void", [meet, thread, threads])
        following = f.binary("add", thread, f.integer(1))
        neighbour = f.binary("urem", following, threads)
        seen = f.load("i64", f.at(slots, neighbour, 8))
        with f.branch(f.compare("icmp ne", seen, value(loop.index, neighbour))):
            f.store(f.integer(1), f.at(words, ERRORS, 8))
        f.call("barrier", "void", [meet, thread, threads])
    f.leave()
    module.add(f)
    return module.text()


@pytest.fixture(scope="module")
def step() -> jit.Library:
    return jit.load(written(), target.host())


def run(library: jit.Library, rounds: int, threads: int) -> np.ndarray:
    words = np.zeros(FIRST + pool.MOST_THREADS, np.int64)
    words[FIRST:] = -1
    words[ROUNDS] = rounds
    pool.run(library.address("step"), words.ctypes.data, threads)
    assert words[ERRORS] == 0
    return words[FIRST:]


@pytest.mark.parametrize("threads", THREADS)
def test_threads_meet(step, threads):
    for rounds in (1, 2, 1000):  # two meetings in each round
        words = run(step, rounds, threads)
        expected = (rounds - 1) * 1000 + np.arange(threads)
        assert words[:threads].tolist() == expected.tolist()
        assert (words[threads:] == -1).all()


def test_any_number_of_threads_after_any_other(step):
    rng = np.random.default_rng(0)
    for threads in rng.integers(1, 6, 200):
        assert (run(step, 3, int(threads)) >= 0).sum() == threads


def test_workers_that_fell_asleep_wake_up(step):
    for _ in range(10):
        time.sleep(0.002)
        run(step, 5, 2)


def test_an_idle_pool_costs_nothing(step):
    run(step, 10, 4)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - before < 0.02


def test_a_busy_pool_leaves_the_second_to_run_alone(step, monkeypatch):
    busy = threading.Lock()
    busy.acquire()
    monkeypatch.setattr(pool, "_busy", busy)
    assert (run(step, 3, 4) >= 0).sum() == 1
    busy.release()
    assert (run(step, 3, 4) >= 0).sum() == 4


def test_python_threads_share_the_pool(step):
    failures = []

    def work():
        try:
            for _ in range(100):
                words = run(step, 5, 2)
                assert words[0] == 4000
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_python_goes_on_meanwhile(step):
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.perf_counter()
    while time.perf_counter() - began < 0.1:
        run(step, 2000, 2)
    done.set()
    thread.join()
    assert len(ticks) > 3


def test_threads_that_cannot_be_had_are_done_without(step, monkeypatch):
    monkeypatch.setattr(pool, "_start", lambda entry, argument: False)
    fresh = pool._Pool()
    monkeypatch.setattr(pool, "_the_pool", lambda: fresh)
    assert (run(step, 3, 4) >= 0).sum() == 1


SCRIPT = """
import os, sys, threading, numpy as np
sys.path.insert(0, {tests!r})
from test_pool import jit, run, target, written
library = jit.load(written(), target.host())
"""


def script(body: str, timeout: float = 20) -> subprocess.CompletedProcess:
    """The result of a program of its own."""
    head = SCRIPT.format(tests=os.path.dirname(os.path.abspath(__file__)))
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(body)],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_workers_of_its_own():
    out = script(
        """
        run(library, 10, 3)
        for used in (False, True):
            child = os.fork()
            if not child:
                sys.exit(0 if (run(library, 100, 3) >= 0).sum() == 3 else 1)
            assert os.waitpid(child, 0)[1] == 0
            run(library, 10, 3)
        print("done")
        """
    )
    assert (out.stdout, out.stderr) == ("done\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_during_a_run():
    out = script(
        """
        thread = threading.Thread(target=run, args=(library, 200_000, 2))
        thread.start()
        while thread.is_alive():
            child = os.fork()
            if not child:
                os._exit(0 if (run(library, 100, 2) >= 0).sum() == 2 else 1)
            assert os.waitpid(child, 0)[1] == 0
        print("done")
        """
    )
    assert out.stdout == "done\n", out.stderr


def test_the_interpreter_ends_right_after_a_run():
    out = script("run(library, 100, 4)\nprint('done')")
    assert (out.returncode, out.stdout, out.stderr) == (0, "done\n", "")


def test_default_threads(monkeypatch):
    assert 1 <= pool.default_threads() <= (os.cpu_count() or 1)
    monkeypatch.setattr(settings, "threads", 7)
    assert pool.default_threads() == 7
    monkeypatch.setattr(pool, "why_single", lambda: "because")
    assert pool.default_threads() == 1


def test_one_thread_needs_no_pool():
    out = script("run(library, 3, 1)\nfrom retroprop.backends.llvm import pool\n"
                 "print(pool._the_pool.cache_info().currsize)")  # fmt: skip
    assert out.stdout == "0\n", out.stderr


def test_arguments_reach_every_thread_as_they_were():
    module = Module()
    parameters = [("words", "ptr"), ("thread", "i64"), ("threads", "i64"), ("meet", "ptr")]
    f = Function(module, "step", parameters, public=True)
    words, thread, threads, _ = f.parameters
    f.store(threads, f.at(words, thread, 8))
    f.leave()
    module.add(f)
    library = jit.load(module.text(), target.host())
    words = (ctypes.c_int64 * 8)()
    for threads in (1, 3, 2):
        pool.run(library.address("step"), ctypes.addressof(words), threads)
        assert words[:threads] == [threads] * threads
