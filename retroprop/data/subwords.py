"""Sub-words: pieces of words learned from texts, so that few numbers spell every word."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterable, Sequence
from typing import Any

from retroprop.errors import ArgumentError, CheckpointError, DataError, MissingDependencyError

__all__ = ["BOS", "EOS", "PAD", "UNK", "Subwords"]

PAD, UNK, BOS, EOS = 0, 1, 2, 3  # nothing, unknown, beginning and end of a text


def _sentencepiece() -> Any:
    try:
        import sentencepiece  # noqa: PLC0415  optional
    except ImportError as cause:
        raise MissingDependencyError(
            "sentencepiece", "text", "cutting text into sub-words"
        ) from cause
    return sentencepiece


class Subwords:
    """Texts as numbers of sub-words, and back.

    Frequent words are one sub-word, rare ones a few, at worst one for each letter. The numbers 0
    to 3 are `PAD`, `UNK`, `BOS` and `EOS`; `encode` gives the last two of these never.

    Args:
        model: a sentencepiece model, serialised; `learn` makes one.

    Raises:
        CheckpointError:        it is none.
        MissingDependencyError: sentencepiece is not installed (`pip install 'retroprop[text]'`).

    Example:
        >>> words = Subwords.learn(["the cat sat", "the dog sat", "a cat ran"] * 20, 30)
        >>> words.decode(words.encode("the cat ran"))
        'the cat ran'

    Source: Kudo, Richardson 2018, arXiv:1808.06226; unigram: Kudo 2018, arXiv:1804.10959;
        bpe: Sennrich, Haddow, Birch 2016, arXiv:1508.07909.
    """

    def __init__(self, model: bytes) -> None:
        if not model:  # sentencepiece would take it
            raise CheckpointError("the sub-words are damaged: they are empty")
        self._model = model
        try:
            self._pieces = _sentencepiece().SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise CheckpointError(f"the sub-words are damaged: {error}") from None

    @classmethod
    def learn(
        cls, texts: Iterable[str], size: int, seed: int = 0, *, exact: bool = False
    ) -> Subwords:
        r"""The sub-words that spell some texts best.

        Args:
            texts: to learn from: those of the training part only.
            size:  how many sub-words, the four special ones counted; fewer where the texts do not
                   hold as many.
            seed:  of what is drawn where there are too many texts.
            exact: whether spaces and line ends are kept as they are, and characters that were
                   never seen are spelled in bytes (256 of the sub-words): for text that is
                   written anew. Otherwise spaces count once and Unicode is brought to one form
                   (NFKC): for sentences.

        Raises:
            ArgumentError: size is smaller than the number of characters.
            DataError:     there is no text.

        Example:
            >>> exact = Subwords.learn(["ab  a\n", "b a\n"] * 9, 280, exact=True)
            >>> exact.decode(exact.encode("ñ  a\n\n b"))
            'ñ  a\n\n b'
        """
        pieces, given = _sentencepiece(), [text for text in texts if text.strip()]
        if not given:
            raise DataError("there is no text to learn sub-words from")
        pieces.set_random_generator_seed(seed)
        made = io.BytesIO()
        try:
            pieces.SentencePieceTrainer.train(
                sentence_iterator=iter(given), model_writer=made, vocab_size=size,
                pad_id=PAD, unk_id=UNK, bos_id=BOS, eos_id=EOS, character_coverage=1.0,
                hard_vocab_limit=False, num_threads=1, minloglevel=2, max_sentence_length=1 << 24,
                **(_EXACT if exact else {"model_type": "unigram"}),
            )  # fmt: skip
        except RuntimeError as error:
            raise _refused(size, given, exact, error) from None
        return cls(made.getvalue())

    def __len__(self) -> int:
        return int(self._pieces.get_piece_size())

    def __repr__(self) -> str:
        return f"Subwords({len(self)})"

    def encode(self, text: str) -> list[int]:
        """The sub-words of a text; `UNK` for characters that were never seen."""
        numbers: list[int] = self._pieces.encode(text)
        return numbers

    def pieces(self, text: str) -> list[str]:
        """The sub-words of a text as text, "▁" where a word begins.

        Example:
            >>> words = Subwords.learn(["cat dog"] * 9, 14)
            >>> "".join(words.pieces("dog cat"))
            '▁dog▁cat'
        """
        parts: list[str] = self._pieces.encode(text, out_type=str)
        return parts

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some sub-words; the special ones but `UNK` are nothing."""
        text: str = self._pieces.decode([int(number) for number in ids])
        return text

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the sentencepiece model in base64."""
        return {"sentencepiece": base64.b64encode(self._model).decode("ascii")}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Subwords:
        """What `to_dict` gave.

        Raises:
            CheckpointError: it is damaged.

        Example:
            >>> words = Subwords.learn(["cat dog"] * 9, 14)
            >>> Subwords.from_dict(words.to_dict()).encode("dog") == words.encode("dog")
            True
        """
        try:
            model = base64.b64decode(record["sentencepiece"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise CheckpointError(f"the sub-words are damaged: {error!r}") from None
        return cls(model)


# Bytes spell what was never seen, so that every text comes back as it was; line ends stand alone.
_EXACT: dict[str, Any] = {
    "model_type": "bpe", "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
    "add_dummy_prefix": False, "user_defined_symbols": ["\n"], "byte_fallback": True,
}  # fmt: skip


def _refused(size: int, texts: list[str], exact: bool, error: RuntimeError) -> Exception:
    """Why nothing was learned: nearly always too small a size."""
    least = len(set().union(*texts)) + 8 + 256 * exact
    if size < least:
        return ArgumentError(
            f"{size} sub-words are too few for a text of {len(set().union(*texts))} characters",
            fix=f"give at least {least}",
        )
    return DataError(f"no sub-words could be learned: {error}")
