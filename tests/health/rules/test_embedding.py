"""Tables with rows that nobody looks up."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.health.rules.embedding import embedding_rows_unused
from tests.health.rules.trainings import fitted, healthy


class Bag(nn.Module):
    """The mean of the vectors of tokens, and a dense layer on it."""

    def __init__(self, rows: int) -> None:
        self.table, self.head = nn.Embedding(rows, 8), nn.Linear(8, 2)

    def forward(self, x: rp.Tensor) -> rp.Tensor:
        return self.head(rp.mean(self.table(x), axis=1))


def words(used: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).integers(0, used, (256, 12))
    return x, (x[:, 0] > used // 2).astype("i8")


def test_a_table_that_is_too_large_is_found() -> None:
    (finding,) = embedding_rows_unused(fitted(lambda: Bag(150), words(30)))
    assert "80% of the 150 rows of table.weight" in finding.what
    assert "nn.Embedding(30, ...)" in finding.remedy
    assert finding.weight <= 0.1


def test_a_table_that_is_used_is_not() -> None:
    assert list(embedding_rows_unused(fitted(lambda: Bag(30), words(30)))) == []
    assert list(embedding_rows_unused(healthy("words"))) == []


def test_a_large_table_needs_many_lookups_first() -> None:
    assert list(embedding_rows_unused(fitted(lambda: Bag(9000), words(3000), epochs=2))) == []
