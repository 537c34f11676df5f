"""How well `lr_find` does: short trainings at its suggestion against a grid of learning rates.

    python bench/lr_find.py DATA [NAME ...] [--picture FILE.svg]

DATA is a folder with mnist.npz, fashion_mnist_small.npz, iris.csv, breast_cancer.csv.gz and
california_housing.csv.gz. For each case and each of 25 rates from 1e-5 to 10 the network is trained
for some epochs, from two initialisations, with orders of the batches that `lr_find` has not seen;
the loss is the mean over the last epoch. Prints Markdown: what was suggested, what is best, and the
loss at the suggestion (of the nearest rates of the grid, interpolated) over the best loss; beside
it the same for what is usually read off a range test: a tenth of the lowest point, and where the
curve falls most steeply.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import retroprop as rp
from retroprop import nn, optim

Array = np.ndarray[Any, Any]
GRID = 10.0 ** (np.arange(-20, 5) / 4)
INITIALISATIONS = 2
OTHER_ORDERS = 100  # seeds of the grid's orders: lr_find takes 0, 1, 2


class Case(NamedTuple):
    """A training: its data, network and optimizer, and how long it is."""

    data: Callable[[Path], tuple[Array, Array]]
    model: Callable[[], nn.Module]
    optimizer: Callable[[Any], optim.Optimizer]
    batch_size: int
    epochs: int
    loss: str = "cross_entropy"


def table(path: Path, target: str, drop: tuple[str, ...] = ()) -> tuple[Array, list[str]]:
    """Standardised columns of a CSV file, and its target as text; rows with gaps are left out."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    rows = list(csv.DictReader(text.splitlines()))
    columns = [name for name in rows[0] if name not in {target, *drop}]
    rows = [row for row in rows if all(row[name] for name in columns)]
    x = np.array([[float(row[name]) for name in columns] for row in rows])
    return ((x - x.mean(0)) / x.std(0)).astype("f4"), [row[target] for row in rows]


def classes(name: str) -> Callable[[Path], tuple[Array, Array]]:
    """A table with classes."""

    def load(folder: Path) -> tuple[Array, Array]:
        x, labels = table(folder / name, "target")
        return x, np.unique(labels, return_inverse=True)[1].astype("i8")

    return load


def housing(folder: Path) -> tuple[Array, Array]:
    """4,000 districts of California; the target is standardised too."""
    x, prices = table(
        folder / "california_housing.csv.gz", "median_house_value", ("ocean_proximity",)
    )
    y = np.array(prices, float)[:, None]
    rows = np.random.default_rng(0).permutation(len(x))[:4000]
    return x[rows], ((y - y.mean()) / y.std()).astype("f4")[rows]


def images(name: str, count: int, *, flat: bool) -> Callable[[Path], tuple[Array, Array]]:
    """The first images of a file, as rows or with one channel."""

    def load(folder: Path) -> tuple[Array, Array]:
        with np.load(folder / name, allow_pickle=False) as file:
            x, y = file["x_train"][:count] / 255, file["y_train"][:count]
        return x.reshape((count, -1) if flat else (count, 1, 28, 28)).astype("f4"), y.astype("i8")

    return load


def mlp(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> Callable[[], nn.Module]:
    """Dense layers."""

    def make() -> nn.Module:
        parts: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            parts += [nn.Linear(before, after), activation()]
        return nn.Sequential(*parts[:-1])

    return make


def cnn() -> nn.Module:
    """Two convolutions with batch normalisation."""
    parts: list[nn.Module] = []
    for before, after in ((1, 8), (8, 16)):
        parts += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        parts += [nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(16 * 49, 10))


def momentum(parameters: Any) -> optim.Optimizer:
    """SGD with momentum."""
    return optim.SGD(parameters, lr=1.0, momentum=0.9)


MNIST = images("mnist.npz", 4000, flat=True)
FASHION = images("fashion_mnist_small.npz", 2000, flat=False)
IRIS, CANCER = classes("iris.csv"), classes("breast_cancer.csv.gz")
SMALL, WIDE = mlp(4, 16, 3, activation=nn.Tanh), mlp(784, 128, 10)
CASES = {
    "mnist, mlp, SGD momentum": Case(MNIST, WIDE, momentum, 64, 3),
    "mnist, mlp, Adam": Case(MNIST, WIDE, optim.Adam, 64, 3),
    "fashion, cnn, SGD momentum": Case(FASHION, cnn, momentum, 64, 4),
    "fashion, cnn, Adam": Case(FASHION, cnn, optim.Adam, 64, 4),
    "iris, mlp, SGD momentum": Case(IRIS, SMALL, momentum, 16, 20),
    "iris, mlp, Adam": Case(IRIS, SMALL, optim.Adam, 16, 20),
    "breast cancer, mlp, SGD momentum": Case(CANCER, mlp(30, 32, 2), momentum, 32, 10),
    "breast cancer, mlp, AdamW": Case(CANCER, mlp(30, 32, 2), optim.AdamW, 32, 10),
    "housing, mlp, SGD": Case(housing, mlp(8, 64, 64, 1), optim.SGD, 64, 6, "mse"),
    "housing, mlp, Adam": Case(housing, mlp(8, 64, 64, 1), optim.Adam, 64, 6, "mse"),
    "mnist, mlp, Adam, 10 epochs": Case(MNIST, WIDE, optim.Adam, 64, 10),
    "housing, mlp, SGD momentum, 12 epochs": Case(
        housing, mlp(8, 64, 64, 1), momentum, 64, 12, "mse"
    ),
}


def trainer_of(case: Case, initialisation: int, order: int) -> rp.Trainer:
    """A Trainer from fresh weights."""
    rp.manual_seed(initialisation)
    model = case.model()
    optimizer = case.optimizer(model.parameters())
    return rp.Trainer(model, loss=case.loss, optimizer=optimizer, health=False, seed=order)


def last_loss(trainer: rp.Trainer, case: Case, x: Array, y: Array) -> float:
    """The mean loss over the last epoch of a training."""
    fit = trainer.fit(x, y, epochs=case.epochs, batch_size=case.batch_size, progress=False)
    return float(fit[-1]["loss"])


def grid(case: Case, x: Array, y: Array) -> Array:
    """The final loss at each rate, the mean over the initialisations; inf where one diverged."""
    losses = np.full((INITIALISATIONS, len(GRID)), np.inf)
    for number in range(INITIALISATIONS):
        trainer = trainer_of(case, number, OTHER_ORDERS + number)
        fresh = {name: np.array(v.numpy()) for name, v in trainer.model.state_dict().items()}
        clean = {name: np.array(v.numpy()) for name, v in trainer.optimizer.tensors().items()}
        for at, lr in enumerate(GRID):
            trainer.model.load_state_dict(fresh)
            for name, cell in trainer.optimizer.tensors().items():
                cell.assign(rp.asarray(clean[name]))
            trainer.optimizer.lr = lr
            trainer.epoch, trainer.first_epoch, trainer.history[:] = 0, None, []
            trainer.position = {"batch": 0, "loss": 0.0, "weight": 0.0}
            try:
                losses[number, at] = last_loss(trainer, case, x, y)
            except rp.DivergedError:
                continue
    means: Array = losses.mean(axis=0)
    return means


def ratio(losses: Array, lr: float) -> float:
    """The loss at a rate, between those of the grid, over the best."""
    at = np.log(np.clip(lr, GRID[0], GRID[-1]))
    return float(np.interp(at, np.log(GRID), losses) / losses.min())


def row(name: str, case: Case, folder: Path, picture: str | None) -> str:
    """One line of the table."""
    x, y = case.data(folder)
    rows = np.random.default_rng(1).permutation(len(x))
    x, y = x[rows], y[rows]
    began = time.perf_counter()
    found = rp.lr_find(trainer_of(case, 0, 0), x, y, batch_size=case.batch_size, progress=False)
    seconds = time.perf_counter() - began
    if picture:
        Path(picture).write_text(found.chart(name, standalone=True), encoding="utf-8")
    losses = grid(case, x, y)
    seen = found.curve
    steepest = seen.rates[np.argmin(np.gradient(seen.mean)[: seen.lowest + 1])]
    best = int(np.argmin(losses))
    cells = [
        name,
        f"{found.suggestion:.2g}",
        f"{found.low:.1g} .. {found.high:.1g}",
        f"{found.confidence:.2f}",
        f"{GRID[best]:.2g}",
        f"{losses[best]:.4f}",
        f"**{ratio(losses, found.suggestion):.2f}**",
        f"{ratio(losses, seen.rates[seen.lowest] / 10):.2f}",
        f"{ratio(losses, steepest):.2f}",
        f"{seconds:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*", help="cases that begin with one of these")
    parser.add_argument("--picture", metavar="FILE", help="of the first case")
    options = parser.parse_args()
    head = "case, suggested, interval, confidence, best, its loss, ratio, min / 10, steepest, s"
    print("| " + head.replace(", ", " | ") + " |")
    print("|---" * 10 + "|")
    chosen = [n for n in CASES if not options.names or n.startswith(tuple(options.names))]
    for name in chosen:
        print(row(name, CASES[name], options.data, options.picture), flush=True)
        options.picture = None


if __name__ == "__main__":
    main()
