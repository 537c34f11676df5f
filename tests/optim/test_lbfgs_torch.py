"""Ten steps of L-BFGS beside PyTorch's: the same points, the same number of evaluations.

Tolerances: 1e-9 in float64; 2e-3 in float32 on Rosenbrock's valley, which stretches roundings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import retroprop as rp  # noqa: E402
from retroprop import optim  # noqa: E402

SEARCH = {"line_search_fn": "strong_wolfe"}
GRID: list[tuple[dict[str, Any], float]] = [
    ({"lr": 1e-3}, 0.1),
    ({"lr": 0.1, "max_iter": 4, "history_size": 4}, 0.1),
    ({**SEARCH, "max_iter": 5}, 1.0),
    ({**SEARCH, "max_iter": 5, "history_size": 3}, 1.0),
    ({**SEARCH, "max_iter": 8, "max_eval": 6, "lr": 0.5}, 1.0),
]


def walk(lib: Any, opt: Any, w: Any, steps: int) -> tuple[list[Any], int]:
    calls = 0

    def closure() -> Any:
        nonlocal calls
        calls += 1
        opt.zero_grad()
        loss = ((1.0 - w[:-1]) ** 2).sum() + 100.0 * ((w[1:] - w[:-1] ** 2) ** 2).sum()
        loss.backward()
        return loss

    points = []
    for _ in range(steps):
        opt.step(closure)
        points.append(w.detach().numpy().copy())
    return points, calls


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("options", "spread"), GRID, ids=str)
def test_trajectory(options: dict[str, Any], spread: float, dtype: str) -> None:
    start = (1.0 + spread * (np.linspace(-1.2, 1.0, 6) - 1.0)).astype(dtype)
    ours = rp.tensor(start, requires_grad=True)
    theirs = torch.tensor(start, requires_grad=True)
    points, calls = walk(rp, optim.LBFGS([ours], **options), ours, 10)
    expected, count = walk(torch, torch.optim.LBFGS([theirs], **options), theirs, 10)
    tolerance = 1e-9 if dtype == "float64" else 2e-3
    for a, b in zip(points, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    if dtype == "float64":
        assert calls == count
