"""What an operation on small Tensors costs in Python, besides the computation.

    python bench/eager.py

Operands are (4, 4) float32. "numpy" is the same call on arrays; "recorded" has an operand that
requires a gradient; "overhead" is recorded less numpy. Each number is the fastest of several runs,
in microseconds per operation.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import machine
import numpy as np

import retroprop as rp

OPERATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "x + y": (lambda x, y: x + y, lambda x, y: x + y),
    "x * y": (lambda x, y: x * y, lambda x, y: x * y),
    "x @ y": (lambda x, y: x @ y, lambda x, y: x @ y),
    "exp(x)": (lambda x, y: rp.exp(x), lambda x, y: np.exp(x)),
    "maximum(x, y)": (lambda x, y: rp.maximum(x, y), lambda x, y: np.maximum(x, y)),
    "sum(x, axis=0)": (lambda x, y: rp.sum(x, axis=0), lambda x, y: np.sum(x, axis=0)),
    "reshape(x, (2, 8))": (
        lambda x, y: rp.reshape(x, (2, 8)),
        lambda x, y: np.reshape(x, (2, 8)),
    ),
}


def microseconds(function: Callable[..., Any], *operands: Any) -> float:
    """The fastest of several runs, per call."""
    timer = timeit.Timer(lambda: function(*operands))
    calls, runs = 500, 7
    return 1e6 * min(timer.repeat(runs, calls)) / calls


def main() -> None:
    """Measure every operation and print Markdown."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((4, 4), dtype=np.float32) for _ in range(2)]
    plain = [rp.asarray(array) for array in arrays]
    tracked = [rp.tensor(array, requires_grad=True) for array in arrays]
    print(machine.describe() + "\n")
    print("| operation | numpy us | retroprop us | recorded us | overhead us |")
    print("|---|---|---|---|---|")
    for name, (ours, numpys) in OPERATIONS.items():
        base = microseconds(numpys, *arrays)
        alone, recorded = microseconds(ours, *plain), microseconds(ours, *tracked)
        cells = [f"{value:.1f}" for value in (base, alone, recorded, recorded - base)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
