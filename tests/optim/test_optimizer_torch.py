"""Ten and fifty steps of every optimizer that PyTorch has too, side by side.

Stated tolerances, relative and absolute: 1e-10 in float64, 2e-5 in float32 (whose roundings fifty
steps carry along). Muon: PyTorch orthogonalises in bfloat16, so that 0.05 is all one can ask.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import retroprop as rp  # noqa: E402
from retroprop import optim  # noqa: E402

Array = np.ndarray[Any, Any]
TOLERANCE = {"float32": 2e-5, "float64": 1e-10}
GRID: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"betas": (0.7, 0.9), "amsgrad": True, "weight_decay": 0.2}),
    ("Adamax", {}),
    ("Adamax", {"betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("NAdam", {}),
    ("NAdam", {"betas": (0.7, 0.9), "momentum_decay": 0.02, "weight_decay": 0.1}),
    ("NAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("RAdam", {}),
    ("RAdam", {"betas": (0.7, 0.9), "weight_decay": 0.1}),
    ("RAdam", {"betas": (0.7, 0.5), "decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.5}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("Adadelta", {}),
    ("Adadelta", {"rho": 0.8, "eps": 1e-4, "weight_decay": 0.1}),
    ("Rprop", {}),
    ("Rprop", {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.1)}),
]


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Iterator[str]:
    """PyTorch keeps the scalars of its state in its default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, request.param))
    yield request.param
    torch.set_default_dtype(before)


def problem(dtype: str) -> tuple[list[Array], Array, Array]:
    rng = np.random.default_rng(2)
    shapes = ((5, 4), (4,), (4, 3), (3,))
    weights = [(0.5 * rng.normal(size=shape)).astype(dtype) for shape in shapes]
    return weights, rng.normal(size=(12, 5)).astype(dtype), rng.normal(size=(12, 3)).astype(dtype)


def train(lib: Any, opt: Any, params: list[Any], x: Any, y: Any, steps: int) -> None:
    for step in range(steps):
        opt.zero_grad()
        w, b, v, c = params
        error = lib.tanh(x @ w + b) @ v + c - y
        (error * error).mean().backward()
        if step % 3 == 1:  # a parameter whose gradient is missing now and then
            b.grad = None
        opt.step()


def both(
    name: str, options: dict[str, Any], dtype: str, steps: int, lr: float
) -> list[tuple[Array, Array]]:
    weights, x, y = problem(dtype)
    ours = [rp.tensor(w, requires_grad=True) for w in weights]
    theirs = [torch.tensor(w, requires_grad=True) for w in weights]
    train(
        rp, getattr(optim, name)(ours, lr=lr, **options), ours, rp.asarray(x), rp.asarray(y), steps
    )
    opt = getattr(torch.optim, name)(theirs, lr=lr, **options)
    train(torch, opt, theirs, torch.tensor(x), torch.tensor(y), steps)
    return [(a.numpy(), b.detach().numpy()) for a, b in zip(ours, theirs, strict=True)]


@pytest.mark.parametrize("steps", [10, 50])
@pytest.mark.parametrize(("name", "options"), GRID, ids=str)
def test_trajectory(name: str, options: dict[str, Any], steps: int, dtype: str) -> None:
    lr = 0.5 if name == "Adadelta" else 0.01
    for (a, b), start in zip(both(name, options, dtype, steps, lr), problem(dtype)[0], strict=True):
        assert a.dtype == b.dtype
        assert np.abs(b - start).max() > 1e-3
        np.testing.assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("adjust", [None, "match_rms_adamw"])
def test_muon(adjust: str | None) -> None:
    """One step from the same place: the direction is the same, up to PyTorch's bfloat16."""
    rng = np.random.default_rng(0)
    for shape in ((6, 4), (4, 6), (5, 5)):
        w, g = rng.normal(size=(2, *shape)).astype(np.float32)
        ours, theirs = rp.tensor(w, requires_grad=True), torch.tensor(w, requires_grad=True)
        ours.grad, theirs.grad = rp.asarray(g), torch.tensor(g)
        optim.Muon([ours], lr=1.0, adjust_lr_fn=adjust).step()
        torch.optim.Muon([theirs], lr=1.0, adjust_lr_fn=adjust).step()
        np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), atol=0.05)


@pytest.mark.parametrize("name", [*dict(GRID), "Muon", "LBFGS"])
def test_defaults_and_argument_order(name: str) -> None:
    """Every option that both have has the same default, and the same place."""
    implementation = {"foreach", "capturable", "differentiable", "fused"}
    places = []
    for lib in (optim, torch.optim):
        found = inspect.signature(getattr(lib, name).__init__).parameters.values()
        places.append([p.name for p in found if p.kind == p.POSITIONAL_OR_KEYWORD])
    ours_at, theirs_at = places[0], [each for each in places[1] if each not in implementation]
    assert ours_at == theirs_at[: len(ours_at)]
    ours = getattr(optim, name)([rp.ones((1, 1), requires_grad=True)]).defaults
    theirs = getattr(torch.optim, name)([torch.ones((1, 1), requires_grad=True)]).defaults
    assert set(theirs) - set(ours) <= implementation
    assert {key: theirs[key] for key in theirs if key in ours} == {
        key: value for key, value in ours.items() if key in theirs
    }


def test_rates_per_group_and_changed_on_the_way(dtype: str) -> None:
    weights, x, y = problem(dtype)
    results = []
    for lib, make in ((rp, rp.tensor), (torch, torch.tensor)):
        params = [make(w, requires_grad=True) for w in weights]
        groups = [{"params": params[:2], "lr": 0.05}, {"params": params[2:], "weight_decay": 0.1}]
        opt = (optim if lib is rp else torch.optim).AdamW(groups, lr=0.02)
        for _ in range(4):
            train(lib, opt, params, *(make(a) for a in (x, y)), 4)
            for group in opt.param_groups:
                group["lr"] *= 0.5
        results.append([p.detach().numpy() for p in params])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
