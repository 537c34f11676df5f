"""Loss curves of retroprop and PyTorch from the same weights, over the same batches.

    python bench/curves.py cifar10_small.npz docs/images/resnet20-cifar10.svg

Trains resnet20 (batch 64, SGD with momentum) for three epochs on real images, in float32 and in
float64, and draws the losses and how far they are apart. In float32 two correct programs drift
apart, as rounding differences grow from step to step (PyTorch from itself as well, in another
layout); in float64 they stay together until these have grown as far.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from peers import retroprop as ours
from peers import torch as theirs
from workloads import WORKLOADS, Workload

import retroprop as rp

mpl.use("Agg")
from matplotlib import pyplot as plt

EPOCHS, BATCH, LR = 3, 64, 0.05


def batches(path: str, dtype: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Normalised images and labels, in an order that depends on a seed alone."""
    with np.load(path) as data:
        x, y = data["x_train"], data["y_train"].astype(np.int64)
    x = (np.moveaxis(x, -1, 1) / 255.0 - 0.5).astype(dtype) / 0.25
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            some = order[start : start + BATCH]
            yield np.ascontiguousarray(x[some]), y[some]


def losses(path: str, dtype: str, step: Callable[..., Any]) -> list[float]:
    """The loss of every step."""
    return [float(step(x, y)) for x, y in batches(path, dtype)]


def our_step(workload: Workload, dtype: str) -> Callable[..., Any]:
    """One compiled training step of retroprop."""
    model = ours.network(workload.layers)
    given = {name: rp.asarray(w) for name, w in workload.weights().items()}
    model.load_state_dict(given, strict=False)
    model.to(dtype)
    optimizer = rp.optim.SGD(model.parameters(), lr=LR, momentum=0.9)

    @rp.compile
    def step(x: Any, y: Any) -> Any:
        loss = rp.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return lambda x, y: step(rp.asarray(x), rp.asarray(y)).item()


def their_step(
    workload: Workload, dtype: str, layout: Any = torch.contiguous_format
) -> Callable[..., Any]:
    """One training step of PyTorch."""
    model = theirs.network(workload.layers)
    given = {name: torch.from_numpy(w) for name, w in workload.weights().items()}
    model.load_state_dict(given, strict=False)
    model.to(getattr(torch, dtype), memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)

    def step(x: Any, y: Any) -> float:
        images = torch.from_numpy(x).to(memory_format=layout)
        loss = torch.nn.functional.cross_entropy(model(images), torch.from_numpy(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main() -> None:
    """Train, print, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", help=".npz with x_train (N, height, width, 3) and y_train")
    parser.add_argument("picture", help="where the picture goes: .svg or .png")
    options = parser.parse_args()
    workload = WORKLOADS["resnet20"]
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 7), sharex=True)
    for dtype, colour in (("float32", "tab:blue"), ("float64", "tab:green")):
        mine = losses(options.data, dtype, our_step(workload, dtype))
        other = losses(options.data, dtype, their_step(workload, dtype))
        apart = np.abs(np.subtract(mine, other)) / np.abs(other)
        above.plot(mine, color=colour, label=f"retroprop, {dtype}")
        above.plot(other, color="black", linestyle=":", label=f"PyTorch, {dtype}")
        below.semilogy(np.maximum(apart, 1e-17), color=colour, label=dtype)
        steps = ", ".join(f"{i}: {apart[i]:.1e}" for i in (0, 10, 30, 60, len(apart) - 1))
        print(f"{dtype}: last loss {mine[-1]:.4f} and {other[-1]:.4f}; apart at step {steps}")
    again = losses(options.data, "float32", their_step(workload, "float32", torch.channels_last))
    first = losses(options.data, "float32", their_step(workload, "float32"))
    noise = np.abs(np.subtract(again, first)) / np.abs(first)
    below.semilogy(
        np.maximum(noise, 1e-17),
        color="tab:orange",
        label="PyTorch float32 and PyTorch float32 with channels last",
    )
    steps = ", ".join(f"{i}: {noise[i]:.1e}" for i in (0, 10, 30, 60, len(noise) - 1))
    print(f"PyTorch with itself, channels last: apart at step {steps}")
    above.set(ylabel="loss", title="resnet20 on CIFAR-10 (2,000 images), batch 64")
    below.set(xlabel="step", ylabel="relative difference of the losses")
    for axes in (above, below):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(options.picture)


if __name__ == "__main__":
    main()
