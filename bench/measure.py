"""One peer on one workload, in a process of its own: prints one JSON line.

    python bench/measure.py PEER WORKLOAD [SECONDS]

Three calls are timed one by one; the first has tracing and compiling in it. After a warm-up, calls
run in blocks of about 0.1 s. The loss is read at the end of a block, not inside, so that a library
may run ahead of Python as it does in a real loop. The result is the median over the blocks.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
from peers import PEERS, Program
from workloads import WORKLOADS

WARM_UP_SECONDS = 0.8
BLOCK_SECONDS = 0.1
MIN_BLOCKS = 5


class Loop:
    """A program that goes on where it stopped, batch after batch."""

    def __init__(self, program: Program):
        self.program = program
        self.calls = 0

    def run(self, calls: int) -> tuple[float, np.ndarray]:
        """Seconds of that many calls, and the losses of the last of them."""
        step, x, y = self.program.step, self.program.x, self.program.y
        began = time.perf_counter()
        for i in range(self.calls, self.calls + calls):
            loss = step(x[i % len(x)], y[i % len(y)])
        losses = np.atleast_1d(np.asarray(loss))
        self.calls += calls
        return time.perf_counter() - began, losses


def warm_up(loop: Loop) -> int:
    """Run for a while; returns how many calls make a block."""
    calls, ends = 1, time.perf_counter() + WARM_UP_SECONDS
    while True:
        seconds, _ = loop.run(calls)
        calls = max(1, round(calls * min(8.0, max(0.25, BLOCK_SECONDS / seconds))))
        if time.perf_counter() > ends:
            return calls


def blocks(loop: Loop, calls: int, seconds: float) -> list[float]:
    """Milliseconds per step of every block."""
    scale = 1e3 / (calls * loop.program.steps)
    times, ends = [], time.perf_counter() + seconds
    while len(times) < MIN_BLOCKS or time.perf_counter() < ends:
        times.append(loop.run(calls)[0] * scale)
    return times


def machine_busy() -> float:
    """Seconds that all cores together have worked since boot; 0 where the system does not say."""
    if not os.path.exists("/proc/stat"):
        return 0.0
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, *others = map(int, file.readline().split()[1:9])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def peak_megabytes() -> float:
    """The most memory this process has had."""
    if os.path.exists("/proc/self/status"):  # resource.getrusage counts the parent's before exec
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    if sys.platform == "win32":
        return float("nan")
    import resource  # noqa: PLC0415  not on Windows

    unit = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def measure(peer: str, workload_name: str, seconds: float) -> dict[str, Any]:
    """Everything the table shows of a peer on a workload."""
    workload, began = WORKLOADS[workload_name], time.perf_counter()
    program = PEERS[peer].make(workload)
    loop = Loop(program)
    built = time.perf_counter()
    first = [loop.run(1) for _ in range(3)]
    losses = np.concatenate([losses for _, losses in first])
    after_three_steps = losses[2]
    calls = warm_up(loop)
    began_blocks, busy, own = time.perf_counter(), machine_busy(), time.process_time()
    times = blocks(loop, calls, seconds)
    wall, own = time.perf_counter() - began_blocks, time.process_time() - own
    milliseconds = statistics.median(times)
    return {
        "peer": peer,
        "workload": workload_name,
        "ms": milliseconds,
        "ms_min": min(times),
        "ms_max": max(times),
        "blocks": len(times),
        "steps_per_call": program.steps,
        "gflops": workload.flops / milliseconds / 1e6,
        "loss": float(after_three_steps) if program.comparable else None,
        "import_and_build_seconds": built - began,
        "first_call_seconds": first[0][0],
        "peak_mb": peak_megabytes(),
        "cores_used": own / wall,
        "other_load": max(0.0, (machine_busy() - busy - own) / wall),
    }


def main() -> None:
    """Measure what the command line names."""
    peer, workload, *seconds = sys.argv[1:]
    print(json.dumps(measure(peer, workload, float(*seconds) if seconds else 2.0)))


if __name__ == "__main__":
    main()
