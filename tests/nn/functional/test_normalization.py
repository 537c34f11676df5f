"""Normalisation functions: values, gradients, running statistics, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn import functional as F

RNG = np.random.default_rng(0)


def cells(*shapes: Any) -> list[rp.Tensor]:
    return [rp.tensor(RNG.normal(1.0, 2.0, size=shape), requires_grad=True) for shape in shapes]


def test_gradients_of_all() -> None:
    functions: list[tuple[Any, list[rp.Tensor]]] = [
        (lambda *a: F.batch_norm(a[0], None, None, *a[1:], training=True), cells((3, 2, 4), 2, 2)),
        (lambda *a: F.instance_norm(a[0], weight=a[1], bias=a[2]), cells((2, 2, 4), 2, 2)),
        (lambda *a: F.layer_norm(a[0], (4,), *a[1:]), cells((2, 3, 4), 4, 4)),
        (lambda *a: F.rms_norm(a[0], (4,), a[1], 1e-3), cells((2, 3, 4), 4)),
        (lambda *a: F.group_norm(a[0], 2, *a[1:]), cells((2, 4, 3), 4, 4)),
        (lambda *a: F.local_response_norm(a[0], 3, 0.5), cells((2, 4, 3))),
    ]
    for function, arguments in functions:
        assert rp.gradcheck(function, arguments)


def test_batch_norm_moves_the_statistics_only_in_training() -> None:
    x = RNG.normal(size=(6, 2))
    mean, var = rp.tensor([0.0, 0.0], dtype="float64"), rp.tensor([1.0, 1.0], dtype="float64")
    F.batch_norm(rp.asarray(x), mean, var)
    assert mean.tolist() == [0.0, 0.0]
    F.batch_norm(rp.asarray(x), mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(mean.numpy(), 0.25 * x.mean(0))
    np.testing.assert_allclose(var.numpy(), 0.75 + 0.25 * x.var(0, ddof=1))
    y = F.batch_norm(rp.asarray(x), mean, var, eps=0.0).numpy()
    np.testing.assert_allclose(y, (x - mean.numpy()) / np.sqrt(var.numpy()))


def test_instance_norm_averages_the_statistics_of_samples() -> None:
    x = RNG.normal(size=(3, 2, 5))
    mean, var = rp.zeros(2, dtype="float64"), rp.ones(2, dtype="float64")
    F.instance_norm(rp.asarray(x), mean, var, momentum=1.0)
    np.testing.assert_allclose(mean.numpy(), x.mean(2).mean(0))
    np.testing.assert_allclose(var.numpy(), x.var(2, ddof=1).mean(0))


def test_large_offsets_keep_their_digits() -> None:
    x = (RNG.normal(size=(64, 8)) + 1000).astype(np.float32)
    y = F.layer_norm(rp.asarray(x), (8,)).numpy()
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, atol=1e-3)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_16_bits_in_16_bits_out(name: str) -> None:
    x = rp.asarray(RNG.normal(size=(4, 6, 5))).astype(name)
    for y in [
        F.batch_norm(x, None, None, training=True),
        F.instance_norm(x),
        F.group_norm(x, 3),
        F.rms_norm(x, (5,)),
        F.local_response_norm(x, 2),
    ]:
        assert y.dtype == x.dtype
        assert np.isfinite(y.astype("float32").numpy()).all()


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda x: F.batch_norm(x[0], None, None, training=True), ShapeError, "expects"),
        (lambda x: F.batch_norm(x[:1], None, None, training=True), ShapeError, "no variance"),
        (lambda x: F.batch_norm(x, None, None), ArgumentError, "evaluation needs running_mean"),
        (lambda x: F.instance_norm(x), ShapeError, "1 values per channel"),
        (lambda x: F.layer_norm(x, (4,)), ShapeError, r"expects \(\.\.\., 4\), got \(2, 3\)"),
        (lambda x: F.layer_norm(x, ()), ShapeError, "layer_norm expects"),
        (lambda x: F.group_norm(x, 2), ShapeError, "do not split into 2 groups"),
    ],
)
def test_misuse(use: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        use(rp.ones((2, 3)))


def test_local_response_of_an_empty_batch():
    x = rp.tensor(np.zeros((0, 4, 3, 3), np.float32), requires_grad=True)
    y = F.local_response_norm(x, 2)
    y.sum().backward()
    assert y.shape == x.grad.shape == (0, 4, 3, 3)
