"""L-BFGS on problems with known minima, its memory, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, CheckpointError, DivergedError, TapeError


def rosenbrock(w: rp.Tensor) -> rp.Tensor:
    return ((1.0 - w[:-1]) ** 2).sum() + 100.0 * ((w[1:] - w[:-1] ** 2) ** 2).sum()


def closure_of(opt: optim.Optimizer, loss: Callable[[], rp.Tensor]) -> Callable[[], rp.Tensor]:
    def closure() -> rp.Tensor:
        opt.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


@pytest.mark.parametrize("history_size", [5, 100])
def test_rosenbrock(history_size: int) -> None:
    w = rp.tensor(np.array([-1.2, 1.0, -0.5, 0.8]), requires_grad=True)
    opt = optim.LBFGS([w], line_search_fn="strong_wolfe", history_size=history_size)
    closure = closure_of(opt, lambda: rosenbrock(w))
    for _ in range(10):
        opt.step(closure)
    np.testing.assert_allclose(w.numpy(), np.ones(4), atol=1e-4)


def test_quadratic_of_several_parameters() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    w = rp.tensor(np.zeros((4, 2)), requires_grad=True)
    b = rp.tensor(np.zeros(2), requires_grad=True)
    opt = optim.LBFGS([w, b], max_iter=60, line_search_fn="strong_wolfe")
    opt.step(closure_of(opt, lambda: ((rp.asarray(x) @ w + b - rp.asarray(y)) ** 2).sum()))
    design = np.hstack([x, np.ones((30, 1))])
    best = np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(np.vstack([w.numpy(), b.numpy()[None]]), best, atol=1e-6)


def test_step_returns_the_loss_before() -> None:
    w = rp.tensor([3.0], requires_grad=True)
    opt = optim.LBFGS([w], lr=0.1)
    with rp.no_grad():
        assert opt.step(closure_of(opt, lambda: (w * w).sum())).item() == 9.0
    assert abs(w.item()) < 3.0
    assert opt.count.item() == 1


def test_at_the_minimum_nothing_moves() -> None:
    w = rp.zeros(2, requires_grad=True)
    opt = optim.LBFGS([w])
    opt.step(closure_of(opt, lambda: (w * w).sum()))
    assert w.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_evaluations_are_bounded(search: str | None) -> None:
    calls = 0

    def loss() -> rp.Tensor:
        nonlocal calls
        calls += 1
        return rosenbrock(w)

    w = rp.tensor(np.array([-1.2, 1.0]), requires_grad=True)
    opt = optim.LBFGS([w], lr=1e-3, max_iter=50, max_eval=7, line_search_fn=search)
    opt.step(closure_of(opt, loss))
    assert 1 < calls <= 8


def test_schedule() -> None:
    w = rp.tensor([3.0], requires_grad=True)
    opt = optim.LBFGS([w], lr=optim.schedule.exponential(0.1, 0.5), max_iter=1)
    closure = closure_of(opt, lambda: (w * w).sum())
    seen = []
    for _ in range(3):
        opt.step(closure)
        seen.append(opt.lr)
    assert seen == pytest.approx([0.1, 0.05, 0.025])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_resume_is_exact(dtype: Any, before: int) -> None:
    def make(value: Any) -> tuple[rp.Tensor, optim.LBFGS, Any]:
        w = rp.tensor(np.array(value, dtype), requires_grad=True)
        opt = optim.LBFGS([w], max_iter=4, history_size=3, line_search_fn="strong_wolfe")
        return w, opt, closure_of(opt, lambda: rosenbrock(w))

    w, opt, closure = make([-1.2, 1.0, 0.5])
    for _ in range(before):
        opt.step(closure)
    state, value = opt.state_dict(), w.numpy().copy()
    rest = json.loads(json.dumps({k: v for k, v in state.items() if k != "state"}))
    arrays = {name: tensor.numpy().copy() for name, tensor in state["state"].items()}
    w2, opt2, closure2 = make(value)
    opt2.load_state_dict({**rest, "state": arrays})
    for _ in range(3):
        opt.step(closure)
        opt2.step(closure2)
    assert w.numpy().tobytes() == w2.numpy().tobytes()


def test_states_that_do_not_fit() -> None:
    w, wider = (rp.tensor(np.ones(n), requires_grad=True) for n in (2, 3))
    opt, other = optim.LBFGS([w]), optim.LBFGS([wider])
    opt.step(closure_of(opt, lambda: rosenbrock(w * 3.0)))
    state = opt.state_dict()
    with pytest.raises(CheckpointError, match=r"saved for 2 numbers of float64 .* here are 3"):
        other.load_state_dict(state)
    with pytest.raises(CheckpointError, match="the saved state is of SGD"):
        opt.load_state_dict(optim.SGD([w]).state_dict())
    with pytest.raises(CheckpointError, match=r"memory.d, .* not found"):
        opt.load_state_dict({**state, "state": {"count": state["state"]["count"]}})
    without = {k: v for k, v in state["state"].items() if k != "count"}
    with pytest.raises(CheckpointError, match="count is missing"):
        opt.load_state_dict({**state, "state": without})
    after = opt.state_dict()["state"]
    assert all((after[name].numpy() == v.numpy()).all() for name, v in state["state"].items())


def test_refused() -> None:
    w, b = rp.ones(1, requires_grad=True), rp.ones(1, requires_grad=True)
    with pytest.raises(ArgumentError, match="only one parameter group"):
        optim.LBFGS([{"params": w}, {"params": b}])
    with pytest.raises(ArgumentError, match="line_search_fn is 'wolfe'"):
        optim.LBFGS([w], line_search_fn="wolfe")
    opt = optim.LBFGS([w])
    with pytest.raises(ArgumentError, match="needs a closure"):
        opt.step()
    with pytest.raises(TapeError, match="none of the 1 parameters has a gradient"):
        opt.step(lambda: (w * w).sum())
    with pytest.raises(TapeError, match="the closure returned a NoneType"):
        opt.step(lambda: (w * w).sum().backward())


def test_a_start_that_is_not_finite() -> None:
    w = rp.tensor([1.0, 2.0], requires_grad=True)
    opt = optim.LBFGS([w])
    with pytest.raises(DivergedError, match="the loss is nan, 2 of 2 gradients are not finite"):
        opt.step(closure_of(opt, lambda: (w * math.nan).sum()))
    assert w.tolist() == [1.0, 2.0]
