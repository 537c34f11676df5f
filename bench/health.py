"""What looking after health costs: trainings with and without it, taking turns.

    python bench/health.py                       mnist-mlp, resnet20, lstm-lm

Two Trainers of the same network on the same data, one with `health=True`, run in turns of some
seconds; each is warm before it counts. Prints the seconds of a step of both, the median ratio of
paired turns, the share of the time that the monitor itself says it took, and whether the losses
agree bit for bit.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from peers import retroprop as ours
from workloads import WORKLOADS, Workload

import retroprop as rp

BATCHES, WARM, TURNS = 16, 20.0, 7

Array = np.ndarray[Any, Any]


class Turns:
    """One of the two trainings."""

    def __init__(self, workload: Workload, *, health: bool) -> None:
        rp.manual_seed(0)
        model = ours.network(workload.layers)
        given = {name: rp.asarray(w) for name, w in workload.weights().items()}
        model.load_state_dict(given, strict=False)
        self.trainer = rp.Trainer(
            model,
            _by_class if workload.loss == "cross_entropy" else workload.loss,
            ours.optimizer_of(workload, model.parameters()),
            clip_grad_norm=workload.clip or None,
            health=health,
        )
        self.batch, self.losses = workload.batch, []

    def run(self, x: Array, y: Array, epochs: int) -> float:
        """Train, and say how many seconds a step took."""
        began = time.perf_counter()
        first = len(self.trainer.history)
        self.trainer.fit(x, y, epochs=epochs, batch_size=self.batch, shuffle=False, progress=False)
        self.losses = [record["loss"] for record in self.trainer.history]
        steps = (len(self.trainer.history) - first) * BATCHES
        return (time.perf_counter() - began) / steps


def _by_class(prediction: Any, target: Any) -> Any:
    """Cross-entropy, also of a class for each step of a sequence."""
    flat = rp.reshape(prediction, (-1, prediction.shape[-1]))
    return rp.nn.functional.cross_entropy(flat, rp.reshape(target, (-1,)))


def data_of(workload: Workload) -> tuple[Array, Array]:
    """Some batches of the workload, one after the other."""
    x, y = workload.data()
    rows = np.arange(BATCHES)
    inputs, targets = x[rows % len(x)], y[rows % len(y)]
    return inputs.reshape(-1, *inputs.shape[2:]), targets.reshape(-1, *targets.shape[2:])


def compare(name: str, seconds: float) -> str:
    """A line of the table."""
    workload = WORKLOADS[name]
    x, y = data_of(workload)
    pair = [Turns(workload, health=health) for health in (False, True)]
    pace = [one.run(x, y, 2) and one.run(x, y, 2) for one in pair]
    epochs = max(1, round(seconds / (min(pace) * BATCHES)))
    for one in pair:
        one.run(x, y, max(1, round(WARM / (min(pace) * BATCHES))))
    monitor = pair[1].trainer.monitor
    assert monitor is not None
    before, trained = monitor.spent, monitor.trained_seconds
    times = np.array([[one.run(x, y, epochs) for one in pair] for _ in range(TURNS)])
    share = (monitor.spent - before) / (monitor.trained_seconds - trained)
    ratio = float(np.median(times[:, 1] / times[:, 0]))
    off, on = np.median(times, axis=0) * 1e3
    same = "yes" if pair[0].losses == pair[1].losses else "NO"
    looks = len(monitor.history)
    return f"| {name} | {off:.3f} | {on:.3f} | {ratio:.3f} | {share:.1%} | {looks} | {same} |"


def main() -> None:
    """Print a line for each workload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=["mnist-mlp", "resnet20", "lstm-lm"])
    parser.add_argument("--seconds", type=float, default=6.0, help="of a turn")
    options = parser.parse_args()
    print("| | without, ms | with, ms | ratio | looking takes | looks | the same bits |")
    print("|---|---|---|---|---|---|---|")
    for name in options.workloads:
        print(compare(name, options.seconds), flush=True)


if __name__ == "__main__":
    main()
