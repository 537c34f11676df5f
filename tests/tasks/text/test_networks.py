"""Networks over the numbers of a text."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.tasks.text.networks import Attention, Bag, Recurrent


def test_a_bag_adds_up_its_ngrams():
    start = np.array([[1.0, 0], [0, 1.0], [5, 5]])
    network = Bag(4, 2, idf=np.array([[3.0], [4.0], [1.0]]), start=start)
    assert network(np.array([[1, 2, 0, 0]])).tolist()[0] == pytest.approx([3 / 5, 4 / 5])


def test_kinds_of_ngrams_are_scaled_apart():
    start = np.array([[1.0], [1.0], [1.0]])
    network = Bag(4, 1, idf=np.array([[3.0, 0], [4.0, 0], [0, 9.0]]), start=start)
    assert network(np.array([[1, 2, 3, 0]])).item() == pytest.approx(7 / 5 + 1)


def test_an_empty_bag_gives_the_bias():
    network = Bag(3, 2, start=np.ones((2, 2)))
    assert network(np.array([[0, 0]])).tolist() == [[0.0, 0.0]]


def test_ngrams_are_dropped_in_training_only():
    rp.manual_seed(0)
    network = Bag(101, 1, dropout=0.5, start=np.ones((100, 1)))
    x = np.arange(1, 101)[None]
    network.eval()
    assert network(x).item() == pytest.approx(10.0, rel=1e-5)
    network.train()
    assert network(x).item() != pytest.approx(10.0, rel=1e-3)


NETWORKS = {
    "gru": lambda: Recurrent("gru", 20, 3, width=8, hidden=5, dropout=0.5, word_dropout=0.5),
    "lstm": lambda: Recurrent("lstm", 20, 3, width=8, hidden=5),
    "transformer": lambda: Attention(20, 3, length=9, width=8, heads=2, layers=2, dropout=0.5),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_changes_nothing(name):
    rp.manual_seed(0)
    network = NETWORKS[name]()
    network.eval()
    short = network(np.array([[5, 6, 7]])).numpy()
    long = network(np.array([[5, 6, 7, 0, 0, 0]])).numpy()
    assert np.allclose(short, long, atol=1e-5)
    assert not np.allclose(short, network(np.array([[7, 6, 5]])).numpy(), atol=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_text_without_words_has_finite_scores(name):
    network = NETWORKS[name]()
    network.eval()
    assert np.isfinite(network(np.zeros((2, 4), np.int32)).numpy()).all()


def test_words_are_made_unknown_in_training_only():
    rp.manual_seed(0)
    network = Recurrent("gru", 20, 2, width=4, hidden=3, word_dropout=0.9)
    x = np.full((1, 9), 7)
    network.eval()
    assert np.array_equal(network(x).numpy(), network(x).numpy())
    network.train()
    assert not np.array_equal(network(x).numpy(), network(x).numpy())
