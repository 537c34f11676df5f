"""Table look-ups: rows, gradients, bags, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from retroprop.nn import functional as F

TABLE = np.random.default_rng(0).normal(size=(6, 3))
INDEX = np.array([[1, 5, 1], [0, 2, 2]])


def table() -> rp.Tensor:
    return rp.tensor(TABLE, requires_grad=True)


def test_rows_and_their_gradients() -> None:
    w = table()
    y = F.embedding(rp.asarray(INDEX), w, padding_idx=-1)
    np.testing.assert_array_equal(y.detach().numpy(), TABLE[INDEX])
    y.sum().backward()
    assert w.grad.numpy()[:, 0].tolist() == [1.0, 2.0, 2.0, 0.0, 0.0, 0.0]
    assert rp.gradcheck(lambda w: F.embedding(rp.asarray(INDEX), w), [table()])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags(mode: str) -> None:
    combine = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    rows = F.embedding_bag(rp.asarray(INDEX), table(), mode=mode).detach().numpy()
    np.testing.assert_allclose(rows, combine(TABLE[INDEX], axis=1))
    flat, offsets = rp.asarray(INDEX.reshape(-1)), rp.asarray([0, 3])
    same = F.embedding_bag(flat, table(), offsets, mode=mode).detach().numpy()
    np.testing.assert_allclose(same, rows)
    ends = rp.asarray([0, 3, 6])
    last = F.embedding_bag(flat, table(), ends, mode=mode, include_last_offset=True)
    np.testing.assert_allclose(last.detach().numpy(), rows)
    assert rp.gradcheck(lambda w: F.embedding_bag(flat, w, offsets, mode=mode), [table()])


def test_bags_leave_padding_out() -> None:
    y = F.embedding_bag(rp.asarray([[1, 5, 5], [5, 5, 5]]), table(), mode="mean", padding_idx=5)
    np.testing.assert_allclose(y.detach().numpy(), [TABLE[1], np.zeros(3)])


def test_weighted_bags() -> None:
    s = rp.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    index = rp.asarray(INDEX)
    y = F.embedding_bag(index, table(), mode="sum", per_sample_weights=s)
    expected = (TABLE[INDEX] * np.arange(6.0).reshape(2, 3, 1)).sum(1)
    np.testing.assert_allclose(y.detach().numpy(), expected)
    weigh = lambda w, s: F.embedding_bag(index, w, mode="sum", per_sample_weights=s)  # noqa: E731
    assert rp.gradcheck(weigh, [table(), s])


def test_max_norm_is_kept_in_the_table() -> None:
    w = rp.tensor(TABLE * 10)
    y = F.embedding(rp.asarray([0, 0, 3]), w, max_norm=1.0)
    np.testing.assert_allclose(np.linalg.norm(y.numpy(), axis=1), 1.0, rtol=1e-6)
    norms = np.linalg.norm(w.numpy(), axis=1)
    np.testing.assert_allclose(norms[[0, 3]], 1.0, rtol=1e-6)
    np.testing.assert_array_equal(w.numpy()[1], TABLE[1] * 10)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int32", "uint64"])
def test_indices_of_any_integer_type(kind: str) -> None:
    wide = rp.random.normal((300, 2))
    y = F.embedding(rp.asarray([1, 5], dtype=kind), wide, padding_idx=299)
    assert y.tolist() == [wide[1].tolist(), wide[5].tolist()]
    assert F.one_hot(rp.asarray([1, 5], dtype=kind), 300).sum().item() == 2
    bags = F.embedding_bag(rp.asarray([[1, 5]], dtype=kind), wide, mode="sum", padding_idx=299)
    np.testing.assert_allclose(bags.numpy()[0], (wide[1] + wide[5]).numpy(), rtol=1e-6)


def test_one_hot() -> None:
    assert F.one_hot(rp.asarray([[0], [2]]), 3).tolist() == [[[1, 0, 0]], [[0, 0, 1]]]
    assert F.one_hot(rp.asarray([0, 2])).shape == (2, 3)
    assert F.one_hot(rp.asarray(1, dtype="int32"), 2).dtype == rp.int64


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda w: F.embedding(rp.asarray([6]), w), IndexRangeError, r"index 6 is outside 0\.\.5"),
        (lambda w: F.embedding(rp.asarray([-1]), w), IndexRangeError, "index -1 is outside"),
        (lambda w: F.embedding(rp.ones(2), w), DTypeError, "must be integers, got float32"),
        (lambda w: F.embedding(rp.asarray([1]), w, 6), IndexRangeError, "padding_idx 6"),
        (lambda w: F.embedding_bag(rp.asarray([[1]]), w, mode="maen"), ArgumentError, "'mean'"),
        (lambda w: F.embedding_bag(rp.asarray([1]), w), ShapeError, r"input has shape \(1,\)"),
        (lambda w: F.one_hot(rp.asarray([3]), 3), IndexRangeError, "index 3 is outside"),
        (lambda w: F.one_hot(rp.zeros(0, dtype="int64")), ArgumentError, "no indices to count"),
    ],
)
def test_misuse(use: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        use(table())
