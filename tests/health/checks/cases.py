"""Small cases for the tests of checks."""

from __future__ import annotations

from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn, optim
from retroprop.health.checks import Case, make_case


def data(count: int = 64) -> tuple[Any, Any]:
    """Inputs (count, 8) and one of three classes."""
    x = np.random.default_rng(0).standard_normal((count, 8)).astype("f4")
    return x, (x[:, 0] > 0).astype("i8") + (x[:, 1] > 0)


def mlp(activation: Any = nn.ReLU, layers: int = 3, outputs: int = 3, *last: nn.Module) -> Any:
    """A stack of dense layers, as PyTorch would start it."""
    rp.manual_seed(0)
    parts: list[nn.Module] = [nn.Linear(8, 32), activation()]
    for _ in range(layers - 2):
        parts += [nn.Linear(32, 32), activation()]
    return nn.Sequential(*parts, nn.Linear(32, outputs), *last)


def case(model: Any = None, loss: Any = "cross_entropy", **changes: Any) -> Case:
    """A sound case, but for what is changed."""
    model = mlp() if model is None else model
    x, y = data()
    x, y = changes.pop("x", x), changes.pop("y", y)
    if "optimizer" not in changes and any(p.requires_grad for p in model.parameters()):
        changes["optimizer"] = optim.Adam(model.parameters(), lr=1e-3)
    return make_case(model, loss, x, y, **changes)


def names(findings: Any) -> list[str]:
    """The rules that found something."""
    return [finding.rule for finding in findings]
