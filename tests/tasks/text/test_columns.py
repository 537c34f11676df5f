"""Which columns hold texts and classes, and which tables are texts at all."""

from __future__ import annotations

import pytest

from retroprop.data import raw_table
from retroprop.errors import DataError
from retroprop.tasks.text.columns import looks_like_texts, running, text_and_label, text_column

SENTENCES = [f"it was number {k} of the good ones" for k in range(40)]
TABLE = {"id": list(range(40)), "review": SENTENCES, "stars": [1, 5] * 20}


def test_running_text_has_several_words_and_hardly_repeats():
    table = raw_table({"a": SENTENCES, "b": ["New York City"] * 40, "c": SENTENCES[:2] * 20})
    assert [running(column) for column in table.columns.values()] == [True, False, False]


def test_columns_are_guessed_and_said():
    text, label, notes = text_and_label(raw_table(TABLE), None, None)
    assert (text, label) == ("review", "stars")
    assert notes == [
        'texts: "review"', 'classes: "stars" (guessed from its name)',
        "other columns are not used: id",
    ]  # fmt: skip


def test_the_only_column_of_few_values_is_the_class():
    table = raw_table({"zeta": ["up", "down"] * 20, "beta": SENTENCES})
    assert text_and_label(table, None, None)[:2] == ("beta", "zeta")


def test_a_wrong_name_names_the_nearest():
    with pytest.raises(DataError, match='no column "star"; did you mean "stars"'):
        text_and_label(raw_table(TABLE), None, "star")
    with pytest.raises(DataError, match='no column "reviw"; did you mean "review"'):
        text_and_label(raw_table(TABLE), "reviw", None)


def test_a_table_without_running_text_is_refused():
    with pytest.raises(DataError, match="no column with running text"):
        text_column(raw_table({"a": [1, 2], "b": ["x", "y"]}), None)


def test_a_table_without_classes_asks_for_them():
    with pytest.raises(DataError, match="which column holds the classes"):
        text_and_label(raw_table({"a": SENTENCES, "n": list(range(40))}), None, None)
    with pytest.raises(DataError, match='column "review": holds running text, not classes'):
        text_and_label(raw_table(TABLE), None, "review")
    with pytest.raises(DataError, match="same column"):
        text_and_label(raw_table(TABLE), "review", "review")


NO_TEXTS = {
    "two languages": {"en": SENTENCES, "es": SENTENCES, "label": [0, 1] * 20},
    "no text": {"a": list(range(40)), "class": ["x", "y"] * 20},
    "places": {"city": ["San Juan de la Cruz", "New York"] * 20, "class": ["x", "y"] * 20},
    "a number to predict": {"text": SENTENCES, "price": [k / 7 for k in range(40)]},
    "names among many columns": {
        "name": SENTENCES, "class": ["x", "y"] * 20, **{f"c{k}": list(range(40)) for k in range(6)},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", NO_TEXTS)
def test_other_tables_are_left_to_others(name):
    assert looks_like_texts(raw_table(NO_TEXTS[name]), None) == ""


def test_a_table_of_texts_is_recognised():
    assert "review" in looks_like_texts(raw_table(TABLE), None)
    assert "stars" in looks_like_texts(raw_table(TABLE), "stars")
    assert looks_like_texts(raw_table(TABLE), "id") == ""
    assert looks_like_texts(raw_table({**TABLE, "stars": [1] * 40}), None)  # sorted by class
