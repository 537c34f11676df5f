"""Initialisers against PyTorch: gains, bounds, deviations; exact where nothing is drawn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import init

torch = pytest.importorskip("torch")
TI = torch.nn.init

SHAPES = [(200, 300), (300, 40), (64, 32, 3, 3), (32, 16, 5), (20, 10, 3, 3, 3)]
GAINS: list[tuple[str, float | None]] = [
    ("linear", None), ("conv1d", None), ("conv_transpose3d", None), ("sigmoid", None),
    ("tanh", None), ("relu", None), ("leaky_relu", None), ("leaky_relu", 0.3), ("selu", None),
]  # fmt: skip


def both(name: str, shape: tuple[int, ...], **options: Any) -> tuple[Any, Any]:
    """The same initialiser here and there, on tensors of zeros."""
    ours = getattr(init, name)(rp.zeros(shape), **options).numpy()
    theirs = getattr(TI, name)(torch.zeros(shape), **options).numpy()
    return ours.astype(np.float64), theirs.astype(np.float64)


@pytest.mark.parametrize(("name", "param"), GAINS)
def test_gains(name: str, param: float | None) -> None:
    assert init.calculate_gain(name, param) == pytest.approx(TI.calculate_gain(name, param))


@pytest.mark.parametrize("shape", SHAPES)
def test_fans(shape: tuple[int, ...]) -> None:
    expected = TI._calculate_fan_in_and_fan_out(torch.zeros(shape))
    assert init.fans(rp.zeros(shape)) == expected


UNIFORM: list[tuple[str, dict[str, Any]]] = [
    ("uniform_", {"a": -0.3, "b": 0.7}),
    ("xavier_uniform_", {}),
    ("xavier_uniform_", {"gain": 2.0}),
    ("kaiming_uniform_", {}),
    ("kaiming_uniform_", {"a": math.sqrt(5), "mode": "fan_out"}),
    ("kaiming_uniform_", {"nonlinearity": "tanh"}),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "options"), UNIFORM)
def test_uniform_bounds(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    ours, theirs = both(name, shape, **options)
    width = theirs.max() - theirs.min()
    assert ours.min() == pytest.approx(theirs.min(), abs=0.01 * width)
    assert ours.max() == pytest.approx(theirs.max(), abs=0.01 * width)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.03)


NORMAL: list[tuple[str, dict[str, Any]]] = [
    ("normal_", {"mean": 1.0, "std": 3.0}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"mean": 0.5, "std": 0.4, "a": 0.0, "b": 0.6}),
    ("xavier_normal_", {"gain": 5.0 / 3.0}),
    ("kaiming_normal_", {}),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", {"a": 0.2, "nonlinearity": "leaky_relu"}),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "options"), NORMAL)
def test_normal_moments(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    ours, theirs = both(name, shape, **options)
    deviation = theirs.std()
    assert ours.std() == pytest.approx(deviation, rel=0.06)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.06 * deviation)


@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5)])
def test_identity(shape: tuple[int, ...]) -> None:
    ours, theirs = both("eye_", shape)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("shape", [(6, 3, 3), (6, 2, 3, 4), (6, 6, 1, 3, 5)])
def test_dirac(shape: tuple[int, ...], groups: int) -> None:
    ours, theirs = both("dirac_", shape, groups=groups)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.35, 1.0])
def test_sparse_has_as_many_zeros(sparsity: float) -> None:
    ours, theirs = both("sparse_", (50, 30), sparsity=sparsity)
    np.testing.assert_array_equal((ours == 0).sum(axis=0), (theirs == 0).sum(axis=0))


@pytest.mark.parametrize("shape", [(8, 8), (12, 5), (5, 12), (6, 3, 2, 2)])
def test_orthogonal_has_the_same_gram_matrix(shape: tuple[int, ...]) -> None:
    grams = []
    for matrix in both("orthogonal_", shape, gain=2.0):
        flat = matrix.reshape(shape[0], -1)
        grams.append(flat @ flat.T if shape[0] <= flat.shape[1] else flat.T @ flat)
    np.testing.assert_allclose(*grams, atol=1e-5)
