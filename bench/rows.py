"""Digits read row by row: sequential MNIST, ours and PyTorch's.

    python bench/rows.py mnist.npz
    python bench/rows.py mnist.npz --kinds LSTM --threads 1

An image of 28 rows is a sequence of 28 steps of 28 pixels; 128 units of each kind, and a linear
layer on what comes out of the last step. Adam, batches of 100, a rate that falls along a cosine.
Both libraries start from the same weights and see the same batches in the same order, all of the
training images in every epoch; the test images are looked at once, at the end. Prints a line of
Markdown for each. Seconds are those of training: with compiling, which is ours alone, and without
collecting the batches. PyTorch runs eagerly, with its fused optimizer, on all cores or on
`--threads`: on a busy machine its threads wait for each other, and one is faster.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from peers.torch import available_cores

import retroprop as rp

HIDDEN, BATCH, CHUNK, LR, CLIP = 128, 100, 50, 2e-3, 1.0
PIECE = 1000  # test images that are looked at together

Array = np.ndarray[Any, Any]


def images(path: str) -> tuple[Array, Array, Array, Array]:
    """Images (count, 28, 28) in [0, 1] and their digits, for training and for the test."""
    with np.load(path) as data:
        x, x_test = (data[f"x_{part}"] / np.float32(255) for part in ("train", "test"))
        y, y_test = (data[f"y_{part}"].astype(np.int64) for part in ("train", "test"))
    return x, y, x_test, y_test


def chunks(x: Array, y: Array, epochs: int) -> Iterator[tuple[Array, Array]]:
    """Many batches at a time, in an order that depends on a seed alone."""
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        for some in rng.permutation(len(x)).reshape((-1, CHUNK, BATCH)):
            yield x[some], y[some]


def reader(nn: Any, kind: str) -> Any:
    """The network, of the modules of either library."""

    class Reader(nn.Module):  # type: ignore[misc]  # whose, is not known before
        def __init__(self) -> None:
            super().__init__()
            self.layer = getattr(nn, kind)(28, HIDDEN, batch_first=True)
            self.head = nn.Linear(HIDDEN, 10)

        def forward(self, x: Any) -> Any:
            outputs, _ = self.layer(x)
            return self.head(outputs[:, -1])

    return Reader()


def weights(kind: str) -> dict[str, Array]:
    """What both start from: the weights that PyTorch draws."""
    torch.manual_seed(0)
    return {name: w.numpy() for name, w in reader(torch.nn, kind).state_dict().items()}


def with_us(kind: str, steps: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A function that takes many steps, and one that gives the classes of images."""
    model = reader(rp.nn, kind)
    model.load_state_dict({name: rp.asarray(w) for name, w in weights(kind).items()})
    optimizer = rp.optim.Adam(model.parameters(), lr=rp.optim.schedule.cosine(LR, steps))

    @rp.compile
    def step(x: Any, y: Any) -> Any:
        loss = rp.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        rp.nn.utils.clip_grad_norm_(list(model.parameters()), CLIP)
        optimizer.step()
        return loss

    @rp.compile
    def classes(x: Any) -> Any:
        with rp.no_grad():
            return model(x).argmax(axis=1)

    return lambda x, y: step.many(x, y), lambda x: classes(x).numpy()


def with_torch(kind: str, steps: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The same of PyTorch."""
    model = reader(torch.nn, kind)
    model.load_state_dict({name: torch.from_numpy(w) for name, w in weights(kind).items()})
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=True)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def many(xs: Array, ys: Array) -> None:
        for x, y in zip(torch.from_numpy(xs), torch.from_numpy(ys), strict=True):
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(model(x), y).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            rate.step()

    def classes(x: Array) -> Any:
        with torch.no_grad():
            return model(torch.from_numpy(x)).argmax(1).numpy()

    return many, classes


def train(
    make: Callable[..., Any], kind: str, data: tuple[Array, ...], epochs: int
) -> tuple[float, float]:
    """The accuracy on the test images, and the seconds of training."""
    x, y, x_test, y_test = data
    many, classes = make(kind, epochs * len(x) // BATCH)
    seconds = 0.0
    for some_x, some_y in chunks(x, y, epochs):
        began = time.perf_counter()
        many(some_x, some_y)
        seconds += time.perf_counter() - began
    pieces = [classes(x_test[i : i + PIECE]) for i in range(0, len(x_test), PIECE)]
    return float(np.mean(np.concatenate(pieces) == y_test)), seconds


def main() -> None:
    """Train each kind with both, print each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", help=".npz with x_train, y_train, x_test and y_test")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--kinds", default="RNN,LSTM,GRU")
    parser.add_argument("--threads", type=int, default=available_cores(), help="of PyTorch")
    parser.add_argument("--alone", action="store_true", help="without PyTorch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    makers = {"retroprop": with_us} | ({} if options.alone else {"PyTorch": with_torch})
    data = images(options.data)
    print(f"{len(data[0]):,} images, {options.epochs} epochs, {HIDDEN} units, batch {BATCH}\n")
    print("| | test accuracy | seconds |\n|---|---|---|")
    for kind in options.kinds.split(","):
        for name, make in makers.items():
            accuracy, seconds = train(make, kind, data, options.epochs)
            print(f"| {kind}, {name} | {accuracy:.4f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
