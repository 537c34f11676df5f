"""Scores of translations, on ones that can be counted by hand."""

from __future__ import annotations

import math

import pytest

from retroprop.tasks.translation.scores import bleu, chrf, chrf_of_each

pytest.importorskip("sacrebleu")


def test_bleu_of_known_sentences() -> None:
    wanted = ["the cat sat on the mat today"]
    assert bleu(wanted, wanted) == pytest.approx(100)
    # 6 of 7 words, 4 of 6 pairs, 3 of 5 triples, 2 of 4 fours; as long as the reference.
    made = ["the cat lay on the mat today"]
    right = 100 * math.exp(sum(map(math.log, (6 / 7, 4 / 6, 2 / 5, 1 / 4))) / 4)
    assert bleu(made, wanted) == pytest.approx(right)


def test_short_translations_are_penalised() -> None:
    wanted = ["one two three four five six seven eight"]
    half = bleu(["one two three four"], wanted)
    assert half == pytest.approx(100 * math.exp(1 - 2))


def test_likeness_of_letters() -> None:
    assert chrf(["un gato"], ["un gato"]) == pytest.approx(100)
    each = chrf_of_each(["un gato", "un gata", "xyz"], ["un gato"] * 3)
    assert each[0] > each[1] > each[2] == 0
