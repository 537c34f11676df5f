"""Search: the likeliest translations under a network whose probabilities are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import retroprop as rp
from retroprop.data.subwords import BOS, EOS, PAD, UNK, Subwords
from retroprop.tasks.translation.network import Recurrent, Transformer
from retroprop.tasks.translation.pack import packed
from retroprop.tasks.translation.search import Translator, pieces_of

pytest.importorskip("sentencepiece")

TEXTS = ["un gato ve dos perros", "a cat sees two dogs", "dos gatos", "two cats"] * 10
WORDS = Subwords.learn(TEXTS, 40)
ROOM = 25  # sub-words of a text, its end included
SENTENCE = "a cat sees two dogs"


def network(kind: str = "transformer", seed: int = 0):
    rp.manual_seed(seed)
    size = len(WORDS)
    if kind == "gru":
        return Recurrent(size, 8, 1).eval()
    return Transformer(size, 8, 2, 1, 16, ROOM).eval()


def ends_soon(model) -> None:
    """Make the end of a text likelier."""
    with rp.no_grad():
        ends = np.where(np.arange(len(WORDS)) == EOS, 1.0, 0.0)
        model.bias.assign(rp.asarray(ends, dtype=rp.float32))


@pytest.fixture(scope="module")
def work() -> Translator:
    return Translator(network(), WORDS, ROOM - 1)


def logits_of(model, source: list[int], targets: list[list[int]]):
    x, y = packed([(source, target) for target in targets], ROOM, alone=True)
    with rp.no_grad():
        return model(**{name: rp.asarray(value) for name, value in x.items()}).numpy(), y


def log_probabilities(model, source: list[int], targets: list[list[int]]):
    """Of translations with their end."""
    logits, y = logits_of(model, source, targets)
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    chosen = np.take_along_axis(logs, y[..., None], axis=2)[..., 0]
    return np.where(y != PAD, chosen, 0.0).sum(axis=1)


@pytest.mark.parametrize("kind", ["transformer", "gru"])
def test_greedy_takes_the_likeliest_at_each_step(kind: str) -> None:
    model = network(kind)
    ends_soon(model)
    source = WORDS.encode("two cats")
    found = Translator(model, WORDS, ROOM - 1)._search([source], 1, 1, 0.0)[0]
    for at, word in enumerate([*found, EOS][: ROOM - 1]):
        logits = logits_of(model, source, [found[: ROOM - 1]])[0][0, at].copy()
        logits[[PAD, UNK, BOS, *([] if at else [EOS])]] = -np.inf
        assert word == logits.argmax()


def test_a_wide_beam_finds_the_best_of_all() -> None:
    """Every translation of up to two sub-words by force, against the search."""
    model = network(seed=3)
    ends_soon(model)
    source = WORDS.encode("two cats")
    tokens = range(4, len(WORDS))
    every: list[list[int]] = [[a] for a in tokens]
    every += map(list, itertools.product(tokens, list(tokens)[::3]))
    best = log_probabilities(model, source, every).max()
    found = Translator(model, WORDS, ROOM - 1)._search([source], 1, 450, 0.0)[0]
    assert log_probabilities(model, source, [found])[0] >= best - 1e-4


def test_a_translation_does_not_depend_on_its_company(work: Translator) -> None:
    texts = ["two cats", SENTENCE, "cat"]
    together, _ = work.translate(texts)
    assert together == [work.translate([text])[0][0] for text in texts]


def test_long_texts_are_cut_where_sentences_and_words_end(work: Translator) -> None:
    size = len(WORDS.encode(SENTENCE))
    assert pieces_of(SENTENCE, WORDS, size) == [WORDS.encode(SENTENCE)]
    assert pieces_of("", WORDS, 5) == []
    parts = pieces_of(f"{SENTENCE}. {SENTENCE}.", WORDS, size + 3)
    assert parts == [WORDS.encode(f"{SENTENCE}.")] * 2
    parts = pieces_of(f"{SENTENCE} {SENTENCE}", WORDS, size)
    assert all(len(part) <= size for part in parts)
    assert " ".join(WORDS.decode(part) for part in parts) == f"{SENTENCE} {SENTENCE}"
    assert [len(part) for part in pieces_of("acat" * 8, WORDS, 10)][:2] == [10, 10]
    made, cut = work.translate(["cat", " ".join([SENTENCE] * 3)])
    assert len(made) == 2
    assert cut == [1]


def test_nothing_is_translated_to_nothing(work: Translator) -> None:
    assert work.translate(["", "cat"])[0][0] == ""
