"""Batches of an epoch, as a function of seed and epoch alone."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.data import Dataset, Stream
from retroprop.errors import ArgumentError
from retroprop.train.loop import Batching

DATA = Dataset(np.arange(10), np.arange(10) * 2)


def rows(batching: Batching, epoch: int, first: int = 0) -> list[list[int]]:
    return [batch.x.tolist() for batch in batching.epoch(epoch, first)]


def test_every_example_comes_once_and_the_last_batch_keeps_the_rest():
    batching = Batching(DATA, 4, seed=0, shuffle=True)
    parts = rows(batching, 0)
    assert [len(part) for part in parts] == [4, 4, 2]
    assert batching.steps == 3
    assert sorted(row for part in parts for row in part) == list(range(10))


def test_the_order_is_new_each_epoch_and_the_same_each_time():
    batching = Batching(DATA, 4, seed=3, shuffle=True)
    assert rows(batching, 0) != rows(batching, 1)
    assert rows(batching, 1) == rows(Batching(DATA, 4, seed=3, shuffle=True), 1)
    assert rows(batching, 1) != rows(Batching(DATA, 4, seed=4, shuffle=True), 1)


def test_an_epoch_can_be_entered_in_the_middle():
    batching = Batching(DATA, 3, seed=0, shuffle=True)
    assert rows(batching, 5, first=2) == rows(batching, 5)[2:]
    assert rows(batching, 5, first=4) == []


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "8"])
def test_a_wrong_batch_size_is_refused(size):
    with pytest.raises(ArgumentError, match="batch_size"):
        Batching(DATA, size, seed=0, shuffle=True)


def test_streams_and_augmented_batches_train_as_arrays_do():
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    y = x.sum(axis=1, keepdims=True)
    weights = []
    for source in (x, Stream(lambda number: x[number], 50)):
        rp.manual_seed(0)
        model = nn.Linear(3, 1)
        trainer = rp.Trainer(model, loss="mse", optimizer="sgd")
        history = trainer.fit(source, y, epochs=2, batch_size=8, progress=False)
        weights.append(model.weight.numpy().copy())
    np.testing.assert_array_equal(*weights)
    assert 0 <= history[-1]["waited"] <= history[-1]["seconds"]
