"""Bits per token of a model, and of counting and packing."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.tasks.generation.corpus import Corpus, codes_of
from retroprop.tasks.generation.scoring import bits, compressed, ngrams, surprise


class _Copies(nn.Module):
    """Expects the last token again, with this probability; the others share the rest."""

    def __init__(self, tokens, share):
        super().__init__()
        rest = (1 - share) / (tokens - 1)
        table = np.full((tokens, tokens), np.log(rest), np.float32)
        np.fill_diagonal(table, np.log(share))
        self.table = nn.Parameter(rp.asarray(table))

    def forward(self, tokens):
        return rp.take(self.table, tokens, axis=0)


def test_each_token_of_each_text_is_measured_once_from_the_one_before():
    model, texts = _Copies(4, 0.5), [np.array([1, 1, 2, 2, 2, 3, 0, 0, 0, 0, 3]), np.array([0])]
    found = surprise(model, [*texts, np.zeros(0, int)], window=4, first=1)
    for text, cost in zip(texts, found, strict=False):
        before = np.concatenate([[1], text[:-1]])
        expected = np.where(text == before, 1.0, np.log2(6))
        np.testing.assert_allclose(cost, expected, rtol=1e-5)
    assert len(found[2]) == 0
    few = surprise(model, texts, window=4, first=1, most=1)
    np.testing.assert_array_equal(few[0], found[0])


def test_a_window_sees_at_least_half_of_itself_before():
    rp.manual_seed(0)
    model = nn.RecurrentLM(6, 4, 8, 1)
    text = np.random.default_rng(0).integers(0, 6, 40)
    found = surprise(model, [text], window=10, first=2)[0]
    whole = model(rp.asarray(np.concatenate([[2], text[:9]])[None]))
    np.testing.assert_allclose(
        found[:10], bits(whole, rp.asarray(text[None, :10]), "none").numpy()[0], rtol=1e-4
    )
    late = model(rp.asarray(text[None, 29:39]))  # the last window
    np.testing.assert_allclose(
        found[35:40], bits(late, rp.asarray(text[None, 30:]), "none").numpy()[0, 5:], rtol=1e-4
    )


def test_counting_finds_the_entropy_of_a_source_with_memory():
    rng = np.random.default_rng(0)
    moves = np.where(rng.random(60_000) < 0.9, 1, 3)  # each from the one before: 0.469 bits
    codes = 97 + np.cumsum(moves) % 8
    one, two, three = ngrams(codes[:50_000], codes[50_000:])
    assert one == pytest.approx(3.0, abs=0.01)
    assert two == pytest.approx(0.469, abs=0.03)
    assert three == pytest.approx(two, abs=0.02)


def test_what_was_never_counted_costs_bits_but_not_all():
    found = ngrams(codes_of("ab" * 200), codes_of("zzzz"))
    assert all(5 < each < 30 for each in found)


def test_packing_needs_less_for_what_repeats():
    flat = compressed(Corpus(codes_of("to be or not to be, that is it\n" * 99)))
    rng = np.random.default_rng(0)
    noise = compressed(Corpus(rng.integers(32, 127, 4000).astype(np.uint8)))
    assert max(flat.values()) < 0.5
    assert min(noise.values()) > 6.5
