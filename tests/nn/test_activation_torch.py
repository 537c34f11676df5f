"""Activation modules take PyTorch's arguments, under the same names and in the same order."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.nn import activation

torch = pytest.importorskip("torch")

OURS_ALONE = {"SwiGLU"}
ADDED = {"dtype", "device"}
SHARED = sorted(set(activation.__all__) - OURS_ALONE)
NEEDED: dict[str, tuple[Any, ...]] = {"Threshold": (0.5, -1.0), "Softmax": (1,), "Softmin": (1,)}


def arguments(cls: Any) -> dict[str, Any]:
    found = inspect.signature(cls.__init__).parameters.items()
    return {name: each.default for name, each in found if name not in ADDED and name != "self"}


@pytest.mark.parametrize("name", SHARED)
def test_signature(name: str) -> None:
    ours, theirs = arguments(getattr(nn, name)), arguments(getattr(torch.nn, name))
    theirs = {k: v for k, v in theirs.items() if k not in ("min_value", "max_value")}  # deprecated
    ours = {k: v for k, v in ours.items() if k not in ("args", "kwargs")}
    theirs = {k: v for k, v in theirs.items() if k not in ("args", "kwargs")}
    assert list(ours) == list(theirs)
    for argument, default in theirs.items():
        assert ours[argument] == default, argument


@pytest.mark.parametrize("name", sorted(set(SHARED) - {"Softmax2d", "RReLU"}))
def test_default_module(name: str) -> None:
    x = np.random.default_rng(0).normal(0.0, 2.0, (4, 6)).astype(np.float32)
    given = NEEDED.get(name, (1,) if name == "LogSoftmax" else ())
    y = getattr(nn, name)(*given)(rp.asarray(x))
    expected = getattr(torch.nn, name)(*given)(torch.tensor(x))
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=2e-5, atol=2e-6)


def test_prelu_exchanges_weights() -> None:
    theirs = torch.nn.PReLU(4, 0.3)
    ours = nn.PReLU(4)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy())
