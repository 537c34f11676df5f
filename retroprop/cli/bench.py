"""`retroprop bench [WORKLOAD ...]`: training steps of dense networks, timed on this machine.

The comparison with other libraries on the same networks is `bench/run.py` of the repository.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.cli.info import processor
from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError, nearest

__all__ = ["add"]


@dataclass(frozen=True)
class Workload:
    """A dense network and how it is trained."""

    sizes: tuple[int, ...]
    batch: int
    optimizer: type[optim.SGD | optim.Adam]
    lr: float
    activation: type[nn.Module] = nn.ReLU
    loss: Callable[[Any, Any], Any] = nn.functional.cross_entropy

    @property
    def flops(self) -> int:
        """Operations of the matrix products of a step; the first layer has no input gradient."""
        products = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        return 2 * self.batch * (3 * sum(products) - products[0])

    @property
    def steps_per_call(self) -> int:
        """Steps of one call of `step.many`: about a second's work at most."""
        return 64 if self.flops < 1e9 else 8

    def step(self) -> Any:
        """The compiled training step."""
        layers: list[nn.Module] = []
        for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False):
            layers += [nn.Linear(inputs, outputs), self.activation()]
        model = nn.Sequential(*layers[:-1])
        optimizer = self.optimizer(model.parameters(), lr=self.lr)

        def step(x: Any, y: Any) -> Any:
            loss = self.loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return rp.compile(step)

    def batches(self) -> tuple[Any, Any]:
        """Eight random inputs and seven random targets, each along a first axis.

        Step i takes inputs i % 8 and targets i % 7: no pair stays together, so that nothing can be
        learnt by heart, whose vanishing gradients would be slower to compute with.
        """
        rng = np.random.default_rng(0)
        x = rng.standard_normal((8, self.batch, self.sizes[0]), dtype=np.float32)
        if self.loss is nn.functional.mse_loss:
            return x, rng.standard_normal((7, self.batch, self.sizes[-1]), dtype=np.float32)
        return x, rng.integers(0, self.sizes[-1], (7, self.batch))


WORKLOADS = {
    "tiny-mlp": Workload((2, 16, 16, 2), 32, optim.SGD, 0.1, activation=nn.Tanh),
    "tabular-mlp": Workload((30, 64, 64, 2), 64, optim.Adam, 1e-3),
    "mnist-mlp": Workload((784, 512, 256, 10), 128, optim.Adam, 1e-3),
    "wide-mlp": Workload(
        (1024, 4096, 4096, 1024), 256, optim.SGD, 0.01, loss=nn.functional.mse_loss
    ),
}
_MIN_BLOCKS = 3
_BLOCK_SECONDS = 0.05


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("bench", help="time training steps on this machine")
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"{', '.join(WORKLOADS)}; all if none"
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, metavar="N", help="of measuring, twice a workload"
    )
    parser.add_argument("--json", action="store_true", help="print one last JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Time the workloads and print a line for each."""
    names = arguments.workloads or list(WORKLOADS)
    for name in names:
        if name not in WORKLOADS:
            close = nearest(name, WORKLOADS)
            raise ArgumentError(
                f"there is no workload {name!r}" + (f"; did you mean {close}?" if close else ""),
                fix=f"choose from: {', '.join(WORKLOADS)}",
            )
    if not (math.isfinite(arguments.seconds) and arguments.seconds > 0):
        raise ArgumentError(f"--seconds must be positive, and is {arguments.seconds:g}")
    machine = processor()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"{'workload':12} {'ms/step':>10} {'ms, many':>10} {'GFLOP/s':>9} {'first call s':>13}")
    results = {}
    for name in names:
        say(f"timing {name} ...")
        results[name] = measure(WORKLOADS[name], arguments.seconds)
        print(_line(name, results[name]), flush=True)
    if arguments.json:
        emit({"task": "bench", "machine": machine, "workloads": results})
    return 0


def measure(workload: Workload, seconds: float) -> dict[str, Any]:
    """Milliseconds per step, one and many steps a call; the better gives the GFLOP/s."""
    step, (x, y) = workload.step(), workload.batches()
    xs, ys = [rp.asarray(batch) for batch in x], [rp.asarray(batch) for batch in y]
    began = time.perf_counter()
    float(step(xs[0], ys[0]))
    first = time.perf_counter() - began
    steps, turn = workload.steps_per_call, itertools.count(1)
    order = np.arange(steps)
    stacked = rp.asarray(x[order % 8]), rp.asarray(y[order % 7])

    def one(calls: int) -> Any:
        for i in itertools.islice(turn, calls):
            loss = step(xs[i % 8], ys[i % 7])
        return loss

    def many(calls: int) -> Any:
        for _ in range(calls):
            losses = step.many(*stacked)
        return losses[-1]

    single = _milliseconds(one, seconds)
    together = _milliseconds(many, seconds) / steps
    return {
        "ms": single,
        "many_ms": together,
        "gflops": workload.flops / min(single, together) / 1e6,
        "first_call_seconds": first,
        "steps_per_call": steps,
    }


def _milliseconds(call: Callable[[int], Any], seconds: float) -> float:
    """The median time of one call. Blocks of calls are timed; the first ones only warm up."""
    float(call(1))  # compiles
    calls, times = 1, list[float]()
    began = time.perf_counter()
    while len(times) < _MIN_BLOCKS or time.perf_counter() < began + 1.3 * seconds:
        start = time.perf_counter()
        float(call(calls))
        spent = time.perf_counter() - start
        if start > began + 0.3 * seconds:
            times.append(1e3 * spent / calls)
        else:
            calls = max(1, round(calls * min(8.0, _BLOCK_SECONDS / spent)))
    return statistics.median(times)


def _line(name: str, result: dict[str, Any]) -> str:
    numbers = f"{result['ms']:10.4g} {result['many_ms']:10.4g} {result['gflops']:9.4g}"
    return f"{name:12} {numbers} {result['first_call_seconds']:13.2f}"
