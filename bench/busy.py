"""How busy the native step is kept: its share of the seconds of an epoch, in whole trainings.

    python bench/busy.py fashion_mnist_small.npz            arrays, augmented by threads
    python bench/busy.py photos/ --task images epochs=4     files, decoded by threads
    python bench/busy.py quijote_es.txt.gz limit=2000000

An epoch has its steps and the pass over the validation part, both native. What is left is the work
between them: waiting for batches, random numbers of the shuffle, logs, checkpoints. The first
epoch, in which the step is compiled, does not count. Prints a line for each epoch, and the share.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import retroprop as rp
from retroprop import tasks
from retroprop.backends.llvm import pool
from retroprop.tasks.options import parse
from retroprop.tasks.registry import choose


class Meter:
    """Seconds in native code so far: stands in for `pool.run`."""

    def __init__(self) -> None:
        self.run, self.seconds = pool.run, 0.0

    def __call__(self, *arguments: Any) -> None:
        """The run of native code, timed."""
        began = time.perf_counter()
        self.run(*arguments)
        self.seconds += time.perf_counter() - began


def epochs(source: str, task: str | None, options: dict[str, Any]) -> list[dict[str, float]]:
    """Of each epoch its seconds, those in native code, and those that steps waited for batches."""
    meter = Meter()
    pool.run = meter
    marks: list[float] = []
    end = rp.Trainer.end_epoch

    def end_epoch(trainer: Any, record: dict[str, Any]) -> None:
        marks.append(meter.seconds)
        end(trainer, record)

    rp.Trainer.end_epoch = end_epoch
    with tempfile.TemporaryDirectory() as name:
        run = Path(name) / "run"
        tasks.train(source, options, task=task, folder=run, progress=False)
        lines = map(json.loads, (run / "log.jsonl").read_text(encoding="utf-8").splitlines())
        logged = [line for line in lines if line["event"] == "epoch"]
    before = [0.0, *marks]
    return [
        {"seconds": line["seconds"], "native": after - was, "waited": line.get("waited", 0.0)}
        for line, was, after in zip(logged, before, marks, strict=False)
    ]


def main() -> None:
    """Train, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source")
    parser.add_argument("options", nargs="*", metavar="name=value")
    parser.add_argument("--task")
    given = parser.parse_intermixed_args()
    kind, _ = choose(given.source, given.task)
    made = epochs(given.source, given.task, parse(kind.OPTIONS, given.options))
    for number, epoch in enumerate(made, start=1):
        told = ", ".join(f"{name} {value:.3f}" for name, value in epoch.items())
        print(f"epoch {number}: {told}: {epoch['native'] / epoch['seconds']:.1%}")
    later = made[1:] or made
    share = sum(each["native"] for each in later) / sum(each["seconds"] for each in later)
    print(f"in native code: {share:.1%} of the seconds")


if __name__ == "__main__":
    main()
