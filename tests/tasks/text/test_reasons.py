"""Which words moved a decision."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.tasks.text.networks import Bag, Recurrent
from retroprop.tasks.text.reasons import highlighted, of_bag, of_others, strongest, told
from retroprop.tasks.text.words import Ngrams, Sentences, cut

TEXTS = ["the food was not good", "a good film", "so bad, so bad", "good good good"]


def bag(classes):
    words = [cut(text) for text in TEXTS]
    ngrams = Ngrams(2, (2, 4), 999, 1).fit(words)
    start = np.random.default_rng(0).standard_normal((ngrams.size - 1, classes))
    return Bag(ngrams.size, classes, idf=ngrams.weights, start=start), ngrams, words


@pytest.mark.parametrize("classes", [2, 3])
def test_the_words_of_a_bag_add_up_to_its_score(classes):
    model, ngrams, words = bag(classes)
    scores = model(np.stack([ngrams.encode(each) for each in words])).numpy()
    answers = scores.argmax(axis=1)
    shares = of_bag(model, ngrams, words, answers)
    for k, answer in enumerate(answers):
        others = np.delete(scores[k], answer).mean()
        assert shares[k].shape == (len(words[k]),)
        assert shares[k].sum() == pytest.approx(scores[k, answer] - others, rel=1e-4)


def test_a_text_of_unknown_words_has_no_reasons():
    model, ngrams, _ = bag(2)
    assert of_bag(model, ngrams, [cut("???")], np.array([0]))[0].tolist() == [0.0]


def test_leaving_out_a_word_that_matters_changes_the_score():
    rp.manual_seed(0)
    sentences = Sentences(99, 1, 4).fit([cut(text) for text in TEXTS])
    network = Recurrent("gru", sentences.size, 2, width=4, hidden=4)
    network.eval()
    words = [cut("good unheard film so bad"), cut("")]
    shares = of_others(lambda x: network(x).numpy(), sentences, words, np.array([1, 0]))
    assert [len(each) for each in shares] == [5, 0]
    assert shares[0][1] == 0.0  # unknown before, too
    assert shares[0][4] == 0.0  # beyond what is read
    assert abs(shares[0][0]) > 0


def test_told_in_words():
    words = cut("good, not good")
    assert told(words, np.array([1.0, 0.001, -0.5, 0.25]), 5) == "good +1.25, not -0.50"
    assert told([], np.zeros(0), 3) == ""


def test_markup_is_safe_and_keeps_the_text():
    text = 'a <b onclick="x">good</b> & '
    shown = highlighted(text, cut(text), np.linspace(-2, 2, len(cut(text))))
    assert "<b" not in shown
    assert "&amp;</mark> " in shown
    assert highlighted("word " * 200, cut("word " * 200), np.zeros(200)).endswith("…")


def test_the_strongest_are_words_of_these_texts():
    model, ngrams, words = bag(2)
    found = strongest(model, ngrams, words[1:2], 3)
    assert len(found) == 2
    for pairs in found:
        assert [value for _, value in pairs] == sorted((v for _, v in pairs), reverse=True)
        assert {name for name, _ in pairs} <= {"a", "good", "film", "a good", "good film"}
    assert strongest(model, ngrams, [], 3) == [[], []]
