"""Texts as numbers: words, n-grams of words and letters, and the vocabularies of both."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Ngrams", "Sentences", "Word", "cut"]

Array = np.ndarray[Any, Any]

PADDING, UNKNOWN = 0, 1
_WORD = re.compile(r"\w+(?:['’]\w+)*|[!?]+|[^\w\s]+")
_SHARE = 0.99  # of the texts that are taken whole


class Word(NamedTuple):
    """A word or a run of signs: how it counts, and where it stands in the text."""

    name: str
    start: int
    end: int


def cut(text: str) -> list[Word]:
    """The words of a text in small letters, and its runs of signs.

    Example:
        >>> [word.name for word in cut("Didn't work... AT ALL!")]
        ["didn't", 'work', '...', 'at', 'all', '!']
    """
    return [
        Word(found.group().lower().replace("’", "'"), found.start(), found.end())
        for found in _WORD.finditer(text)
    ]


class Ngrams:
    """Which n-grams a text has: of up to some words in a row, and of letters inside a word.

    A text is the set of its n-grams; each counts by how rare it is, its inverse document frequency
    log((1 + texts) / (1 + texts that have it)) + 1. What training did not have is passed over.

    Args:
        words:   the longest n-gram of words.
        letters: shortest and longest n-gram of letters; the ends of the word are letters too.
                 Two zeros for none.
        most:    how many n-grams are kept, those of most texts.
        rarest:  in how many texts an n-gram must be.

    Attributes:
        names:  the n-grams, "w" before those of words, "c" before those of letters; the network
                knows the one at place k by the number k + 1.
        length: numbers of an encoded text.

    Example:
        >>> ngrams = Ngrams(2, (0, 0), 10, 1).fit([cut("not good"), cut("good")])
        >>> ngrams.names, ngrams.encode(cut("Good food")).tolist()
        (['wgood', 'wnot', 'wnot good'], [1, 0, 0])

    Source: letters of words beside words: Bojanowski et al. 2017, arXiv:1607.04606.
    """

    kind = "ngrams"

    def __init__(self, words: int, letters: tuple[int, int], most: int, rarest: int) -> None:
        self.words, self.letters, self.most, self.rarest = words, letters, most, rarest
        self.names: list[str] = []
        self.idf: Array = np.zeros(0, np.float32)
        self.length = 1
        self._index: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Rows of the network's table: one for each n-gram, and one for padding."""
        return len(self.names) + 1

    @property
    def weights(self) -> Array:
        """(n-grams, 2) how much each counts, in the column of its kind: words, letters."""
        made = np.zeros((len(self.names), 2), np.float32)
        kinds = [int(name.startswith("c")) for name in self.names]
        made[np.arange(len(kinds)), kinds] = self.idf if len(self.idf) else 1.0
        return made

    def fit(self, texts: Sequence[Sequence[Word]]) -> Ngrams:
        """Learn which n-grams there are."""
        found = [list(self.of(words)) for words in texts]
        counts = Counter(name for names in found for name in names)
        ranked = sorted((-count, name) for name, count in counts.items() if count >= self.rarest)
        ranked = ranked[: self.most]
        self._know([name for _, name in ranked])
        texts_with = np.array([-count for count, _ in ranked], np.float64)
        self.idf = (np.log((1 + len(texts)) / (1 + texts_with)) + 1).astype(np.float32)
        sizes = [sum(name in self._index for name in names) for names in found]
        self.length = _long_enough(sizes)
        return self

    def _know(self, names: list[str]) -> None:
        self.names = names
        self._index = {name: number for number, name in enumerate(names, start=1)}

    def of(self, words: Sequence[Word]) -> dict[str, list[tuple[int, ...]]]:
        """The n-grams of a text, and of which words each is made, wherever it occurs.

        Example:
            >>> Ngrams(2, (0, 0), 10, 1).of(cut("so so"))
            {'wso': [(0,), (1,)], 'wso so': [(0, 1)]}
        """
        found: dict[str, list[tuple[int, ...]]] = {}
        names = [word.name for word in words]
        for count in range(1, self.words + 1):
            for start in range(len(names) - count + 1):
                name = "w" + " ".join(names[start : start + count])
                found.setdefault(name, []).append(tuple(range(start, start + count)))
        if self.letters[1]:
            for place, name in enumerate(names):
                for part in _parts(f" {name} ", *self.letters):
                    found.setdefault(part, []).append((place,))
        return found

    def encode(self, words: Sequence[Word]) -> Array:
        """(length,) int32: the numbers of the n-grams, then zeros."""
        return self._filled([number for _, number in self.known(words)])

    def known(self, words: Sequence[Word]) -> Iterator[tuple[list[tuple[int, ...]], int]]:
        """The n-grams of a text that training had: of which words, and their numbers."""
        for name, places in self.of(words).items():
            number = self._index.get(name)
            if number is not None:
                yield places, number

    def _filled(self, numbers: list[int]) -> Array:
        row = np.zeros(self.length, np.int32)
        kept = numbers[: self.length]
        row[: len(kept)] = kept
        return row

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kind": self.kind,
            "words": self.words,
            "letters": list(self.letters),
            "most": self.most,
            "rarest": self.rarest,
            "length": self.length,
            "names": self.names,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Ngrams:
        """What `to_dict` gave; how much each counts is among the weights of the network."""
        low, high = record["letters"]
        made = cls(int(record["words"]), (int(low), int(high)), record["most"], record["rarest"])
        made.length = int(record["length"])
        made._know([str(name) for name in record["names"]])
        return made


def _parts(word: str, low: int, high: int) -> Iterator[str]:
    """The n-grams of letters of a word, the shortest first."""
    for size in range(low, min(high, len(word)) + 1):
        for start in range(len(word) - size + 1):
            yield "c" + word[start : start + size]


class Sentences:
    """A text as the numbers of its words, in their order.

    Args:
        most:    words that are known, those of most texts.
        rarest:  in how many texts a word must be.
        longest: words of a text that are read.

    Attributes:
        names:  the words; the one at place k has the number k + 2: 0 is padding, 1 any other word.
        length: numbers of an encoded text.

    Example:
        >>> sentences = Sentences(10, 1, 8).fit([cut("not good"), cut("good")])
        >>> sentences.names, sentences.encode(cut("Good food")).tolist()
        (['good', 'not'], [2, 1])
    """

    kind = "sentences"

    def __init__(self, most: int, rarest: int, longest: int) -> None:
        self.most, self.rarest, self.longest = most, rarest, longest
        self.names: list[str] = []
        self.length = 1
        self._index: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Rows of the network's table."""
        return len(self.names) + 2

    def fit(self, texts: Sequence[Sequence[Word]]) -> Sentences:
        """Learn which words there are, and how long texts are."""
        counts = Counter(name for words in texts for name in {word.name for word in words})
        ranked = sorted((-count, name) for name, count in counts.items() if count >= self.rarest)
        self._know([name for _, name in ranked[: self.most]])
        self.length = min(self.longest, _long_enough([len(words) for words in texts]))
        return self

    def _know(self, names: list[str]) -> None:
        self.names = names
        self._index = {name: number for number, name in enumerate(names, start=2)}

    def encode(self, words: Sequence[Word]) -> Array:
        """(length,) int32: the numbers of the words, then zeros."""
        row = np.zeros(self.length, np.int32)
        kept = [self._index.get(word.name, UNKNOWN) for word in words[: self.length]]
        row[: len(kept)] = kept
        return row

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kind": self.kind,
            "most": self.most,
            "rarest": self.rarest,
            "longest": self.longest,
            "length": self.length,
            "names": self.names,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Sentences:
        """What `to_dict` gave."""
        made = cls(int(record["most"]), int(record["rarest"]), int(record["longest"]))
        made.length = int(record["length"])
        made._know([str(name) for name in record["names"]])
        return made


def _long_enough(sizes: Iterable[int]) -> int:
    """A length that nearly all texts fit in: a few long ones must not make all of them costly."""
    ordered = sorted(sizes)
    return max(1, ordered[min(len(ordered) - 1, math.ceil(_SHARE * len(ordered)))])
