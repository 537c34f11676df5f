"""What the report shows of texts."""

from __future__ import annotations

import numpy as np

from retroprop.tasks.task import Part
from retroprop.tasks.text import show
from retroprop.tasks.text.networks import Recurrent
from retroprop.tasks.text.words import Sentences, cut


def test_the_surest_of_each_kind_come_first():
    chances = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.01, 0.99], [0.45, 0.55]])
    found = show.chosen(chances, np.array([0, 1, 1, 1, 1]))
    assert found["mistakes"] == [2, 1]
    assert found["certain"] == [0, 3, 4]
    assert found["unsure"] == [4]


def test_sections_show_words_and_escape_them():
    part = Part(np.array(["so <bad>", "good"], object), np.array([0, 1]))
    chances = np.array([[0.2, 0.8], [0.1, 0.9]])
    shares = {0: np.array([0.1, 0, 1.0, 0]), 1: np.array([2.0])}
    chosen = {"mistakes": [0], "certain": [1], "unsure": []}
    seen = show.Seen(np.log(chances), chosen, shares, {"yes": [("good", 1.5)], "no": []})
    page = show.sections(part, seen, ["no", "yes"], chances)
    assert "&lt;bad&gt;" in page or "&lt;" in page
    assert "<bad>" not in page
    assert page.count("<section>") == 2
    assert "Surest mistakes" in page
    assert "Least sure" not in page
    assert 'class="bad">yes' in page


def test_networks_that_read_in_order_have_no_strong_ngrams():
    sentences = Sentences(9, 1, 4).fit([cut("a b")])
    assert show.strong(Recurrent("gru", sentences.size, 2, 4, 4), sentences, ["a", "b"], []) == {}
