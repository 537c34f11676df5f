"""Small networks and histories for the tests of health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.health import History, Monitor, Site
from retroprop.nn import functional as F


def deep(activation: type[nn.Module], layers: int = 8, width: int = 32) -> nn.Module:
    """A stack of equal layers, as PyTorch would start it."""
    rp.manual_seed(0)
    parts: list[nn.Module] = [nn.Linear(8, width), activation()]
    for _ in range(layers - 2):
        parts += [nn.Linear(width, width), activation()]
    return nn.Sequential(*parts, nn.Linear(width, 3))


def batch(count: int = 64, seed: int = 0) -> tuple[rp.Tensor, rp.Tensor]:
    """Inputs (count, 8) and one of three classes that depends on them."""
    x = np.random.default_rng(seed).standard_normal((count, 8)).astype("f4")
    return rp.asarray(x), rp.asarray((x[:, 0] > 0).astype("i8") + (x[:, 1] > 0))


def watched(model: nn.Module, steps: int = 3, **options: Any) -> Monitor:
    """A monitor that has looked at each of some steps of training."""
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    x, y = batch()

    def backward(x: rp.Tensor, y: rp.Tensor) -> rp.Tensor:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    monitor = Monitor(model, optimizer, backward, every=1, **options)
    for step in range(1, steps + 1):
        monitor.before(x, y)
        optimizer.zero_grad()
        loss = backward(x, y)
        optimizer.step()
        optimizer.zero_grad()
        monitor.trained(0.01, [loss.item()], [1.0])
        monitor.after(step)
    return monitor


def history(kind: str, what: str, rows: Sequence[Sequence[float]], **facts: Any) -> History:
    """A history with one statistic of some sites, a row for each event."""
    names = [str(number) for number in range(len(rows[0]))]
    made = History([Site(name, kind, 10) for name in names], **facts)
    for number, row in enumerate(rows):
        pairs = zip(names, row, strict=True)
        made.add(10 * (number + 1), 0.1, {(what, name): value for name, value in pairs})
    return made
