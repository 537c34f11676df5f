"""Embedding layers: rows, padding, norms, bags, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError


def test_rows_are_read() -> None:
    layer = nn.Embedding(5, 3)
    table = layer.weight.detach().numpy()
    index = np.array([[0, 4], [2, 2]], np.int32)
    np.testing.assert_array_equal(layer(rp.asarray(index)).detach().numpy(), table[index])
    assert layer(rp.asarray(3)).shape == (3,)
    assert layer(rp.zeros((0, 2), dtype="int64")).shape == (0, 2, 3)
    wide = nn.Embedding(1000, 50).weight.detach().numpy()
    assert abs(wide.std() - 1) < 0.02


def test_gradients_add_up_by_row() -> None:
    layer = nn.Embedding(4, 2, padding_idx=1)
    assert layer.weight[1].tolist() == [0.0, 0.0]
    layer(rp.asarray([0, 3, 3, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [2.0, 2.0]]


def test_max_norm_shrinks_only_the_rows_that_are_read() -> None:
    layer = nn.Embedding.from_pretrained([[3.0, 4.0], [6.0, 8.0], [0.3, 0.4]], max_norm=1.0)
    y = layer(rp.asarray([0, 2, 0])).numpy()
    np.testing.assert_allclose(y, [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-5)
    np.testing.assert_allclose(layer.weight.numpy()[1], [6.0, 8.0])


def test_pretrained_tables() -> None:
    layer = nn.Embedding.from_pretrained(np.eye(3), freeze=False)
    assert layer.weight.requires_grad
    assert (layer.num_embeddings, layer.embedding_dim) == (3, 3)
    assert not nn.Embedding.from_pretrained(np.eye(3)).weight.requires_grad
    with pytest.raises(ShapeError, match=r"a table has shape \(rows, features\)"):
        nn.Embedding.from_pretrained(np.ones(3))
    with pytest.raises(ShapeError, match=r"the weight must be \(2, 2\)"):
        nn.Embedding(2, 2, weight=np.ones((3, 2)))


@pytest.mark.parametrize(
    ("mode", "expected"), [("sum", [[11.0], [200.0]]), ("mean", [[5.5], [100.0]]),
                           ("max", [[10.0], [100.0]])]
)  # fmt: skip
def test_bags(mode: str, expected: Any) -> None:
    bags = nn.EmbeddingBag.from_pretrained([[1.0], [10.0], [100.0]], mode=mode)
    assert bags(rp.asarray([[0, 1], [2, 2]])).tolist() == expected
    assert bags(rp.asarray([0, 1, 2, 2]), rp.asarray([0, 2])).tolist() == expected
    empty = bags(rp.asarray([0, 1, 2, 2]), rp.asarray([0, 2, 4])).tolist()
    assert empty == [*expected, [0.0]]


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda e: e(rp.asarray([5])), IndexRangeError, r"index 5 is outside 0\.\.4"),
        (lambda e: e(rp.asarray([-1])), IndexRangeError, r"index -1 is outside 0\.\.4"),
        (lambda e: e(rp.asarray([1.0])), DTypeError, "indices must be integers, got float32"),
        (lambda e: nn.Embedding(5, 3, 5), IndexRangeError, "padding_idx 5 is outside"),
        (lambda e: nn.EmbeddingBag(5, 3, mode="sun"), ArgumentError, "did you mean 'sum'"),
        (lambda e: nn.EmbeddingBag(5, 3)(rp.asarray([1, 2])), ShapeError, "embedding_bag: input"),
        (
            lambda e: nn.EmbeddingBag(5, 3)(rp.asarray([[1]]), per_sample_weights=rp.ones((1, 1))),
            ArgumentError,
            "per_sample_weights need",
        ),
    ],
)
def test_misuse(use: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        use(nn.Embedding(5, 3))
