"""Table look-ups against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import functional as F
from tests.nn.functional.parity import agree

torch = pytest.importorskip("torch")
TF = torch.nn.functional

TABLE = np.random.default_rng(0).normal(size=(7, 3))
INDEX = np.array([[1, 2, 2, 0], [6, 0, 1, 2]])


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_embedding(dtype: str, padding_idx: int | None) -> None:
    agree(
        torch,
        lambda w: F.embedding(rp.asarray(INDEX), w, padding_idx),
        lambda w: TF.embedding(torch.tensor(INDEX), w, padding_idx),
        [TABLE],
        dtype=dtype,
    )


@pytest.mark.parametrize("norm_type", [1.0, 2.0])
def test_max_norm_shrinks_the_rows_that_are_read(norm_type: float) -> None:
    ours, theirs = rp.tensor(TABLE * 3), torch.tensor(TABLE * 3)
    y = F.embedding(rp.asarray(INDEX), ours, None, 1.0, norm_type)
    z = TF.embedding(torch.tensor(INDEX), theirs, None, 1.0, norm_type)
    np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 2])
def test_bags_in_rows(mode: str, padding_idx: int | None) -> None:
    options: dict[str, Any] = {"mode": mode, "padding_idx": padding_idx}
    agree(
        torch,
        lambda w: F.embedding_bag(rp.asarray(INDEX), w, **options),
        lambda w: TF.embedding_bag(torch.tensor(INDEX), w, **options),
        [TABLE],
    )


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("padding_idx", [None, 2])
def test_bags_by_offsets(mode: str, last: bool, padding_idx: int | None) -> None:
    index, offsets = INDEX.reshape(-1), np.array([0, 3, 3, 8 if last else 6])
    options: dict[str, Any] = {"mode": mode, "include_last_offset": last}
    options["padding_idx"] = padding_idx
    agree(
        torch,
        lambda w: F.embedding_bag(rp.asarray(index), w, rp.asarray(offsets), **options),
        lambda w: TF.embedding_bag(torch.tensor(index), w, torch.tensor(offsets), **options),
        [TABLE],
    )


def test_weighted_bags() -> None:
    weights = np.random.default_rng(1).normal(size=INDEX.shape)
    agree(
        torch,
        lambda w, s: F.embedding_bag(rp.asarray(INDEX), w, mode="sum", per_sample_weights=s),
        lambda w, s: TF.embedding_bag(torch.tensor(INDEX), w, mode="sum", per_sample_weights=s),
        [TABLE, weights],
    )


def test_one_hot() -> None:
    for classes in (-1, 9):
        expected = TF.one_hot(torch.tensor(INDEX), classes)
        np.testing.assert_array_equal(
            F.one_hot(rp.asarray(INDEX), classes).numpy(), expected.numpy()
        )
