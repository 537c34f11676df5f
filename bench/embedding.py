"""What a step of training costs as the table of an embedding grows; the batch stays the same.

    python bench/embedding.py

2,048 lookups of 128 features and a linear layer, Adam: ours with and without `sparse=True`, and
PyTorch with Adam (fused), and with its sparse gradients and SparseAdam. Milliseconds a step, the
median of alternating runs; prints Markdown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from peers import torch as theirs

import retroprop as rp

FEATURES, SHAPE, OUTPUTS = 128, (32, 64), 16
ROWS = (1_000, 10_000, 100_000, 1_000_000)
ROUNDS, STEPS = 5, 10

Step = Callable[[Any], Any]


def with_us(rows: int, *, sparse: bool) -> Step:
    """One compiled step."""
    table = rp.nn.Embedding(rows, FEATURES, sparse=sparse)
    head = rp.nn.Linear(FEATURES, OUTPUTS)
    optimizer = rp.optim.Adam([*table.parameters(), *head.parameters()], lr=1e-3)

    @rp.compile
    def step(x: Any) -> Any:
        loss = rp.mean(rp.square(head(table(x))))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return step


def with_torch(rows: int, *, sparse: bool) -> Step:
    """The same of PyTorch, eagerly."""
    torch.set_num_threads(theirs.available_cores())
    table = torch.nn.Embedding(rows, FEATURES, sparse=sparse)
    head = torch.nn.Linear(FEATURES, OUTPUTS)
    if sparse:
        optimizers: list[Any] = [
            torch.optim.SparseAdam(list(table.parameters()), lr=1e-3),
            torch.optim.Adam(head.parameters(), lr=1e-3, fused=True),
        ]
    else:
        both = [*table.parameters(), *head.parameters()]
        optimizers = [torch.optim.Adam(both, lr=1e-3, fused=True)]

    def step(x: Any) -> Any:
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = head(table(torch.from_numpy(x))).square().mean()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss.detach()

    return step


def measured(step: Step, batches: list[Any]) -> float:
    """Milliseconds a step."""
    began = time.perf_counter()
    for x in batches:
        step(x)
    return (time.perf_counter() - began) / len(batches) * 1e3


def main() -> None:
    """A line for each size of the table."""
    print("| rows | retroprop | retroprop, sparse | PyTorch | PyTorch, sparse |")
    print("|---|---|---|---|---|")
    for rows in ROWS:
        steps = [make(rows, sparse=s) for make in (with_us, with_torch) for s in (False, True)]
        rng = np.random.default_rng(0)
        batches = [rng.integers(0, rows, SHAPE) for _ in range(STEPS)]
        for step in steps:
            measured(step, batches[:2])
        times = [[measured(step, batches) for step in steps] for _ in range(ROUNDS)]
        print(f"| {rows:,} |", " | ".join(f"{ms:.2f}" for ms in np.median(times, axis=0)), "|")


if __name__ == "__main__":
    main()
