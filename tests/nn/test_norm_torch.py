"""Normalisation layers against PyTorch: outputs, gradients, running statistics over steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.nn.parity import agree, same_state

torch = pytest.importorskip("torch")

SHAPES = {1: (4, 6, 7), 2: (3, 6, 5, 4), 3: (2, 6, 3, 4, 2)}
LOOSE = {"float32": (1e-4, 2e-5), "float64": (1e-9, 1e-10)}
CHANNEL: list[dict[str, Any]] = [
    {},
    {"affine": True, "momentum": 0.3, "eps": 1e-3},
    {"affine": False, "track_running_stats": True},
    {"affine": True, "track_running_stats": False},
]


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(1.0, 2.0, size=shape)


def pair(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)


def vary(theirs: Any) -> None:
    """Weights and biases that are not 1 and 0."""
    with torch.no_grad():
        for one in theirs.parameters():
            one.normal_(1.0, 0.5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", CHANNEL, ids=str)
@pytest.mark.parametrize("kind", ["BatchNorm", "InstanceNorm"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_channels(
    count: int, kind: str, options: dict[str, Any], dtype: str, training: bool
) -> None:
    ours, theirs = pair(f"{kind}{count}d", 6, **options)
    vary(theirs)
    ours.train(training)
    theirs.train(training)
    agree(torch, ours, theirs, [normal(*SHAPES[count])], dtype=dtype, tolerance=LOOSE[dtype])


def test_batch_norm_of_features() -> None:
    agree(torch, *pair("BatchNorm1d", 6), [normal(5, 6)], tolerance=(1e-9, 1e-10))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_over_steps(momentum: float | None) -> None:
    ours, theirs = pair("BatchNorm2d", 3, momentum=momentum)
    ours.double()
    theirs.double()
    for step in range(4):
        x = normal(4, 3, 5, 5, seed=step)
        ours(rp.asarray(x))
        theirs(torch.tensor(x))
        same_state(torch, ours, theirs, rtol=1e-10)
    ours.eval()
    theirs.eval()
    y = ours(rp.asarray(x)).detach().numpy()
    np.testing.assert_allclose(y, theirs(torch.tensor(x)).detach().numpy(), rtol=1e-9)
    ours.reset_running_stats()
    theirs.reset_running_stats()
    same_state(torch, ours, theirs, rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options", [{}, {"eps": 1e-2}, {"bias": False}, {"elementwise_affine": False}], ids=str
)
@pytest.mark.parametrize("shape", [6, (5, 6)], ids=str)
def test_layer_norm(shape: Any, options: dict[str, Any], dtype: str) -> None:
    ours, theirs = pair("LayerNorm", shape, **options)
    vary(theirs)
    agree(torch, ours, theirs, [normal(3, 5, 6)], dtype=dtype, tolerance=LOOSE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"eps": 1e-2}, {"elementwise_affine": False}], ids=str)
def test_rms_norm(options: dict[str, Any], dtype: str) -> None:
    ours, theirs = pair("RMSNorm", 6, **options)
    vary(theirs)
    agree(torch, ours, theirs, [normal(3, 5, 6)], dtype=dtype, tolerance=LOOSE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_norm(groups: int, dtype: str) -> None:
    ours, theirs = pair("GroupNorm", groups, 6)
    vary(theirs)
    agree(torch, ours, theirs, [normal(3, 6, 4, 5)], dtype=dtype, tolerance=LOOSE[dtype])


def test_local_response_norm() -> None:
    agree(torch, *pair("LocalResponseNorm", 3, 0.1), [normal(2, 6, 4, 4)])
