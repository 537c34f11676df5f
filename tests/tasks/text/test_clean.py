"""What is left of texts before they are split."""

from __future__ import annotations

import pytest

from retroprop.errors import DataError
from retroprop.tasks.text.clean import cleaned, indices, limited, uneven
from retroprop.tasks.text.source import Found


def found(texts, labels, parts=None):
    made = Found(texts, labels, range(len(texts)), "a.csv")
    made.parts = parts or made.parts
    return made


def test_empty_texts_and_missing_classes_are_counted():
    kept = cleaned(found(["a", " ", "", "b", "c"], ["1", "1", "0", "0", ""]))
    assert (kept.texts, kept.ids) == (["a", "b"], [0, 3])
    assert kept.notes == [
        "2 empty texts are left out", '1 text without a value of "label" is left out',
    ]  # fmt: skip


def test_repeats_are_dropped_and_those_of_another_class_said():
    kept = cleaned(found(["so  good", "bad", "so good", "bad"], ["1", "0", "0", "0"]))
    assert kept.texts == ["so  good", "bad"]
    assert kept.notes == [
        "2 repeated texts are left out",
        "1 of them stood in another class than the one that is kept",
    ]


def test_a_text_of_the_test_part_is_not_trained_on():
    texts, labels = ["x", "a", "b", "c", "a"], ["1", "1", "0", "0", "1"]
    kept = cleaned(found(texts, labels, ["train"] * 4 + ["test"]))
    assert len(kept) == 4
    assert kept.parts[kept.texts.index("a")] == "test"


WRONG = {
    "one class": (["a", "b"], ["1", "1"], None, "a single class (1)"),
    "no texts": ([" ", ""], ["1", "0"], None, "no texts with a class"),
    "as many as rows": (list("abcdef"), list("123456"), None, "6 distinct values in 6 rows"),
    "only in the test": (list("abcd"), list("0112"), ["train"] * 3 + ["test"], "to train on: 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_learned_is_refused(name):
    texts, labels, parts, words = WRONG[name]
    with pytest.raises(DataError) as caught:
        cleaned(found(texts, labels, parts))
    assert words in str(caught.value)


def test_a_limit_keeps_the_shares():
    kept = limited(found([str(k) for k in range(100)], ["a"] * 80 + ["b"] * 20), 10, 0)
    assert sorted(kept.labels) == ["a"] * 8 + ["b"] * 2
    assert limited(kept, 10, 0) is kept


def test_uneven_classes_are_said():
    assert uneven(found([], ["a"] * 3 + ["b"])) == ""
    assert "a 80%, b 20%" in uneven(found([], ["a"] * 4 + ["b"]))


def test_a_class_that_training_did_not_have():
    assert indices(found(["x", "y"], ["b", "a"]), ["a", "b"]).tolist() == [1, 0]
    with pytest.raises(DataError, match="row 1.*class 'c' was not there in training"):
        indices(found(["x", "y"], ["b", "c"]), ["a", "b"])
