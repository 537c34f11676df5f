"""Pictures: attention by words, examples by length."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.data.subwords import Subwords
from retroprop.tasks.translation.network import Transformer
from retroprop.tasks.translation.search import Translator
from retroprop.tasks.translation.show import attended, attention_picture, length_bins

pytest.importorskip("sentencepiece")


def test_attention_is_by_words_and_shared_out() -> None:
    words = Subwords.learn(["a cat sees two dogs", "un gato ve dos perros"] * 10, 40)
    rp.manual_seed(0)
    model = Transformer(len(words), 8, 2, 1, 16, 20).eval()
    table, rows, columns = attended(
        Translator(model, words, 19), "a cat sees dogs", "un gato perros"
    )
    assert rows == ["un", "gato", "perros"]
    assert columns == ["a", "cat", "sees", "dogs", "(end)"]
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-5)


def test_the_picture_has_a_cell_for_each_pair_and_its_words() -> None:
    drawn = attention_picture(
        np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]), ["<el>", "gato", "ve"], ["the", "cat"]
    )
    assert drawn.count("<rect") == 6
    assert "&lt;el&gt;" in drawn
    assert "gato ← cat: 80%" in drawn
    assert 'fill-opacity="0.9"' in drawn


def test_examples_go_into_ranges_of_words() -> None:
    texts = ["a", "a b c", "a b c d e f g h i", "x " * 40]
    bins = length_bins(texts)
    assert bins == [("1-2 words", [0]), ("3-4 words", [1]), ("9-12 words", [2]),
                    ("21-40 words", [3])]  # fmt: skip
