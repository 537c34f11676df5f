"""Sums over windows: against a plain loop, and their adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import ShapeError

HOW = {"window": (3, 2), "stride": (2, 1), "padding": ((1, 1), (0, 1)), "dilation": (1, 2)}


def by_loops(x: Any, window: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """The definition, one window at a time, over two spatial axes."""
    padded = np.pad(x, [(0, 0), (0, 0), *padding])
    tall, wide = (
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(padded.shape[2:], window, stride, dilation, strict=True)
    )
    y = np.zeros((*x.shape[:2], tall, wide))
    for i, j in np.ndindex(tall, wide):
        top, left = i * stride[0], j * stride[1]
        rows = slice(top, top + dilation[0] * (window[0] - 1) + 1, dilation[0])
        columns = slice(left, left + dilation[1] * (window[1] - 1) + 1, dilation[1])
        y[:, :, i, j] = padded[:, :, rows, columns].sum((2, 3))
    return y


def test_sum_pool_is_its_definition() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6))
    np.testing.assert_allclose(ops.sum_pool(x, **HOW), by_loops(x, **HOW), atol=1e-12)


def test_sum_unpool_is_the_adjoint() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 3, 5, 6))
    y = ops.sum_pool(x, **HOW)
    z = rng.normal(size=y.shape)
    assert np.isclose(np.vdot(y, z), np.vdot(x, ops.sum_unpool(z, spatial=(5, 6), **HOW)))


def test_counts_without_padding_come_from_ones() -> None:
    count = ops.sum_pool(
        np.ones((1, 1, 4)), window=(3,), stride=(1,), padding=((1, 1),), dilation=(1,)
    )
    assert count.tolist() == [[[2, 3, 3, 2]]]


def test_integers_are_summed_exactly() -> None:
    x = rp.asarray([[[2**60, 1, 1]]])
    how = {"window": (3,), "stride": (1,), "padding": ((0, 0),), "dilation": (1,)}
    assert ops.sum_pool(x, **how).item() == 2**60 + 2


def test_a_window_of_other_rank_is_explained() -> None:
    with pytest.raises(
        ShapeError, match=r"the window \(3, 2\) has 2 axes, x \(1, 1, 4\) has 1 spatial"
    ):
        ops.sum_pool(rp.zeros((1, 1, 4)), **HOW)
