"""What a language model reads and writes: characters, or sub-words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retroprop.data.subwords import BOS, EOS, PAD, UNK, Subwords
from retroprop.errors import CheckpointError, unknown
from retroprop.tasks.generation.corpus import Corpus, codes_of, string_of

__all__ = ["Characters", "Pieces", "learned", "restored"]

Array = np.ndarray[Any, Any]

_MOST = 1 << 20  # characters that a piece of text has when sub-words are cut
_LEARN = 20_000_000  # characters that sub-words are learned from
_LAST = 0x10FFFF  # of the code points


class Characters:
    """Characters as numbers from 1; 0 is whatever the training part does not have.

    Args:
        known: the characters, in the order of their numbers.

    Example:
        >>> letters = Characters("abc")
        >>> letters.encode("cab?").tolist(), letters.decode([3, 1, 0])
        ([3, 1, 2, 0], 'ca�')
    """

    noun = "characters"
    banned: Sequence[int] = (0,)  # never written
    unknown = 0

    def __init__(self, known: str) -> None:
        self.known = known
        self._codes = np.concatenate([[0xFFFD], codes_of(known)]).astype(np.uint32)
        self._numbers: Array | None = None

    def __len__(self) -> int:
        return len(self.known) + 1

    def encode(self, text: str) -> Array:
        """The numbers of the characters of a text."""
        return self.of_codes(codes_of(text))

    def of_codes(self, codes: Array) -> Array:
        """The numbers of code points."""
        if self._numbers is None:
            table = np.zeros(_LAST + 1, np.min_scalar_type(len(self)))
            table[self._codes[1:]] = np.arange(1, len(self))
            self._numbers = table
        found: Array = self._numbers[codes]
        return found

    def of_corpus(self, corpus: Corpus) -> Iterable[Array]:
        """The numbers of a long text, some at a time."""
        return map(self.of_codes, corpus.pieces())

    def decode(self, numbers: Any) -> str:
        """The text of some numbers."""
        return string_of(self._codes[np.asarray(numbers, np.int64)])

    def strangers(self, text: str) -> str:
        """The characters of a text that are not known, each once."""
        return "".join(sorted(set(text) - set(self.known)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"kind": "characters", "known": self.known}


class Pieces:
    """Sub-words; what was never seen is spelled in bytes, so nothing is unknown.

    Args:
        subwords: exact ones.
    """

    noun = "sub-words"
    banned: Sequence[int] = (PAD, UNK, BOS, EOS)
    unknown = UNK

    def __init__(self, subwords: Subwords) -> None:
        self.subwords = subwords
        self._type = np.min_scalar_type(len(subwords))

    def __len__(self) -> int:
        return len(self.subwords)

    def encode(self, text: str) -> Array:
        """The numbers of the sub-words of a text."""
        return np.array(self.subwords.encode(text), self._type)

    def of_corpus(self, corpus: Corpus) -> Iterable[Array]:
        """The numbers of a long text, some at a time; cut at line breaks."""
        return (self.encode(text) for text in _at_lines(corpus))

    def decode(self, numbers: Any) -> str:
        """The text of some numbers."""
        return self.subwords.decode([int(number) for number in numbers])

    def strangers(self, text: str) -> str:
        """None is unknown."""
        return ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"kind": "subwords", **self.subwords.to_dict()}


def _at_lines(corpus: Corpus) -> Iterable[str]:
    """A long text in pieces that end at line breaks."""
    held = ""
    for codes in corpus.pieces(_MOST):
        text = held + string_of(codes)
        whole = text.rfind("\n") + 1 or len(text)
        held = text[whole:]
        yield text[:whole]
    if held:
        yield held


def learned(kind: str, train: Corpus, size: int, seed: int) -> Any:
    """Tokens of a kind, from the training part.

    Args:
        kind: "characters" or "subwords".
        size: of sub-words, how many.

    Raises:
        ArgumentError: an unknown kind, or too few sub-words for the characters.
        MissingDependencyError: sub-words without sentencepiece.

    Example:
        >>> learned("characters", Corpus(codes_of("banana")), 0, 0).known
        'abn'
    """
    if kind == "characters":
        found = np.unique(np.concatenate([np.unique(piece) for piece in train.pieces()]))
        return Characters(string_of(found))
    if kind == "subwords":
        lines = train.string(0, _LEARN).splitlines(keepends=True)
        return Pieces(Subwords.learn(lines, size, seed, exact=True))
    raise unknown("tokens", kind, ("characters", "subwords"))


def restored(record: dict[str, Any]) -> Any:
    """What `to_dict` gave.

    Raises:
        CheckpointError: it is damaged.

    Example:
        >>> restored(Characters("ab").to_dict()).known
        'ab'
    """
    if record.get("kind") == "characters" and record.get("known"):
        return Characters(str(record["known"]))
    if record.get("kind") == "subwords":
        return Pieces(Subwords.from_dict(record))
    raise CheckpointError("preprocess.json is damaged: it names no tokens")
