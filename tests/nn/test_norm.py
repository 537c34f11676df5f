"""Layer, RMS, group and local response normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).normal(3.0, 2.0, size=shape)


@pytest.mark.parametrize("shape", [5, (4, 5), (3, 4, 5)])
def test_layer_norm(shape: Any) -> None:
    x = normal(2, 3, 4, 5)
    axes = tuple(range(-len(shape), 0)) if isinstance(shape, tuple) else (-1,)
    y = nn.LayerNorm(shape, dtype="float64")(rp.asarray(x)).detach().numpy()
    expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, rtol=1e-9)


def test_rms_norm() -> None:
    x = normal(2, 3, 5)
    layer = nn.RMSNorm(5, eps=0.1, dtype="float64")
    layer.load_state_dict({"weight": np.arange(5.0)})
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + 0.1) * np.arange(5.0)
    np.testing.assert_allclose(layer(rp.asarray(x)).detach().numpy(), expected, rtol=1e-9)
    assert nn.RMSNorm(5)(rp.zeros((1, 5))).tolist() == [[0.0] * 5]


def test_group_norm_lies_between_layer_and_instance_norm() -> None:
    x = rp.asarray(normal(2, 6, 4, 4).astype(np.float32))
    one = nn.GroupNorm(1, 6, affine=False)(x).numpy()
    whole = nn.LayerNorm((6, 4, 4), elementwise_affine=False)(x).numpy()
    np.testing.assert_allclose(one, whole, rtol=1e-4, atol=1e-5)
    each = nn.GroupNorm(6, 6, affine=False)(x).numpy()
    np.testing.assert_allclose(each, nn.InstanceNorm2d(6)(x).numpy(), rtol=1e-4, atol=1e-5)
    assert nn.GroupNorm(2, 6)(rp.ones((3, 6))).shape == (3, 6)


def test_local_response_norm() -> None:
    x = normal(2, 4, 3)
    y = nn.LocalResponseNorm(3, alpha=0.3, beta=0.5, k=2.0)(rp.asarray(x)).numpy()
    padded = np.pad(x**2, [(0, 0), (1, 1), (0, 0)])
    energy = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    np.testing.assert_allclose(y, x / np.sqrt(2 + 0.3 * energy), rtol=1e-9)


def test_half_precision_is_normalised_in_single() -> None:
    x = (normal(4, 64) * 1000).astype(np.float16)
    y = nn.functional.layer_norm(rp.asarray(x), (64,))
    assert y.dtype == rp.float16
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / wide.std(-1, keepdims=True)
    np.testing.assert_allclose(y.numpy(), expected, atol=2e-3)


@pytest.mark.parametrize(
    ("layer", "shape", "match", "fix"),
    [
        (nn.LayerNorm(5), (4, 6), r"LayerNorm expects \(\.\.\., 5 features\)", "nn.LayerNorm(6)"),
        (nn.LayerNorm((4, 5)), (4, 6), r"\(\.\.\., 4, 5\), got \(4, 6\)", "to the last axes"),
        (nn.RMSNorm(5), (5, 6), "RMSNorm expects", "nn.RMSNorm(6)"),
        (nn.GroupNorm(2, 6), (4, 4, 6), r"GroupNorm expects \(batch, 6 channels", "on axis 1"),
        (nn.LocalResponseNorm(2), (4, 4), "local_response_norm expects", "local"),
    ],
    ids=repr,
)
def test_misfits_come_with_a_way_out(
    layer: Any, shape: tuple[int, ...], match: str, fix: str
) -> None:
    with pytest.raises(ShapeError, match=match) as caught:
        layer(rp.ones(shape))
    assert fix in str(caught.value)


def test_arguments_are_checked() -> None:
    with pytest.raises(ArgumentError, match="6 channels do not split into 4 groups"):
        nn.GroupNorm(4, 6)
    with pytest.raises(ArgumentError, match="normalized_shape is empty"):
        nn.LayerNorm(())
