"""ReduceOnPlateau beside PyTorch's, on metrics that wander."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import retroprop as rp  # noqa: E402
from retroprop import optim  # noqa: E402


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(
    "options",
    [{"patience": 2}, {"patience": 0, "cooldown": 3}, {"patience": 1, "min_lr": 0.05}],
    ids=str,
)
def test_same_rates(mode: str, threshold_mode: str, options: dict[str, Any]) -> None:
    options = {"factor": 0.5, "threshold": 0.01, **options}
    ours = optim.SGD([rp.ones(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    a = optim.ReduceOnPlateau(ours, mode=mode, threshold_mode=threshold_mode, **options)
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(
        theirs, mode=mode, threshold_mode=threshold_mode, **options
    )
    rng = np.random.default_rng(0)
    metrics = 1.0 + np.cumsum(rng.normal(size=40) * 0.02)
    rates = []
    for metric in [*metrics, float("nan"), float("nan"), 0.5]:
        a.update(metric)
        b.step(metric)
        assert ours.lr == theirs.param_groups[0]["lr"]
        rates.append(ours.lr)
    assert len(set(rates)) > 2
