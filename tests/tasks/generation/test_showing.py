"""The page of a language model."""

from __future__ import annotations

import numpy as np

from retroprop.tasks.generation.showing import Seen, compared, fields

LETTERS = "\ufffdabc <\n"


def _seen(others, count=600):
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 7, count)
    bits = rng.random(count).astype(np.float32) * 4
    decode = lambda numbers: "".join(LETTERS[k] for k in numbers)  # noqa: E731
    return Seen(bits, tokens, count, decode, others, [(0.5, "a <b> text")], "lstm")


def test_the_number_is_said_in_words_beside_what_costs_nothing():
    seen = _seen({"trigram": 4.0, "xz": 3.0})
    shown = fields(seen)
    big, said = shown["said"]
    assert big == f"{seen.per_character:.2f}"
    assert 1.8 < float(big) < 2.2
    assert "less than xz (3.00)" in said[-1]
    assert "more than xz (1.00)" in fields(_seen({"xz": 1.0}))["said"][1][-1]
    assert all(f">{name}<" in compared(seen) for name in ("lstm", "xz"))


def test_texts_are_escaped_and_shown():
    shown = fields(_seen({"xz": 3.0}))["sections"]
    assert "a &lt;b&gt; text" in shown
    assert "<b>" not in shown
    assert (
        shown.count('class="rp-chart"') == 5
    )  # comparison, the beginning and two worst passages, histogram
    assert "temperature 0.5" in shown


def test_without_comparison_and_for_a_short_text():
    shown = fields(_seen({}, count=3))
    assert len(shown["said"][1]) == 2
    assert "How good" not in shown["sections"]
