"""Positions: the waves, the turns, and what they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


@pytest.mark.parametrize("features", [1, 4, 7])
def test_the_waves(features: int) -> None:
    layer = nn.PositionalEncoding(features, dropout=0.0, max_len=9, dtype="float64")
    table = layer(rp.zeros((9, features), dtype="float64")).numpy()
    for position in range(9):
        for i in range(features):
            angle = position / 10000 ** (2 * (i // 2) / features)
            expected = np.cos(angle) if i % 2 else np.sin(angle)
            assert table[position, i] == pytest.approx(expected)


@pytest.mark.parametrize("batch_first", [False, True])
def test_every_sequence_gets_the_same(batch_first: bool) -> None:
    layer = nn.PositionalEncoding(4, dropout=0.0, batch_first=batch_first)
    x = normal(3, 5, 4).astype("float32")
    alone = layer(rp.zeros((5 if batch_first else 3, 4))).numpy()
    shown = layer(rp.asarray(x)).numpy() - x
    expected = alone if batch_first else alone[:, None]
    np.testing.assert_allclose(shown, np.broadcast_to(expected, x.shape), atol=1e-6)


def test_the_table_is_not_saved_but_follows_the_dtype() -> None:
    layer = nn.PositionalEncoding(4)
    assert layer.state_dict() == {}
    assert layer.to("float64").pe.dtype == rp.float64
    assert layer(rp.zeros((2, 4), dtype="float64")).dtype == rp.float64
    assert nn.RotaryEmbedding(4).state_dict() == {}


def test_dropout_acts_in_training() -> None:
    layer = nn.PositionalEncoding(4, dropout=0.5)
    x = rp.ones((20, 4))
    assert (layer(x).numpy() == 0).any()
    assert not (layer.eval()(x).numpy() == 0).any()


def test_misfits_of_waves() -> None:
    layer = nn.PositionalEncoding(4, max_len=6)
    with pytest.raises(ShapeError, match=r"expects \(time, batch, 4 features\), got \(3, 5\)"):
        layer(rp.zeros((3, 5)))
    with pytest.raises(ShapeError, match="7 positions, it was made for 6") as error:
        layer(rp.zeros((7, 2, 4)))
    assert "max_len=7, or batch_first=True" in str(error.value)
    with pytest.raises(ArgumentError, match="both must be above 0"):
        nn.PositionalEncoding(0)


@pytest.mark.parametrize("interleaved", [False, True])
def test_turned_products_depend_on_the_distance_alone(interleaved: bool) -> None:
    turn = nn.RotaryEmbedding(6, max_len=40, interleaved=interleaved, dtype="float64")
    q, k = normal(6), normal(6)
    rows = [turn(rp.asarray(np.tile(x, (40, 1)))).numpy() for x in (q, k)]
    products = rows[0] @ rows[1].T
    for distance in range(-20, 20, 5):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0])
    np.testing.assert_allclose(np.linalg.norm(rows[0], axis=1), np.linalg.norm(q))
    assert products.std() > 0.1


@pytest.mark.parametrize("interleaved", [False, True])
def test_the_turn_of_a_pair(interleaved: bool) -> None:
    turn = nn.RotaryEmbedding(4, interleaved=interleaved, dtype="float64")
    x = normal(3, 4)
    y = turn(rp.asarray(x)).numpy()
    for position in range(3):
        for pair in range(2):
            places = [2 * pair, 2 * pair + 1] if interleaved else [pair, pair + 2]
            a, b = x[position, places]
            t = position / 10000 ** (2 * pair / 4)
            expected = [a * np.cos(t) - b * np.sin(t), a * np.sin(t) + b * np.cos(t)]
            np.testing.assert_allclose(y[position, places], expected)


def test_an_offset_goes_on_where_the_last_call_ended() -> None:
    turn = nn.RotaryEmbedding(4, max_len=5)
    x = rp.asarray(normal(2, 3, 5, 4).astype("float32"))
    whole, part = turn(x), turn(x[:, :, 3:], offset=3)
    np.testing.assert_array_equal(whole.numpy()[:, :, 3:], part.numpy())
    with pytest.raises(ShapeError, match=r"positions 3 to 7, it was made for 0 to 4") as error:
        turn(x, offset=3)
    assert "max_len=8" in str(error.value)


def test_misfits_of_turns() -> None:
    with pytest.raises(ArgumentError, match="5 features do not make pairs"):
        nn.RotaryEmbedding(5)
    with pytest.raises(ShapeError, match=r"expects \(..., time, 4 features\), got \(3, 6\)"):
        nn.RotaryEmbedding(4)(rp.zeros((3, 6)))


@pytest.mark.parametrize("layer", [
    nn.PositionalEncoding(4, 0.0, dtype="float64"),
    nn.RotaryEmbedding(4, dtype="float64"),
    nn.RotaryEmbedding(4, interleaved=True, dtype="float64"),
], ids=repr)  # fmt: skip
def test_gradients_by_finite_differences(layer: Any) -> None:
    assert rp.gradcheck(layer, [normal(3, 2, 4)])
