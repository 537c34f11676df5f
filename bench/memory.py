"""How far recurrent networks remember: the adding problem, and the copy task.

    python bench/memory.py adding          T = 200, RNN, LSTM and GRU
    python bench/memory.py copy            twenty blanks between ten symbols and their echo

The adding problem (Hochreiter, Schmidhuber 1997): of a sequence of numbers in [0, 1] two are
marked, and their sum is asked for at the end; who answers 1 always has a mean squared error of
0.167. The copy task: ten symbols of eight, blanks, and then the symbols again; who remembers
nothing has a cross-entropy of 10 ln 8 / (blanks + 20), and one symbol of eight right. There the
gates begin with memories of 1 to blanks + 19 steps (Tallec, Ollivier 2018), and the rate falls
along a cosine. "right" is the part of the symbols, or of the sums to within 0.1. Prints Markdown, a
line for each kind.
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
SOLVED = {"adding": 0.01, "copy": 0.005}  # the loss at which training ends

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

    def remember(self, steps: int) -> None:
        """Open the gates that keep the state: unit by unit for 1 to `steps` steps."""
        times = np.log(np.random.default_rng(0).uniform(1, steps, HIDDEN)).astype(np.float32)
        weights = self.state_dict()
        bias = weights["layer.bias_ih_l0"].numpy().reshape((-1, HIDDEN)).copy()
        if len(bias) > 1:  # LSTM: input, forget, ...; GRU: reset, update, ...
            bias[1] += times
        if len(bias) == 4:
            bias[0] -= times
        weights["layer.bias_ih_l0"] = rp.asarray(bias.reshape(-1))
        self.load_state_dict(weights)

    def forward(self, x: Any) -> Any:
        """(batch, time, inputs) to (batch, outputs) or (batch, time, outputs)."""
        y, _ = self.layer(x)
        return self.head(y[:, -1] if self.last else y)


def network(task: str, kind: str, length: int) -> Network:
    """What learns a task, before it has."""
    if task == "adding":
        return Network(kind, 2, 1, last=True)
    model = Network(kind, 10, 10, last=False)
    model.remember(length + 19)
    return model


def functions(task: str, model: Network, steps: int) -> tuple[Any, Any]:
    """A step of training, and the loss and the outputs for new sequences; both compiled."""
    rate = 1e-3 if task == "adding" else optim.schedule.cosine(1e-2, steps)
    optimizer = optim.Adam(model.parameters(), lr=rate)

    def look(x: Any, y: Any) -> tuple[Any, Any]:
        made = model(x)
        if task == "adding":
            return nn.functional.mse_loss(made, y), made
        return nn.functional.cross_entropy(made.reshape((-1, 10)), y.reshape((-1,))), made

    @rp.compile
    def step(x: Any, y: Any) -> Any:
        loss, _ = look(x, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(list(model.parameters()), 1.0)
        optimizer.step()
        return loss

    @rp.compile
    def evaluate(x: Any, y: Any) -> Any:
        with rp.no_grad():
            return look(x, y)

    return step, evaluate


def train(task: str, kind: str, steps: int, length: int) -> tuple[float, float, int, float]:
    """The loss on new sequences, the part that is right, the steps, and the seconds."""
    rp.manual_seed(0)
    rng = np.random.default_rng(0)
    make = adding if task == "adding" else copying
    step, evaluate = functions(task, network(task, kind, length), steps)
    x_new, y_new = make(500, length, np.random.default_rng(1))
    began, loss, done, made = time.perf_counter(), math.inf, 0, np.zeros(0)
    while done < steps and loss > SOLVED[task]:
        x, y = make(CHUNK * BATCH, length, rng)
        step.many(x.reshape((CHUNK, BATCH, *x.shape[1:])), y.reshape((CHUNK, BATCH, *y.shape[1:])))
        done += CHUNK
        found, outputs = evaluate(x_new, y_new)
        loss, made = float(found), outputs.numpy()
    seconds = time.perf_counter() - began
    if task == "adding":
        right = np.abs(made - y_new) < 0.1
    else:
        right = np.argmax(made, axis=2)[:, -10:] == y_new[:, -10:]
    return loss, float(np.mean(right)), done, seconds


def main() -> None:
    """Train each kind until it has solved the task, or the steps are over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("adding", "copy"))
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--length", type=int, help="steps (200), or blanks (20)")
    options = parser.parse_args()
    sums = options.task == "adding"
    length = options.length or (200 if sums else 20)
    blind = 1 / 6 if sums else 10 * math.log(8) / (length + 20)
    print(f"{options.task}, length {length}; without memory the loss is {blind:.3f}\n")
    print("| kind | loss | right | steps | seconds |\n|---|---|---|---|---|")
    for kind in KINDS:
        loss, right, steps, seconds = train(options.task, kind, options.steps, length)
        print(f"| {kind} | {loss:.4f} | {right:.3f} | {steps} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
