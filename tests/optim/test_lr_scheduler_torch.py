"""Every schedule beside PyTorch's scheduler of that name; tolerance 1e-12 relative."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import retroprop as rp  # noqa: E402
from retroprop import optim  # noqa: E402
from retroprop.optim import lr_scheduler, schedule  # noqa: E402

LR = 0.3
# PyTorch cycles the momentum too unless told not to.
ONLY_LR = {"cycle_momentum": False}
GRID: list[tuple[str, dict[str, Any], dict[str, Any], Callable[[], schedule.Schedule]]] = [
    ("StepLR", {"step_size": 4, "gamma": 0.3}, {}, lambda: schedule.step(LR, 4, 0.3)),
    (
        "MultiStepLR",
        {"milestones": [3, 7, 7], "gamma": 0.5},
        {},
        lambda: schedule.multistep(LR, [3, 7, 7], 0.5),
    ),
    ("ExponentialLR", {"gamma": 0.9}, {}, lambda: schedule.exponential(LR, 0.9)),
    (
        "ConstantLR",
        {"factor": 0.25, "total_iters": 4},
        {},
        lambda: schedule.join([LR / 4, LR], [4]),
    ),
    (
        "LinearLR",
        {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 6},
        {},
        lambda: schedule.linear(LR * 0.1, LR * 0.7, 6),
    ),
    ("PolynomialLR", {"total_iters": 9, "power": 2.0}, {}, lambda: schedule.polynomial(LR, 9, 2.0)),
    (
        "CosineAnnealingWarmRestarts",
        {"T_0": 3, "T_mult": 2, "eta_min": 0.01},
        {},
        lambda: schedule.cosine_restarts(LR, 3, 2, 0.01),
    ),
    (
        "CosineAnnealingWarmRestarts",
        {"T_0": 5},
        {},
        lambda: schedule.cosine_restarts(LR, 5),
    ),
    (
        "OneCycleLR",
        {"max_lr": 0.5, "total_steps": 41, "pct_start": 0.25},
        ONLY_LR,
        lambda: schedule.one_cycle(0.5, 41, 0.25),
    ),
    (
        "OneCycleLR",
        {"max_lr": 0.5, "total_steps": 41, "three_phase": True, "anneal_strategy": "linear"},
        ONLY_LR,
        lambda: schedule.one_cycle(0.5, 41, anneal_strategy="linear", three_phase=True),
    ),
    (
        "CyclicLR",
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3, "step_size_down": 5},
        ONLY_LR,
        lambda: schedule.cyclic(0.1, 0.5, 3, 5),
    ),
    (
        "CyclicLR",
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "mode": "triangular2"},
        ONLY_LR,
        lambda: schedule.cyclic(0.1, 0.5, 4, mode="triangular2"),
    ),
    (
        "CyclicLR",
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "mode": "exp_range", "gamma": 0.95},
        ONLY_LR,
        lambda: schedule.cyclic(0.1, 0.5, 4, mode="exp_range", gamma=0.95),
    ),
]


def torch_rates(name: str, options: dict[str, Any], steps: int) -> list[float]:
    opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=LR)
    return rates(getattr(torch.optim.lr_scheduler, name)(opt, **options), opt, steps)


def rates(scheduler: Any, opt: Any, steps: int) -> list[float]:
    seen = [opt.param_groups[0]["lr"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch: the scheduler steps, the optimizer does not
        for _ in range(steps):
            scheduler.step()
            seen.append(opt.param_groups[0]["lr"])
    return seen


def our_optimizer() -> optim.SGD:
    return optim.SGD([rp.ones(1, requires_grad=True)], lr=LR)


@pytest.mark.parametrize(
    ("name", "options", "theirs", "make"), GRID, ids=[f"{row[0]}-{row[1]}" for row in GRID]
)
def test_schedule(
    name: str,
    options: dict[str, Any],
    theirs: dict[str, Any],
    make: Callable[[], schedule.Schedule],
) -> None:
    expected = torch_rates(name, {**options, **theirs}, 40)
    one = make()
    np.testing.assert_allclose([one(t) for t in range(41)], expected, rtol=1e-12, atol=1e-17)
    opt = our_optimizer()
    ours = rates(getattr(lr_scheduler, name)(opt, **options), opt, 40)
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-17)


def test_cosine() -> None:
    expected = torch_rates("CosineAnnealingLR", {"T_max": 8, "eta_min": 0.02}, 20)
    one = schedule.cosine(LR, 8, 0.02)
    np.testing.assert_allclose([one(t) for t in range(9)], expected[:9], rtol=1e-12)
    opt = our_optimizer()
    ours = rates(lr_scheduler.CosineAnnealingLR(opt, T_max=8, eta_min=0.02), opt, 20)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_lambda() -> None:
    expected = torch_rates("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}, 10)
    opt = our_optimizer()
    ours = rates(lr_scheduler.LambdaLR(opt, lambda t: 1 / (1 + t)), opt, 10)
    assert ours == expected


def test_sequence() -> None:
    results = []
    for lib, opt in (
        (lr_scheduler, our_optimizer()),
        (
            torch.optim.lr_scheduler,
            torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=LR),
        ),
    ):
        parts = [
            lib.LinearLR(opt, start_factor=0.1, total_iters=4),
            lib.ExponentialLR(opt, gamma=0.9),
        ]
        scheduler = lib.SequentialLR(opt, parts, milestones=[4])
        results.append(rates(scheduler, opt, 12))
    np.testing.assert_allclose(*results, rtol=1e-12)
