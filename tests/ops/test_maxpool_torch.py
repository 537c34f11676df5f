"""Pooling against PyTorch: values, positions and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops

torch = pytest.importorskip("torch")

# spatial sizes, window, stride, padding, dilation
CASES = [
    ((8,), 2, 2, 0, 1),
    ((9,), 3, 2, 1, 2),
    ((8, 6), 2, 2, 0, 1),
    ((9, 7), 3, 2, 1, 1),
    ((9, 7), 3, 1, 1, 2),
    ((6, 5, 4), 2, 2, 1, 1),
]


def drawn(sizes: tuple[int, ...], ties: bool) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    shape = (2, 3, *sizes)
    array = rng.integers(0, 3, shape).astype(np.float64) if ties else rng.normal(size=shape)
    return rp.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("sizes", "window", "stride", "padding", "dilation"), CASES)
def test_max_pool(
    sizes: Any, window: int, stride: int, padding: int, dilation: int, ties: bool
) -> None:
    ndim = len(sizes)
    x, tx = drawn(sizes, ties)
    how = {"window": (window,) * ndim, "stride": (stride,) * ndim, "dilation": (dilation,) * ndim}
    y, index = ops.max_pool(x, **how, padding=((padding, padding),) * ndim)
    run = getattr(torch.nn.functional, f"max_pool{ndim}d")
    ty, t_index = run(tx, window, stride, padding, dilation, return_indices=True)
    np.testing.assert_array_equal(y.detach().numpy(), ty.detach().numpy())
    np.testing.assert_array_equal(index.numpy(), t_index.numpy())
    rp.sum(y * y).backward()
    (ty * ty).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), tx.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize(
    ("sizes", "output"), [((8, 6), (2, 3)), ((7, 5), (3, 2)), ((3, 2), (4, 4))]
)
def test_adaptive_max_pool(sizes: tuple[int, ...], output: tuple[int, ...]) -> None:
    x, tx = drawn(sizes, False)
    y, index = ops.adaptive_max_pool(x, output=output)
    ty, t_index = torch.nn.functional.adaptive_max_pool2d(tx, output, return_indices=True)
    np.testing.assert_array_equal(y.detach().numpy(), ty.detach().numpy())
    np.testing.assert_array_equal(index.numpy(), t_index.numpy())
    rp.sum(y * y).backward()
    (ty * ty).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), tx.grad.numpy(), atol=1e-12)


def test_nan_is_where_it_is_in_pytorch() -> None:
    x = np.random.default_rng(1).normal(size=(1, 2, 6, 6))
    x[0, 0, 2, 3] = x[0, 0, 2, 2] = x[0, 1, 0, 0] = np.nan
    how = {"window": (3, 3), "stride": (1, 1), "padding": ((1, 1),) * 2, "dilation": (1, 1)}
    y, index = ops.max_pool(x, **how)
    run = torch.nn.functional.max_pool2d
    ty, t_index = run(torch.tensor(x), 3, 1, 1, return_indices=True)
    np.testing.assert_array_equal(y, ty.numpy())
    np.testing.assert_array_equal(index, t_index.numpy())


@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
def test_sum_pool(window: int, stride: int, padding: int) -> None:
    x, tx = drawn((8, 7), False)
    how = {"window": (window,) * 2, "stride": (stride,) * 2, "dilation": (1, 1)}
    y = ops.sum_pool(x, **how, padding=((padding, padding),) * 2) / window**2
    ty = torch.nn.functional.avg_pool2d(tx, window, stride, padding)
    np.testing.assert_allclose(y.detach().numpy(), ty.detach().numpy(), atol=1e-12)
    rp.sum(y * y).backward()
    (ty * ty).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), tx.grad.numpy(), atol=1e-12)
