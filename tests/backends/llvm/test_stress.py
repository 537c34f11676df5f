"""Many graphs, threads and shapes: no leak, no crash, no torn numbers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from tests.backends.llvm.training import NETWORKS, Training
from tests.structure.sources import ROOT

LARGE = NETWORKS["adam"]._replace(sizes=(150, 133, 70, 10), batch=64)


def in_a_process(code: str) -> str:
    """What a program prints that runs alone; fails when it crashes."""
    prelude = "import numpy as np, retroprop as rp\n"
    command = [sys.executable, "-c", prelude + textwrap.dedent(code)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def at_once(job: Callable[[int], Any], count: int = 4) -> list[Any]:
    """The results of a job done by several threads at the same time, each with its number."""
    together = threading.Barrier(count)

    def one(number: int) -> Any:
        together.wait()
        return job(number)

    with ThreadPoolExecutor(count) as workers:
        return list(workers.map(one, range(count)))


def test_threads_train_networks_of_their_own() -> None:
    expected = Training(LARGE, rp.compile).run(20)
    trainings = [Training(LARGE, rp.compile) for _ in range(4)]
    assert at_once(lambda i: trainings[i].run(20)) == [expected] * 4


def test_threads_share_one_function() -> None:
    """None sees half of another's numbers."""
    function = rp.compile(lambda x: rp.tanh(x @ x.mT) + x.shape[0])
    inputs = [rp.asarray(np.full((64, 64), i / 64, np.float32)) for i in range(4)]
    expected = [function(x).numpy() for x in inputs]

    def job(i: int) -> None:
        for _ in range(50):
            np.testing.assert_array_equal(function(inputs[i]).numpy(), expected[i])

    at_once(job)


def test_first_calls_at_the_same_time_agree() -> None:
    function = rp.compile(lambda x: rp.sum(rp.exp(-x * x), axis=0))
    x = rp.asarray(np.linspace(-1, 1, 700, dtype=np.float32).reshape(100, 7))
    first, *others = at_once(lambda i: function(x).numpy())
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_goes_on() -> None:
    """Worker threads do not survive a fork; the child makes its own."""
    said = in_a_process(
        """
        import os, sys, warnings
        warnings.simplefilter("ignore")  # Python 3.12 on: a fork of a process with threads
        x = rp.asarray(np.ones((300, 300), np.float32))
        product = rp.compile(lambda x: rp.tanh(x @ x / 300) @ x)
        before = product(x).numpy()
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(product(x).numpy(), before) else 3)
        assert np.array_equal(product(x).numpy(), before)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert said.strip() == "0"


def test_a_program_ends_while_workers_sleep() -> None:
    said = in_a_process(
        """
        x = rp.asarray(np.ones((300, 300), np.float32))
        print(float(rp.compile(lambda x: rp.sum(x @ x))(x)))
        """
    )
    assert float(said) == 300.0**3


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_nothing_spins_while_idle() -> None:
    """After a call on several threads the process uses no CPU."""
    said = in_a_process(
        """
        import time
        x = rp.asarray(np.ones((300, 300), np.float32))
        product = rp.compile(lambda x: rp.tanh(x @ x), threads=2)
        for _ in range(3):
            product(x)
        time.sleep(0.1)
        used = time.process_time()
        time.sleep(0.5)
        print(time.process_time() - used)
        """
    )
    assert float(said) < 0.05


def test_shapes_that_come_and_go() -> None:
    function = rp.compile(lambda x, y: rp.nn.functional.softmax(x @ y, -1).sum(axis=0))
    rng = np.random.default_rng(0)
    for _ in range(2):
        for rows, inner, columns in [(1, 1, 1), (2, 9, 5), (16, 1, 7), (33, 17, 1), (5, 64, 31)]:
            x = rng.standard_normal((rows, inner)).astype(np.float32)
            y = rng.standard_normal((inner, columns)).astype(np.float32)
            scores = np.exp(x @ y - (x @ y).max(axis=-1, keepdims=True))
            expected = (scores / scores.sum(axis=-1, keepdims=True)).sum(axis=0)
            found = function(rp.asarray(x), rp.asarray(y)).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-5)


_MEMORY = """
    import gc

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096 / 2**20

    def program(i):
        scale = float(i)
        return rp.compile(lambda x: rp.tanh(x * scale) @ x)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_dropped_programs_give_their_memory_back() -> None:
    """Compiled functions with an arena of a megabyte each, one after the other."""
    said = in_a_process(
        _MEMORY
        + """
    x = rp.asarray(np.ones((512, 512), np.float32))
    for i in range(150):
        program(i)(x)
        if i == 49:
            gc.collect()
            before = resident()
    gc.collect()
    print(resident() - before)
"""
    )
    assert float(said) < 40


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_calls_take_no_memory() -> None:
    said = in_a_process(
        _MEMORY
        + """
    x = rp.asarray(np.ones((64, 64), np.float32))
    function = program(1)
    for i in range(20_000):
        function(x)
        if i == 2000:
            before = resident()
    print(resident() - before)
"""
    )
    assert float(said) < 5
