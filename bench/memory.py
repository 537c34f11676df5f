"""How far recurrent networks remember: the adding problem, and the copy task.

    python bench/memory.py adding          T = 200, RNN, LSTM and GRU
    python bench/memory.py copy            twenty blanks between ten symbols and their echo

The adding problem (Hochreiter, Schmidhuber 1997): of a sequence of numbers in [0, 1] two are
marked, and their sum is asked for at the end; who answers 1 always has a mean squared error of
0.167. The copy task: ten symbols of eight, blanks, and then the symbols again; who remembers
nothing has a cross-entropy of 10 ln 8 / (blanks + 20). Prints Markdown, a line for each kind.
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn, optim

KINDS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
HIDDEN, BATCH, CHUNK = 128, 50, 50

Array = np.ndarray[Any, Any]


def adding(count: int, length: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Sequences (count, length, 2) of numbers and marks, and the sums of the marked."""
    numbers = rng.random((count, length), dtype=np.float32)
    marks = np.zeros((count, length), np.float32)
    rows = np.arange(count)
    marks[rows, rng.integers(0, length // 2, count)] = 1
    marks[rows, rng.integers(length // 2, length, count)] = 1
    return np.stack([numbers, marks], axis=2), np.sum(numbers * marks, axis=1, keepdims=True)


def copying(count: int, blanks: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Symbols 1..8, blanks (0), a sign to begin (9); and what should come out."""
    symbols = rng.integers(1, 9, (count, 10))
    x, y = (np.zeros((count, blanks + 20), np.int64) for _ in range(2))
    x[:, :10], y[:, -10:] = symbols, symbols
    x[:, blanks + 9] = 9
    return np.eye(10, dtype=np.float32)[x], y


class Network(nn.Module):
    """A recurrent layer and a linear one; the answer of the last step, or of all."""

    def __init__(self, kind: str, inputs: int, outputs: int, *, last: bool) -> None:
        super().__init__()
        self.layer = KINDS[kind](inputs, HIDDEN, batch_first=True)
        self.head, self.last = nn.Linear(HIDDEN, outputs), last

    def forward(self, x: Any) -> Any:
        """(batch, time, inputs) to (batch, outputs) or (batch, time, outputs)."""
        y, _ = self.layer(x)
        return self.head(y[:, -1] if self.last else y)


def train(task: str, kind: str, steps: int, length: int) -> tuple[float, float, int]:
    """The loss on new sequences, the seconds, and the steps that it took."""
    rp.manual_seed(0)
    rng = np.random.default_rng(0)
    sums = task == "adding"
    make = adding if sums else copying
    model = Network(kind, 2 if sums else 10, 1 if sums else 10, last=sums)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def loss_of(x: Any, y: Any) -> Any:
        made = model(x)
        if sums:
            return nn.functional.mse_loss(made, y)
        return nn.functional.cross_entropy(made.reshape((-1, 10)), y.reshape((-1,)))

    @rp.compile
    def step(x: Any, y: Any) -> Any:
        loss = loss_of(x, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(list(model.parameters()), 1.0)
        optimizer.step()
        return loss

    @rp.compile
    def evaluate(x: Any, y: Any) -> Any:
        with rp.no_grad():
            return loss_of(x, y)

    held = make(500, length, np.random.default_rng(1))
    began, loss, done = time.perf_counter(), math.inf, 0
    while done < steps and loss > (0.01 if sums else 0.005):
        x, y = make(CHUNK * BATCH, length, rng)
        step.many(x.reshape((CHUNK, BATCH, *x.shape[1:])), y.reshape((CHUNK, BATCH, *y.shape[1:])))
        done += CHUNK
        loss = float(evaluate(*held))
    return loss, time.perf_counter() - began, done


def main() -> None:
    """Train each kind until it has solved the task, or the steps are over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("adding", "copy"))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--length", type=int, help="steps (200), or blanks (20)")
    options = parser.parse_args()
    sums = options.task == "adding"
    length = options.length or (200 if sums else 20)
    blind = 1 / 6 if sums else 10 * math.log(8) / (length + 20)
    print(f"{options.task}, length {length}; without memory the loss is {blind:.3f}\n")
    print("| kind | loss | steps | seconds |\n|---|---|---|---|")
    for kind in KINDS:
        loss, seconds, steps = train(options.task, kind, options.steps, length)
        print(f"| {kind} | {loss:.4f} | {steps} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
