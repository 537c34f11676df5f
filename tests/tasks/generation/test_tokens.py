"""Characters and sub-words as numbers."""

from __future__ import annotations

import json

import pytest

from retroprop.errors import ArgumentError, CheckpointError
from retroprop.tasks.generation.corpus import Corpus, codes_of, gathered
from retroprop.tasks.generation.tokens import Characters, learned, restored

TEXT = "the cat sat on the mat,\nthe dog sat  on the log\n" * 30


def test_characters_there_and_back():
    tokens = learned("characters", Corpus(codes_of(TEXT)), 0, 0)
    assert tokens.decode(tokens.encode(TEXT)) == TEXT
    assert (tokens.strangers("cat ñx€"), tokens.decode(tokens.encode("cañ"))) == ("xñ€", "ca\ufffd")
    assert tokens.encode("ñ").tolist() == [tokens.unknown] == list(tokens.banned)
    again = restored(json.loads(json.dumps(tokens.to_dict())))
    assert again.encode(TEXT).tolist() == tokens.encode(TEXT).tolist()


def test_many_characters_get_larger_numbers():
    script = "".join(map(chr, range(0x4E00, 0x4E00 + 400))) + "\U0001f600"
    tokens = Characters(script)
    assert tokens.encode(script).dtype.itemsize == 2
    assert tokens.decode(tokens.encode(script)) == script


def test_subwords_keep_every_character():
    pytest.importorskip("sentencepiece")
    corpus = Corpus(codes_of(TEXT))
    tokens = learned("subwords", corpus, 300, 0)
    row = gathered(tokens.of_corpus(corpus))
    assert tokens.decode(row) == TEXT
    assert len(row) < 0.7 * len(TEXT)
    assert tokens.decode(tokens.encode("ñ ☃")) == "ñ ☃"
    assert not tokens.strangers("ñ")
    again = restored(json.loads(json.dumps(tokens.to_dict())))
    assert again.encode(TEXT).tolist() == tokens.encode(TEXT).tolist()


def test_what_is_no_kind_of_tokens():
    with pytest.raises(ArgumentError, match="letters"):
        learned("letters", Corpus(codes_of(TEXT)), 0, 0)
    for record in ({}, {"kind": "characters"}, {"kind": "x"}):
        with pytest.raises(CheckpointError, match="damaged"):
            restored(record)
