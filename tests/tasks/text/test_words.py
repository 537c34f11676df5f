"""Texts as numbers."""

from __future__ import annotations

import json

import numpy as np

from retroprop.tasks.text.words import Ngrams, Sentences, cut


def names(text):
    return [word.name for word in cut(text)]


def test_words_keep_their_apostrophes_and_signs_count():
    assert names("It’s NOT bad, isn't it?!") == ["it's", "not", "bad", ",", "isn't", "it", "?!"]
    assert names("¡Qué buena año!") == ["¡", "qué", "buena", "año", "!"]
    assert names("  \n ") == []


def test_a_word_knows_where_it_stands():
    text = "So, good!"
    assert [text[word.start : word.end] for word in cut(text)] == ["So", ",", "good", "!"]


def test_ngrams_of_words_and_letters():
    found = Ngrams(2, (3, 4), 99, 1).of(cut("ab c"))
    assert list(found) == ["wab", "wc", "wab c", "c ab", "cab ", "c ab ", "c c "]
    assert found["wab c"] == [(0, 1)]
    assert found["c c "] == [(1,)]


def test_a_word_of_letters_is_no_ngram_of_letters():
    kinds = Ngrams(1, (2, 2), 99, 1).of(cut("ab cab"))
    assert {"wab", "cab", "wcab"} <= set(kinds)


def test_rare_ngrams_and_those_beyond_the_vocabulary_are_not_known():
    texts = [cut("good good food"), cut("good bad"), cut("bad odd")]
    assert Ngrams(1, (0, 0), 9, 2).fit(texts).names == ["wbad", "wgood"]
    assert Ngrams(1, (0, 0), 1, 1).fit(texts).names == ["wbad"]


def test_what_is_rare_counts_more():
    texts = [cut("the a"), cut("the b"), cut("the c")]
    ngrams = Ngrams(1, (0, 0), 9, 1).fit(texts)
    assert ngrams.idf[ngrams.names.index("wthe")] == np.float32(1.0)
    assert ngrams.idf[ngrams.names.index("wa")] == np.float32(np.log(4 / 2) + 1)


def test_an_encoded_text_has_one_length_and_no_unknown_numbers():
    ngrams = Ngrams(1, (0, 0), 9, 1).fit([cut("a b c"), cut("a")])
    assert ngrams.length == 3
    assert ngrams.encode(cut("c never a")).tolist().count(0) == 1
    assert sorted(ngrams.encode(cut("a b c d e f a a"))) == [1, 2, 3]
    assert ngrams.encode([]).tolist() == [0, 0, 0]


def test_a_text_that_is_too_long_is_cut():
    texts = [cut("one two")] * 300 + [cut(" ".join(f"w{k}" for k in range(50)))]
    sentences = Sentences(999, 1, 128).fit(texts)
    assert sentences.length == 2
    assert len(sentences.encode(cut("one two one two"))) == 2
    assert Sentences(999, 1, 4).fit(texts[-1:]).length == 4


def test_both_come_back_from_json():
    texts = [cut("a good film"), cut("a bad film")]
    for coder in (Ngrams(2, (2, 3), 99, 1).fit(texts), Sentences(99, 1, 8).fit(texts)):
        again = type(coder).from_dict(json.loads(json.dumps(coder.to_dict())))
        assert (
            again.encode(cut("a bad thing")).tolist() == coder.encode(cut("a bad thing")).tolist()
        )
        assert again.size == coder.size
