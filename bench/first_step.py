"""How long until the first step is done: import, and first call with an empty and a full cache.

    python bench/first_step.py

Every number is of a fresh process: one with an empty cache of compiled code, then three that find
what the first one left (median). Deep networks show what repeated layers cost to compile.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import machine
from peers import PEERS
from workloads import WORKLOADS, Workload

REPEATS = 3
IMPORT = "import time; t = time.perf_counter(); import retroprop; print(time.perf_counter() - t)"
NETWORKS = {
    "mnist-mlp": WORKLOADS["mnist-mlp"],
    "5 layers of 64": Workload((64,) * 6, 32, "sgd", 0.01),
    "100 layers of 64": Workload((64,) * 101, 32, "sgd", 0.01),
}


def child(name: str) -> dict[str, float]:
    """What a process of its own measures: seconds of the first and of the second call."""
    program = PEERS["retroprop"].make(NETWORKS[name])
    calls = []
    for x, y in zip(program.x[:2], program.y[:2], strict=True):
        start = time.perf_counter()
        float(program.step(x, y))
        calls.append(time.perf_counter() - start)
    return {"first": calls[0], "second": calls[1]}


def fresh(cache: str, *command: str) -> str:
    """The last line that Python prints in a process of its own, with its cache in a folder."""
    done = subprocess.run(  # noqa: S603  this script, or the line above
        [sys.executable, *command],
        env={**os.environ, "RETROPROP_CACHE": cache},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()[-1]


def main() -> None:
    """Measure every network and print Markdown."""
    if len(sys.argv) > 1:
        print(json.dumps(child(sys.argv[1])))
        return
    print(machine.describe() + "\n")
    imports = [float(fresh("", "-c", IMPORT)) for _ in range(5)]
    print(f"import retroprop: {statistics.median(imports):.3f} s\n")
    print("| network | first call s | cached | second call ms |\n|---|---|---|---|")
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as cache:
            cold, *warm = (json.loads(fresh(cache, __file__, name)) for _ in range(1 + REPEATS))
        cached = statistics.median(run["first"] for run in warm)
        second = 1e3 * statistics.median(run["second"] for run in warm)
        print(f"| {name} | {cold['first']:.3f} | {cached:.3f} | {second:.3f} |", flush=True)


if __name__ == "__main__":
    main()
