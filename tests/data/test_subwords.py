"""Sub-words: what is learned spells texts and gives them back."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from retroprop.data.subwords import BOS, EOS, PAD, UNK, Subwords
from retroprop.errors import ArgumentError, CheckpointError, DataError, MissingDependencyError

pytest.importorskip("sentencepiece")

TEXTS = ["the cat sat on the mat", "el gato come pescado", "¿dónde está el niño?"] * 10


def test_texts_come_back() -> None:
    words = Subwords.learn(TEXTS, 60)
    assert len(words) <= 60
    for text in TEXTS[:3]:
        ids = words.encode(text)
        assert words.decode(ids) == text
        assert not {PAD, UNK, BOS, EOS} & set(ids)


def test_frequent_words_are_one_subword() -> None:
    texts = ["house tree", "house road", "a house", "the green house", "roads, trees"] * 20
    words = Subwords.learn(texts, 60)
    assert words.pieces("house") == ["▁house"]
    assert len(words.encode("eohus")) > 1


def test_special_numbers_are_no_text() -> None:
    words = Subwords.learn(TEXTS, 60)
    assert words.decode([BOS, *words.encode("el gato"), EOS, PAD, PAD]) == "el gato"
    assert UNK in words.encode("漢")


def test_spaces_count_once_unless_exact() -> None:
    assert Subwords.learn(TEXTS, 60).decode(Subwords.learn(TEXTS, 60).encode("el  gato ")) == (
        "el gato"
    )
    exact = Subwords.learn(["the cat\n\n  sat\n", "a\tmat\n"] * 9, 290, exact=True)
    text = "  the 漢 mat\n\n\tsat "
    assert exact.decode(exact.encode(text)) == text
    assert exact.decode(exact.encode("\n")) == "\n"


def test_learning_again_gives_the_same() -> None:
    assert Subwords.learn(TEXTS, 60, 3).to_dict() == Subwords.learn(TEXTS, 60, 3).to_dict()


def test_a_record_is_json_and_comes_back() -> None:
    import json

    words = Subwords.learn(TEXTS, 60)
    again = Subwords.from_dict(json.loads(json.dumps(words.to_dict())))
    assert again.encode(TEXTS[2]) == words.encode(TEXTS[2])


@pytest.mark.parametrize(
    "record", [{}, {"sentencepiece": ""}, {"sentencepiece": "%"}, {"sentencepiece": "YWJj"}]
)
def test_damaged_records_are_refused(record: dict[str, str]) -> None:
    with pytest.raises(CheckpointError, match="sub-words are damaged"):
        Subwords.from_dict(record)


def test_too_small_a_size_says_how_many_are_needed() -> None:
    with pytest.raises(ArgumentError, match="10 sub-words are too few") as caught:
        Subwords.learn(TEXTS, 10)
    least = int(str(caught.value.fix).split()[-1])
    assert len(Subwords.learn(TEXTS, least)) <= least


def test_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="no text"):
        Subwords.learn(["", "  "], 100)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sentencepiece":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'retroprop\[text\]'"):
        Subwords.learn(TEXTS, 60)
