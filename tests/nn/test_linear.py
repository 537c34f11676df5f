"""Linear and Bilinear: values, shapes, messages."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def test_linear_is_an_affine_map() -> None:
    layer = nn.Linear(3, 2)
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(rp.asarray(x)).detach().numpy(), x @ w.T + b, rtol=1e-5)
    np.testing.assert_allclose(layer(x).detach().numpy(), x @ w.T + b, rtol=1e-5)
    assert layer(rp.ones(3)).shape == (2,)
    assert layer(rp.ones((0, 3))).shape == (0, 2)
    assert nn.Linear(3, 2, bias=False).bias is None


def test_bilinear_is_a_form_in_two_inputs() -> None:
    layer = nn.Bilinear(3, 2, 4)
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    expected = np.einsum("ni,oij,nj->no", x, w, z) + b
    y = layer(rp.asarray(x), rp.asarray(z)).detach().numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_the_bias_is_drawn_too() -> None:
    layer = nn.Linear(100, 1000)
    for values in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert 0.095 < np.abs(values).max() <= 0.1
    before = layer.weight.tolist()
    layer.reset_parameters()
    assert layer.weight.tolist() != before
    assert nn.Linear(0, 2)(rp.ones((1, 0))).shape == (1, 2)


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((8, 3, 4), "add nn.Flatten() before it"),
        ((8, 5), "make it nn.Linear(5, 2)"),
        ((), "give it a last axis of 12 features"),
    ],
)
def test_misfits_come_with_a_way_out(shape: tuple[int, ...], fix: str) -> None:
    with pytest.raises(ShapeError, match=r"Linear expects \(\.\.\., 12 features\)") as caught:
        nn.Linear(12, 2)(rp.ones(shape))
    assert fix in str(caught.value)


def test_bilinear_misfits() -> None:
    with pytest.raises(ShapeError, match="do not fit a weight"):
        nn.Bilinear(3, 2, 4)(rp.ones((5, 3)), rp.ones((6, 2)))


@pytest.mark.parametrize("size", [-1, 2.5, "3"])
def test_sizes_are_checked(size: object) -> None:
    with pytest.raises(ArgumentError, match="in_features must be a whole number"):
        nn.Linear(size, 1)  # type: ignore[arg-type]
