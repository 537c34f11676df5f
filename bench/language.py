"""Character models on a text, ours and PyTorch's: bits per character, and how long it takes.

    python bench/language.py shakespeare_en.txt.gz --model lstm --steps 1000

Both start from the same weights and see the same windows of the text in the same order; the last
tenth of it is for validation. They take turns, so that a noisy machine disturbs both. Prints a line
of Markdown for each, with `--every` along the way too. PyTorch runs eagerly, with its fused
optimizer, on all cores; `--threads 1` holds both to one.
"""

from __future__ import annotations

import argparse
import gzip
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from layers import Embedding, Linear, Recurrent
from peers import retroprop as ours
from peers import torch as theirs
from workloads import WORKLOADS, Workload, decoder

import retroprop as rp

BATCH, CHUNK, WINDOWS = 32, 50, 64

Array = np.ndarray[Any, Any]


def read(path: Path) -> tuple[Array, Array, int]:
    """The numbers of the characters, for training and for validation; how many kinds there are."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        text = file.read()
    kinds = {character: number for number, character in enumerate(sorted(set(text)))}
    numbers = np.array([kinds[character] for character in text])
    cut = len(numbers) * 9 // 10
    return numbers[:cut], numbers[cut:], len(kinds)


def workload_of(model: str, tokens: int) -> Workload:
    """The language models of the comparison of speed, for this many kinds of characters."""
    if model == "lstm":
        layers = (Embedding(tokens, 128), Recurrent("LSTM", 128, 256, 2), Linear(256, tokens))
        return replace(WORKLOADS["lstm-lm"], layers=layers, lr=2e-3)
    return replace(WORKLOADS["transformer-lm"], layers=decoder(128, 4, 4, tokens, 128), lr=1e-3)


def windows(numbers: Array, count: int, length: int, seed: int) -> tuple[Array, Array]:
    """Stretches of the text, and the same one character on."""
    starts = np.random.default_rng(seed).integers(0, len(numbers) - length - 1, count)
    found = numbers[starts[:, None] + np.arange(length + 1)]
    return np.ascontiguousarray(found[:, :-1]), np.ascontiguousarray(found[:, 1:])


def with_us(workload: Workload) -> tuple[Callable[..., Any], Callable[..., float]]:
    """A function that takes many steps, and one that gives the loss of a batch."""
    model = ours.network(workload.layers)
    model.load_state_dict({n: rp.asarray(w) for n, w in workload.weights().items()})
    optimizer = ours.optimizer_of(workload, model.parameters())
    entropy = rp.nn.functional.cross_entropy

    def loss_of(x: Any, y: Any) -> Any:
        made = model(x)
        return entropy(rp.reshape(made, (-1, made.shape[-1])), rp.reshape(y, (-1,)))

    @rp.compile
    def step(x: Any, y: Any) -> Any:
        loss = loss_of(x, y)
        loss.backward()
        if workload.clip:
            rp.nn.utils.clip_grad_norm_(list(model.parameters()), workload.clip)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    @rp.compile
    def evaluate(x: Any, y: Any) -> Any:
        with rp.no_grad():
            return loss_of(x, y)

    return lambda x, y: step.many(x, y), lambda x, y: float(evaluate(x, y))


def with_torch(
    workload: Workload, threads: int | None = None
) -> tuple[Callable[..., Any], Callable[..., float]]:
    """The same of PyTorch."""
    torch.set_num_threads(threads or theirs.available_cores())
    model = theirs.network(workload.layers)
    model.load_state_dict({n: torch.from_numpy(w) for n, w in workload.weights().items()})
    optimizer = theirs.optimizer_of(workload, list(model.parameters()), fused=True)

    def loss_of(x: Any, y: Any) -> Any:
        made = model(torch.from_numpy(x))
        return torch.nn.functional.cross_entropy(made.flatten(0, 1), torch.from_numpy(y).flatten())

    def many(xs: Array, ys: Array) -> None:
        for x, y in zip(xs, ys, strict=True):
            optimizer.zero_grad(set_to_none=True)
            loss_of(x, y).backward()
            if workload.clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), workload.clip)
            optimizer.step()

    def evaluate(x: Array, y: Array) -> float:
        with torch.no_grad():
            return float(loss_of(x, y))

    return many, evaluate


class Trained(NamedTuple):
    """One of the two, on its way.

    Attributes:
        many:     takes many steps.
        evaluate: the loss of a batch.
        seconds:  of training, a number for each stretch.
    """

    many: Callable[..., Any]
    evaluate: Callable[..., float]
    seconds: list[float]


def train(pair: list[Trained], workload: Workload, text: Array, steps: int) -> Iterator[int]:
    """Both on the same windows, a stretch of one, then the same stretch of the other.

    Yields:
        How many steps are done, after each stretch.
    """
    length, batch = workload.sample[0], workload.batch
    for start in range(0, steps, CHUNK):
        x, y = windows(text, CHUNK * batch, length, start)
        shape = (CHUNK, batch, length)
        for one in pair:
            began = time.perf_counter()
            one.many(x.reshape(shape), y.reshape(shape))
            one.seconds.append(time.perf_counter() - began)
        yield start + CHUNK


def bits(one: Trained, workload: Workload, rest: Array) -> float:
    """Bits per character on the validation part."""
    batch = workload.batch
    x, y = windows(rest, WINDOWS * batch, workload.sample[0], -1 % 2**32)
    pieces = range(0, len(x), batch)
    losses = [one.evaluate(x[i : i + batch], y[i : i + batch]) for i in pieces]
    return float(np.mean(losses)) / math.log(2)


def main() -> None:
    """Train both, print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--model", choices=("lstm", "transformer"), default="lstm")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, help="of each; all cores when not given")
    parser.add_argument("--every", type=int, help="print a line every so many steps")
    options = parser.parse_args()
    if options.threads:
        rp.settings.threads = options.threads
    text, rest, tokens = read(options.text)
    workload = workload_of(options.model, tokens)
    print(f"{options.text.name}, {options.model}, {options.steps} steps, {tokens} characters\n")
    print("| | steps | bits per character | seconds |\n|---|---|---|---|", flush=True)
    pair = [Trained(*with_us(workload), []), Trained(*with_torch(workload, options.threads), [])]
    for done in train(pair, workload, text, options.steps):
        if done >= options.steps or (options.every and done % options.every == 0):
            for name, one in zip(("retroprop", "PyTorch"), pair, strict=True):
                found, took = bits(one, workload, rest), sum(one.seconds)
                print(f"| {name} | {done} | {found:.4f} | {took:.1f} |", flush=True)


if __name__ == "__main__":
    main()
