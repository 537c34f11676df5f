"""From a trained network to translations: beam search, many sentences at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import retroprop as rp
from retroprop.data.subwords import BOS, EOS, PAD, UNK, Subwords
from retroprop.nn import functional as F
from retroprop.tasks.translation.pack import padded

__all__ = ["Translator", "pieces_of"]

Array = np.ndarray[Any, Any]

_SIZES = (1, 8, 32)  # sentences at a time: each size is compiled once
_SENTENCES = re.compile(r"(?<=[.!?…])\s+")


def pieces_of(text: str, words: Subwords, longest: int) -> list[list[int]]:
    """A text as sub-words, cut where it has more than `longest`: at ends of sentences, else words.

    Example:
        >>> words = Subwords.learn(["one two three"] * 9, 40)
        >>> len(pieces_of("one two", words, 99)), len(pieces_of("one. two three", words, 4)) > 1
        (1, True)
    """
    whole = words.encode(text)
    if len(whole) <= longest:
        return [whole] if whole else []
    sentences = _SENTENCES.split(text)
    parts = sentences if len(sentences) > 1 else text.split()
    if len(parts) == 1:  # one word, longer than what the network reads
        return [whole[at : at + longest] for at in range(0, len(whole), longest)]
    found: list[list[int]] = []
    begun = ""
    for part in parts:
        joined = f"{begun} {part}".strip()
        if len(words.encode(joined)) > longest and begun:
            found += pieces_of(begun, words, longest)
            joined = part
        begun = joined
    return found + pieces_of(begun, words, longest)


class _Beams(NamedTuple):
    """Beginnings of translations, the best of each sentence first.

    Attributes:
        scores: (sentences, beam) sums of log-probabilities.
        made:   (sentences, beam, time) sub-words; `PAD` after the end.
        ended:  (sentences, beam).
        sizes:  (sentences, beam) sub-words, EOS included.
    """

    scores: Array
    made: Array
    ended: Array
    sizes: Array

    def ranks(self, penalty: float) -> Array:
        """What is compared: the score over length^penalty."""
        ranks: Array = self.scores / np.maximum(self.sizes, 1) ** penalty
        return ranks


class Translator:
    """A trained network with its sub-words, at work.

    Args:
        model:   a network of `translation.network`, in evaluation mode.
        words:   its sub-words.
        longest: the most sub-words of a sentence, EOS aside.
    """

    def __init__(self, model: Any, words: Subwords, longest: int) -> None:
        self.model, self.words, self.room = model, words, longest + 1
        self._begin = rp.compile(self._begun, verbose=False)
        self._advance = rp.compile(self._advanced, verbose=False)

    # -- what is compiled ------------------------------------------------------------------------

    def _begun(self, source: Any, rows: Any) -> Any:
        """What steps need to know of the sources, a row for each beam, and the first state."""
        memory = tuple(rp.take(part, rows, axis=0) for part in self.model.encode(source))
        return memory, self.model.start(memory, self.room)

    def _advanced(self, tokens: Any, rows: Any, at: Any, memory: Any, state: Any) -> Any:
        """Log-probabilities after the tokens, which follow these rows of the state."""
        state = tuple(rp.take(cell, rows, axis=0) for cell in state)
        logits, state = self.model.step(tokens, at, memory, state)
        return F.log_softmax(logits, -1), state

    # -- the search ------------------------------------------------------------------------------

    def translate(
        self, texts: Sequence[str], *, beam: int = 4, length_penalty: float = 0.6
    ) -> tuple[list[str], list[int]]:
        """Translations of texts, and the numbers of those that were cut to be read.

        Args:
            texts:          sentences; what is longer than the network reads is cut, translated in
                            parts and joined. Nothing is translated to nothing.
            beam:           beginnings kept in the search; 1 takes the likeliest sub-word.
            length_penalty: scores are divided by length^length_penalty before they are compared.

        Source: Wu et al. 2016, arXiv:1609.08144, section 7, in its simplest form.
        """
        cut = [pieces_of(text, self.words, self.room - 1) for text in texts]
        parts = [part for each in cut for part in each]
        order = sorted(range(len(parts)), key=lambda number: len(parts[number]))
        size = next((size for size in _SIZES if size >= len(parts)), _SIZES[-1])
        found: dict[int, str] = {}
        with rp.no_grad():
            for at in range(0, len(order), size):
                some = order[at : at + size]
                made = self._search([parts[number] for number in some], size, beam, length_penalty)
                found.update(zip(some, map(self.words.decode, made), strict=True))
        told, number = [], 0
        for each in cut:
            told.append(" ".join(found[k] for k in range(number, number + len(each))))
            number += len(each)
        return told, [k for k, each in enumerate(cut) if len(each) > 1]

    def _search(
        self, sources: Sequence[list[int]], size: int, beam: int, penalty: float
    ) -> list[list[int]]:
        """The best translation of each source, as sub-words."""
        rows = np.repeat(np.arange(size), beam)
        memory, state = self._begin(padded(sources, self.room, size), rows)
        scores = np.full((size, beam), -np.inf)
        scores[:, 0] = 0.0  # all beams are the same at first
        ended = np.zeros((size, beam), bool)
        beams = _Beams(scores, np.zeros((size, beam, 0), np.int64), ended, np.zeros((size, beam)))
        tokens, parents = np.full(size * beam, BOS), np.arange(size * beam)
        for at in range(self.room):
            logs, state = self._advance(tokens, parents, np.asarray(at), memory, state)
            beams, order = _next(beams, logs.numpy().reshape(size, beam, -1), penalty)
            if _is_settled(beams, penalty, self.room, len(sources)):
                break
            tokens = beams.made[:, :, -1].reshape(-1)
            parents = (order + beam * np.arange(size)[:, None]).reshape(-1)
        best = np.where(beams.ended, beams.ranks(penalty), -np.inf).argmax(axis=1)
        return [
            [int(k) for k in beams.made[number, best[number]] if k not in (EOS, PAD)]
            for number in range(len(sources))
        ]


def _next(beams: _Beams, logs: Array, penalty: float) -> tuple[_Beams, Array]:
    """The best beginnings that are one sub-word longer, and which ones they continue."""
    size, beam, tokens = logs.shape
    most = min(beam, tokens)  # no other can be among the best
    logs = logs.copy()
    never = [PAD, UNK, BOS] if beams.made.shape[2] else [PAD, UNK, BOS, EOS]  # none is empty
    logs[:, :, never] = -np.inf
    few = np.argpartition(logs, tokens - most, axis=2)[:, :, tokens - most :]
    gains = np.take_along_axis(logs, few, axis=2)
    ended = beams.ended[:, :, None]
    few = np.where(ended, PAD, few)
    first = np.arange(most) == 0  # what has ended stays, once
    gains = np.where(ended, np.where(first, 0.0, -np.inf), gains)
    scores = beams.scores[:, :, None] + gains
    sizes = beams.sizes[:, :, None] + ~ended + np.zeros_like(few)
    ranks = (scores / sizes**penalty).reshape(size, -1)
    order = np.argsort(-ranks, axis=1, kind="stable")[:, :beam]
    parents = order // most
    chosen = np.take_along_axis(few.reshape(size, -1), order, axis=1)
    made = np.take_along_axis(beams.made, parents[:, :, None], axis=1)
    after = _Beams(
        np.take_along_axis(scores.reshape(size, -1), order, axis=1),
        np.concatenate([made, chosen[:, :, None]], axis=2),
        np.take_along_axis(beams.ended, parents, axis=1) | (chosen == EOS),
        np.take_along_axis(sizes.reshape(size, -1), order, axis=1),
    )
    return after, parents


def _is_settled(beams: _Beams, penalty: float, room: int, count: int) -> bool:
    """Whether no beginning can become better than what has ended."""
    ended = np.where(beams.ended, beams.ranks(penalty), -np.inf).max(axis=1)
    hoped = np.where(beams.ended, -np.inf, beams.scores / room**penalty).max(axis=1)
    return bool((ended >= hoped)[:count].all())
