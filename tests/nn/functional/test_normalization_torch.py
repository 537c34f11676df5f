"""Normalisation functions against PyTorch: values and gradients of input, weight and bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

SHAPES = [(5, 6), (4, 6, 7), (3, 6, 5, 4), (2, 6, 3, 4, 2)]
TOLERANCE = {"float32": (5e-5, 2e-5), "float64": (1e-9, 1e-10)}


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(1.0, 2.0, size=shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm(shape: tuple[int, ...], dtype: str) -> None:
    floats = [normal(*shape), normal(6), normal(6)]

    def ours(x: Any, w: Any, b: Any) -> Any:
        return F.batch_norm(x, None, None, w, b, training=True)

    def theirs(x: Any, w: Any, b: Any) -> Any:
        return TF.batch_norm(x, None, None, w, b, training=True)

    agree(torch, ours, theirs, floats, dtype=dtype, tolerance=TOLERANCE[dtype])
    mean, var = normal(6).astype(dtype), np.abs(normal(6)).astype(dtype)
    agree(
        torch,
        lambda x, w, b: F.batch_norm(x, rp.asarray(mean), rp.asarray(var), w, b),
        lambda x, w, b: TF.batch_norm(x, torch.tensor(mean), torch.tensor(var), w, b),
        floats,
        dtype=dtype,
        tolerance=TOLERANCE[dtype],
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_running_statistics(shape: tuple[int, ...], training: bool) -> None:
    for ours, theirs in [(F.batch_norm, TF.batch_norm), (F.instance_norm, TF.instance_norm)]:
        x, mean, var = normal(*shape), normal(6), np.abs(normal(6))
        cells = rp.tensor(mean), rp.tensor(var)
        expected = torch.tensor(mean), torch.tensor(var)
        y = ours(rp.asarray(x), *cells, None, None, training, 0.3)
        z = theirs(torch.tensor(x), *expected, None, None, training, 0.3)
        np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-9, atol=1e-10)
        for one, other in zip(cells, expected, strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_instance_norm(shape: tuple[int, ...], dtype: str) -> None:
    agree(
        torch,
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
        lambda x, w, b: TF.instance_norm(x, weight=w, bias=b),
        [normal(*shape), normal(6), normal(6)],
        dtype=dtype,
        tolerance=TOLERANCE[dtype],
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_layer_norm(axes: int, dtype: str) -> None:
    x = normal(3, 4, 5, 6)
    shape = x.shape[-axes:]
    agree(
        torch,
        lambda x, w, b: F.layer_norm(x, shape, w, b, 1e-3),
        lambda x, w, b: TF.layer_norm(x, shape, w, b, 1e-3),
        [x, normal(*shape), normal(*shape)],
        dtype=dtype,
        tolerance=TOLERANCE[dtype],
    )


@pytest.mark.parametrize("eps", [None, 1e-3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rms_norm(dtype: str, eps: float | None) -> None:
    agree(
        torch,
        lambda x, w: F.rms_norm(x, (5, 6), w, eps),
        lambda x, w: TF.rms_norm(x, (5, 6), w, eps),
        [normal(3, 4, 5, 6), normal(5, 6)],
        dtype=dtype,
        tolerance=TOLERANCE[dtype],
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_group_norm(shape: tuple[int, ...], groups: int, dtype: str) -> None:
    agree(
        torch,
        lambda x, w, b: F.group_norm(x, groups, w, b),
        lambda x, w, b: TF.group_norm(x, groups, w, b),
        [normal(*shape), normal(6), normal(6)],
        dtype=dtype,
        tolerance=TOLERANCE[dtype],
    )


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_local_response_norm(shape: tuple[int, ...], size: int) -> None:
    agree(
        torch,
        lambda x: F.local_response_norm(x, size, 0.1, 0.75, 2.0),
        lambda x: TF.local_response_norm(x, size, 0.1, 0.75, 2.0),
        [normal(*shape)],
    )
