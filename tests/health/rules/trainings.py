"""Small real trainings, and what was seen of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import DivergedError
from retroprop.health import History
from retroprop.nn import functional as F

__all__ = ["HEALTHY", "Reader", "blobs", "dense", "fitted", "healthy", "scaled", "sequences"]

Array = np.ndarray[Any, Any]


def blobs(count: int = 384, seed: int = 0) -> tuple[Array, Array]:
    """Four clouds in 8 dimensions that overlap a little, and their numbers."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((4, 8)) * 1.2
    y = rng.integers(0, 4, count)
    return (centres[y] + rng.standard_normal((count, 8))).astype("f4"), y


def sequences(count: int = 256, length: int = 20) -> tuple[Array, Array]:
    """Numbers, step by step; whether the first one is positive."""
    x = np.random.default_rng(1).standard_normal((count, length, 1)).astype("f4")
    return x, (x[:, 0, 0] > 0).astype("i8")


def dense(
    activation: type[nn.Module] = nn.ReLU, layers: int = 3, width: int = 24, outputs: int = 4
) -> nn.Sequential:
    """Equal layers, started as their activation asks for."""
    parts: list[nn.Module] = []
    for number in range(layers - 1):
        parts += [nn.Linear(width if number else 8, width), activation()]
    return nn.init.auto_(nn.Sequential(*parts, nn.Linear(width, outputs)))


def scaled(model: nn.Module, name: str, factor: float) -> nn.Module:
    """The same model with the parameters whose names contain `name` multiplied."""
    with rp.no_grad():
        for known, param in model.named_parameters():
            if name in known:
                param.assign(param * factor)
    return model


def fitted(
    model: Callable[[], nn.Module],
    data: tuple[Array, Array] | None = None,
    *,
    lr: Any = 0.01,
    optimizer: str = "adam",
    epochs: int = 12,
    batch_size: int = 32,
    held_out: Any = None,
    looks: int = 10,
    **options: Any,
) -> History:
    """What was seen of a training, by default of blobs in 144 steps."""
    rp.manual_seed(0)
    made = model()
    chosen = optim.get(optimizer)(made.parameters(), lr=lr)  # type: ignore[call-arg]
    trainer = rp.Trainer(made, optimizer=chosen, health=looks, compiled=False, **options)
    assert trainer.monitor is not None
    trainer.monitor._compiled = trainer.monitor._probe  # these are too short to be compiled
    x, y = blobs() if data is None else data
    sizes = {"epochs": epochs, "batch_size": batch_size}
    with suppress(DivergedError):  # what was seen before is what counts
        trainer.fit(x, y, validation_data=held_out, progress=False, **sizes)
    return trainer.monitor.history


class Reader(nn.Module):
    """A recurrent layer, and a dense one on its last output."""

    def __init__(self, cell: nn.Module) -> None:
        self.cell, self.head = cell, nn.Linear(16, 2)

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        return self.head(self.cell(x)[0][:, -1])


class Words(nn.Module):
    """The mean of the vectors of tokens, and a block of attention on them."""

    def __init__(self) -> None:
        self.table = nn.Embedding(30, 16)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        return self.head(rp.mean(self.block(self.table(x)), axis=1))


class Residual(nn.Module):
    """x + f(x), six times."""

    def __init__(self) -> None:
        self.first, self.last = nn.Linear(8, 24), nn.Linear(24, 4)
        self.inner = nn.ModuleList([nn.Linear(24, 24) for _ in range(6)])

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        x = self.first(x)
        for layer in self.inner:
            x = x + 0.3 * F.relu(layer(x))
        return self.last(x)


def _normed(layers: int = 6) -> nn.Module:
    parts: list[nn.Module] = [nn.Linear(8, 24)]
    for _ in range(layers):
        parts += [nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 24)]
    return nn.Sequential(*parts, nn.Linear(24, 4))


def _small_targets() -> tuple[Array, Array]:
    x, _ = blobs()
    return x, (0.003 * np.tanh(x[:, :1] - x[:, 1:2])).astype("f4")


def _words() -> tuple[Array, Array]:
    x = np.random.default_rng(2).integers(0, 30, (256, 10))
    return x, (x < 8).sum(1) // 3 % 2


def _shaken(x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    return x + 0.2 * rng.standard_normal(x.shape).astype("f4"), y


HEALTHY: dict[str, Callable[[], History]] = {
    "dense": lambda: fitted(dense),
    "tanh": lambda: fitted(lambda: dense(nn.Tanh, 4)),
    "sgd": lambda: fitted(dense, optimizer="sgd", lr=0.1),
    "deep": lambda: fitted(lambda: dense(layers=12), lr=2e-3),
    "batch norm": lambda: fitted(_normed),
    "residual": lambda: fitted(Residual, lr=3e-3),
    "dropout": lambda: fitted(
        lambda: nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 4))
    ),
    "tiny batches": lambda: fitted(dense, lr=1e-3, batch_size=2, epochs=3),
    "converged": lambda: fitted(dense, blobs(64), epochs=100),
    "schedule": lambda: fitted(dense, lr=optim.schedule.one_cycle(0.01, 144)),
    "small targets": lambda: fitted(
        lambda: dense(outputs=1), _small_targets(), loss="mse", lr=3e-3, epochs=20
    ),
    "augmented": lambda: fitted(dense, augment=_shaken),
    "clipped": lambda: fitted(dense, clip_grad_norm=1.0),
    "gru": lambda: fitted(
        lambda: Reader(nn.GRU(1, 16, batch_first=True)), sequences(length=8), epochs=20
    ),
    "words": lambda: fitted(Words, _words(), lr=5e-3, epochs=15),
}


@cache
def healthy(name: str) -> History:
    """A training without faults, made once."""
    return HEALTHY[name]()
