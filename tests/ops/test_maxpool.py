"""Maxima over windows: winners, ties, NaN, padding, and gradients through the winners."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import ops
from retroprop.errors import ArgumentError

LINE = {"window": (2,), "stride": (1,), "padding": ((0, 0),), "dilation": (1,)}


def test_the_first_of_equal_maxima_wins() -> None:
    y, index = ops.max_pool(np.array([[[3.0, 3.0, 3.0]]]), **LINE)
    assert y.tolist() == [[[3.0, 3.0]]]
    assert index.tolist() == [[[0, 1]]]


def test_nan_wins_and_is_found() -> None:
    y, index = ops.max_pool(np.array([[[1.0, np.nan, 2.0, 5.0]]]), **LINE)
    assert np.isnan(y[0, 0, :2]).all()
    assert y[0, 0, 2] == 5.0
    assert index.tolist() == [[[1, 1, 3]]]


def test_padding_never_wins() -> None:
    low = np.full((1, 1, 2, 2), -np.inf)
    how = {"window": (3, 3), "stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
    y, index = ops.max_pool(low, **how)
    assert np.isneginf(y).all()
    assert index.tolist() == [[[[0, 0], [0, 0]]]]  # each points at the first element it sees


def test_integers_are_pooled() -> None:
    lowest = np.iinfo(np.int32).min
    x = np.array([[[lowest, lowest]]], np.int32)
    y, index = ops.max_pool(x, **{**LINE, "padding": ((1, 0),)})
    assert y.dtype == np.int32
    assert y.tolist() == [[[lowest, lowest]]]
    assert index.tolist() == [[[0, 0]]]


def test_index_reads_the_maxima_back() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 6))
    how = {"window": (3, 2), "stride": (2, 1), "padding": ((1, 0), (1, 1)), "dilation": (2, 1)}
    y, index = ops.max_pool(x, **how)
    np.testing.assert_array_equal(ops.repool(x, index), y)


def test_a_window_of_many_elements() -> None:
    x = np.random.default_rng(1).normal(size=(1, 2, 20, 20))
    how = {"window": (20, 20), "stride": (1, 1), "padding": ((0, 0),) * 2, "dilation": (1, 1)}
    y, index = ops.max_pool(x, **how)  # 400 offsets do not fit into one byte
    np.testing.assert_array_equal(y[:, :, 0, 0], x.max((2, 3)))
    np.testing.assert_array_equal(index[0, :, 0, 0], x.reshape(2, 400).argmax(1))


def test_overlapping_windows_add_their_gradients() -> None:
    x = rp.tensor([[[1.0, 5.0, 2.0]]], requires_grad=True)
    rp.sum(ops.max_pool(x, **LINE)[0]).backward()
    assert x.grad.tolist() == [[[0.0, 2.0, 0.0]]]


def test_unpool_without_overlap_is_the_same() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 3, 4))
    index = np.stack([rng.permutation(9)[:4] for _ in range(6)]).reshape(2, 3, 4)
    whole = ops.unpool(x, index, spatial=(3, 3))
    np.testing.assert_array_equal(whole, ops.unpool(x, index, spatial=(3, 3), overlap=False))
    np.testing.assert_array_equal(ops.repool(whole, index), x)


@pytest.mark.parametrize(
    ("sizes", "output"), [((6, 8), (3, 4)), ((7, 5), (3, 4)), ((2, 3), (4, 3))]
)
def test_adaptive_windows_cover_everything(sizes: tuple[int, int], output: tuple[int, int]) -> None:
    x = np.random.default_rng(3).normal(size=(2, 2, *sizes))
    y, index = ops.adaptive_max_pool(x, output=output)
    for i, j in np.ndindex(*output):
        top, left = i * sizes[0] // output[0], j * sizes[1] // output[1]
        bottom, right = -(-(i + 1) * sizes[0] // output[0]), -(-(j + 1) * sizes[1] // output[1])
        np.testing.assert_array_equal(y[:, :, i, j], x[:, :, top:bottom, left:right].max((2, 3)))
    np.testing.assert_array_equal(ops.repool(x, index), y)


def test_a_window_over_padding_only_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="a window along length sees nothing but padding"):
        ops.max_pool(rp.zeros((1, 1, 3)), **{**LINE, "padding": ((0, 2),)})
