"""A small problem with a known gradient, and the path that an optimizer takes on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import retroprop as rp
from retroprop.optim import Optimizer

__all__ = ["agree", "follow", "gradients", "restate", "start"]

Array = np.ndarray[Any, Any]
Memory = dict[str, Any]


def start(dtype: Any = np.float64) -> list[Array]:
    """A matrix and a vector to start from."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in ((4, 3), (3,))]


def gradients(params: list[Array]) -> list[Array]:
    """Of a mean squared error that is linear in the parameters, plus a quartic term."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(10, 4)), rng.normal(size=(10, 3))
    w, b = (p.astype(np.float64) for p in params)
    error = 2.0 * (x @ w + b - y) / y.size
    found = [x.T @ error + 0.1 * w**3, error.sum(0) + 0.1 * b**3]
    return [g.astype(p.dtype) for g, p in zip(found, params, strict=True)]


def follow(make: Callable[..., Optimizer], steps: int, dtype: Any = np.float64) -> list[Array]:
    """Where `make(params)` gets in so many steps."""
    params = [rp.tensor(p, requires_grad=True) for p in start(dtype)]
    optimizer = make(params)
    for _ in range(steps):
        for param, g in zip(params, gradients([p.numpy() for p in params]), strict=True):
            param.grad = rp.asarray(g)
        optimizer.step()
    return [p.numpy() for p in params]


def restate(update: Callable[[Array, Array, Memory, int], Array], steps: int) -> list[Array]:
    """Where `update(p, g, memory, t)` of one parameter gets, with t from 1, in float64."""
    params = start()
    memories: list[Memory] = [{} for _ in params]
    for t in range(1, steps + 1):
        rows = zip(params, gradients(params), memories, strict=True)
        params = [update(p, g, memory, t) for p, g, memory in rows]
    return params


def agree(ours: list[Array], theirs: list[Array], rtol: float = 1e-10) -> None:
    """The parameters are the same, up to rounding, and have moved."""
    for a, b, origin in zip(ours, theirs, start(), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
        assert np.abs(a - origin).max() > 1e-4
