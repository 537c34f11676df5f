"""Convolution against PyTorch: values, gradients, and gradients of gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops

torch = pytest.importorskip("torch")

# spatial sizes, window, stride, padding, dilation, groups
CASES = [
    ((9,), (3,), 1, 0, 1, 1),
    ((9,), (4,), 2, 3, 2, 2),
    ((8, 7), (3, 3), 1, 1, 1, 1),
    ((8, 7), (3, 2), 2, 1, 1, 2),
    ((8, 7), (2, 3), 3, 2, 2, 4),
    ((8, 7), (1, 1), 1, 0, 1, 1),
    ((5, 4, 6), (2, 3, 2), 2, 1, 1, 2),
]


def both(shape: tuple[int, ...], seed: int) -> tuple[Any, Any]:
    array = np.random.default_rng(seed).normal(size=shape)
    return rp.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


@pytest.mark.parametrize(("sizes", "window", "stride", "padding", "dilation", "groups"), CASES)
def test_conv(
    sizes: Any, window: Any, stride: int, padding: int, dilation: int, groups: int
) -> None:
    ndim = len(sizes)
    x, tx = both((2, 4, *sizes), 0)
    w, tw = both((4, 4 // groups, *window), 1)
    how = {"stride": (stride,) * ndim, "padding": ((padding, padding),) * ndim}
    y = ops.conv(x, w, **how, dilation=(dilation,) * ndim, groups=groups)
    run = getattr(torch.nn.functional, f"conv{ndim}d")
    ty = run(tx, tw, None, stride, padding, dilation, groups)
    np.testing.assert_allclose(y.detach().numpy(), ty.detach().numpy(), atol=1e-12)
    rp.sum(y * y * y).backward(create_graph=True)
    found = torch.autograd.grad((ty**3).sum(), [tx, tw], create_graph=True)
    first = [x.grad, w.grad]
    for one, other in zip(first, found, strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), atol=1e-10)
    x.grad = w.grad = None
    rp.sum(first[0] * first[0] + 0.0).backward(inputs=[x, w])
    second = torch.autograd.grad((found[0] ** 2).sum(), [tx, tw])
    for one, other in zip([x.grad, w.grad], second, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose(extra: int, groups: int) -> None:
    x, tx = both((2, 4, 5, 4), 0)
    w, tw = both((4, 3, 3, 2), 1)
    run = torch.nn.functional.conv_transpose2d
    ty = run(tx, tw, None, 2, 1, output_padding=extra, groups=groups)
    how = {"stride": (2, 2), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": groups}
    y = ops.conv_transpose(x, w, **how, output=tuple(ty.shape[2:]))
    np.testing.assert_allclose(y.detach().numpy(), ty.detach().numpy(), atol=1e-12)
    rp.sum(y * y).backward()
    (ty * ty).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), tx.grad.numpy(), atol=1e-10)
    np.testing.assert_allclose(w.grad.numpy(), tw.grad.numpy(), atol=1e-10)
