"""Dropout layers: rates, scales, modes, seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError, TapeError

KINDS = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
SHAPES = {"Dropout1d": (20, 30, 4), "Dropout2d": (20, 30, 4, 2), "Dropout3d": (20, 30, 4, 2, 2)}


def made(kind: str, p: float) -> Any:
    return getattr(nn, kind)(p), SHAPES.get(kind, (20, 30, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_is_the_identity(kind: str) -> None:
    layer, shape = made(kind, 0.7)
    x = rp.random.normal(shape)
    assert layer.eval()(x) is x
    layer, shape = made(kind, 0.0)
    assert layer(x) is x
    layer, shape = made(kind, 1.0)
    assert not layer(x).numpy().any()


@pytest.mark.parametrize("kind", KINDS[:4])
def test_what_is_kept_is_scaled(kind: str) -> None:
    layer, shape = made(kind, 0.25)
    x = rp.ones(shape)
    y = layer(x).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(4 / 3)}
    whole = y if kind == "Dropout" else y.reshape(*shape[:2], -1)
    if kind != "Dropout":
        np.testing.assert_array_equal(whole, np.broadcast_to(whole[..., :1], whole.shape))
        whole = whole[..., 0]
    assert abs((whole == 0).mean() - 0.25) < 0.06


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_decide(kind: str) -> None:
    layer, shape = made(kind, 0.5)
    x = rp.random.normal(shape)
    rp.manual_seed(3)
    first, second = layer(x).tolist(), layer(x).tolist()
    rp.manual_seed(3)
    assert layer(x).tolist() == first
    assert first != second


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = rp.random.normal((100, 400))
    for layer in (nn.AlphaDropout(0.4), nn.FeatureAlphaDropout(0.4)):
        y = layer(x).numpy()
        assert abs(y.mean()) < 0.02
        assert abs(y.std() - 1) < 0.02


def test_gradients_pass_what_was_kept() -> None:
    x = rp.tensor(np.full(50, 2.0, np.float32), requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy() * 2, y.detach().numpy())


def test_in_place_changes_the_input_too() -> None:
    x = rp.ones(100)
    y = nn.Dropout(0.5, inplace=True)(x)
    assert y is x
    assert set(x.tolist()) == {0.0, 2.0}
    with pytest.raises(TapeError, match="in place"):
        nn.Dropout(inplace=True)(rp.ones(3, requires_grad=True))


def test_misuse() -> None:
    for kind in KINDS:
        with pytest.raises(ArgumentError, match=f"{kind}: p is 1.5"):
            getattr(nn, kind)(1.5)
    with pytest.raises(ShapeError, match=r"dropout2d: .* with 2 spatial axes"):
        nn.Dropout2d()(rp.ones((3, 4)))
