"""Examples that are read when they are taken, and made ahead of their use."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from retroprop.data import Ahead, Dataset, Stream, batches


def test_a_stream_stands_for_an_array():
    rows = np.arange(12.0).reshape(6, 2)
    read = []
    stream = Stream(lambda number: read.append(number) or rows[number], 6)
    data = Dataset(stream, rows)
    assert read == []
    for streamed, whole in zip(
        batches(data, 4, order=[5, 0, 3, 1, 2]), batches(Dataset(rows), 4, order=[5, 0, 3, 1, 2]),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(streamed.x, whole.x)
    assert sorted(read) == [0, 1, 2, 3, 5]


def test_the_order_is_kept_whoever_is_first():
    def make(key):
        time.sleep(0.01 * (key % 3 == 0))
        return key

    with Ahead(make, range(20), threads=4) as made:
        assert list(made) == list(range(20))


def test_the_next_ones_are_made_meanwhile_and_no_more():
    begun = []
    with Ahead(begun.append, range(100), threads=1, depth=3) as made:
        for _ in range(2):
            made.next()
        deadline = time.monotonic() + 5
        while len(begun) < 5 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.01)
        assert begun == [0, 1, 2, 3, 4]


def test_an_error_comes_where_its_key_is_used():
    def make(key):
        if key == 2:
            raise ValueError("two")
        return key

    with Ahead(make, range(5)) as made:
        assert [made.next(), made.next()] == [0, 1]
        with pytest.raises(ValueError, match="two"):
            made.next()
        assert made.next() == 3


def test_threads_end_with_it():
    before = threading.active_count()
    with Ahead(lambda key: key, range(5)) as made:
        made.next()
    assert threading.active_count() == before
