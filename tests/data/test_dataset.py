from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data.dataset import Dataset, batches, length, take
from retroprop.data.order import shuffled
from retroprop.data.table import Table
from retroprop.errors import ArgumentError, ShapeError


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 99))
def test_batches_hold_every_example_once(n: int, size: int, seed: int) -> None:
    data = Dataset(np.arange(n) * 10, np.arange(n), np.ones(n))
    cut = list(batches(data, size, shuffled(n, seed)))
    assert np.concatenate([batch.y for batch in cut]).tolist() == shuffled(n, seed).tolist()
    assert all((batch.x == batch.y * 10).all() for batch in cut)
    assert [len(batch.x) for batch in cut[:-1]] == [size] * (len(cut) - 1)
    assert len(cut) == -(-n // size)


@given(st.integers(1, 60), st.integers(1, 70))
def test_drop_last(n: int, size: int) -> None:
    cut = list(batches(Dataset(np.arange(n)), size, drop_last=True))
    assert len(cut) == n // size
    assert all(len(batch.x) == size for batch in cut)


def test_without_an_order_batches_are_views() -> None:
    x = np.arange(10)
    first, *_ = batches(Dataset(x), 4)
    assert np.shares_memory(first.x, x)
    assert first.y is None
    assert first.weights is None


def test_an_order_may_be_a_part_or_repeat() -> None:
    data = Dataset(np.arange(5))
    cut = list(batches(data, 2, [1, 1, 4]))
    assert [batch.x.tolist() for batch in cut] == [[1, 1], [4]]
    assert list(batches(data, 2, [])) == []


def test_dicts_tuples_and_tables() -> None:
    table = Table({"a": np.arange(4.0)}, np.arange(4))
    for x in ({"a": np.arange(4), "b": np.ones((4, 2))}, (np.arange(4), np.arange(4)), table):
        data = Dataset(x, np.arange(4))
        assert len(data) == 4
        batch = next(batches(data, 3, [3, 0, 1]))
        assert length(batch.x) == 3
    assert take(table, [2]).columns["a"].tolist() == [2.0]
    assert take((np.arange(3), None), [1])[1] is None


def test_a_dataset_is_cut_by_take() -> None:
    part = Dataset(np.arange(6), np.arange(6) * 2, np.arange(6)).take(slice(1, 4))
    assert len(part) == 3
    assert part.y.tolist() == [2, 4, 6]
    assert part.weights.tolist() == [1, 2, 3]
    assert repr(part) == "Dataset(3 examples: x, y, weights)"


@pytest.mark.parametrize(
    ("x", "y", "weights", "match"),
    [
        (np.zeros(3), np.zeros(2), None, "x has 3 examples, y has 2 examples"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, None, None, r"x\['b'\] has 4"),
        (np.zeros(3), None, np.zeros(2), "weights has 2 examples"),
        (3.0, None, None, "x must be an array with one entry per example"),
        (np.float32(3), None, None, "x must be an array"),
        ({}, None, None, "x holds no arrays"),
    ],
)
def test_lengths_that_differ(x: Any, y: Any, weights: Any, match: str) -> None:
    with pytest.raises(ShapeError, match=match):
        Dataset(x, y, weights)


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ([1.0, np.nan, 1.0], "example 1 has nan"),
        ([1.0, 1.0, -2.0], "example 2 has -2.0"),
        (["a", "b", "c"], "one number per example"),
        (np.ones((3, 2)), "one number per example"),
    ],
)
def test_weights_that_are_none(weights: Any, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        Dataset(np.zeros(3), None, weights)


@pytest.mark.parametrize("size", [0, -1, 2.5, None, True, "8"])
def test_wrong_batch_sizes(size: Any) -> None:
    with pytest.raises(ArgumentError, match="batch_size must be an integer >= 1"):
        batches(Dataset(np.zeros(3)), size)


@pytest.mark.parametrize("order", [[0, 3], [-1], [[0, 1]], [0.5]])
def test_wrong_orders(order: Any) -> None:
    with pytest.raises(ArgumentError, match="order"):
        batches(Dataset(np.zeros(3)), 2, order)


def test_length_of_nothing() -> None:
    with pytest.raises(ShapeError, match="x holds no arrays"):
        length(())
    with pytest.raises(ShapeError, match="lengths differ"):
        length((np.zeros(2), np.zeros(3)))
