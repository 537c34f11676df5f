"""Compiled steps of batch normalisation against PyTorch: values, gradients, statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.backends.llvm.test_moments import image

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("is_image", [True, False], ids=["image", "plain"])
@pytest.mark.parametrize("shape", [(16, 19, 6, 7), (33, 5, 9), (2, 16, 3, 4, 5), (32, 24)], ids=str)
def test_a_step_of_batch_normalisation(shape: Any, is_image: bool, dtype: str) -> None:
    rng = np.random.default_rng(1)
    x, g = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    w, b = (rng.uniform(0.5, 2, shape[1]).astype(dtype) for _ in range(2))
    mean, variance = rp.zeros(shape[1], dtype=dtype), rp.ones(shape[1], dtype=dtype)

    def fn(x: Any, w: Any, b: Any, g: Any) -> Any:
        def layer(x: Any, w: Any, b: Any) -> Any:
            given = image(x) if is_image and x.ndim > 2 else x
            return nn.functional.batch_norm(given, mean, variance, w, b, training=True)

        y, pull = rp.vjp(layer, x, w, b)
        return (y, *pull(g))

    found = rp.compile(fn, strict=True)(*map(rp.asarray, (x, w, b, g)))
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    stats = [
        torch.zeros(shape[1], dtype=leaves[0].dtype),
        torch.ones(shape[1], dtype=leaves[0].dtype),
    ]
    y = torch.nn.functional.batch_norm(leaves[0], *stats, *leaves[1:], training=True)
    y.backward(torch.tensor(g))
    expected = [y.detach(), *(leaf.grad for leaf in leaves), *stats]
    rtol = 1e-11 if dtype == "float64" else 1e-5
    arrays = [tensor.numpy() for tensor in expected]
    for mine, theirs in zip((*found, mean, variance), arrays, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=0, atol=rtol * np.abs(theirs).max())
