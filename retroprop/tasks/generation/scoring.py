"""How surprised a language model is by each token of a text, and what costs nothing beside it."""

from __future__ import annotations

import gzip
import lzma
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import retroprop.nn.functional as F
from retroprop import nn
from retroprop.ops.movement import reshape
from retroprop.tasks.generation.corpus import Corpus
from retroprop.train.trainer import Trainer

__all__ = ["bits", "compressed", "ngrams", "surprise"]

Array = np.ndarray[Any, Any]

_ROWS = 32  # windows in a call
_PRIOR = 5.0  # what the shorter context counts, in occurrences
_LEARN = 20_000_000  # characters that are counted


def bits(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """Cross-entropy in bits per token.

    Args:
        prediction: logits (batch, time, tokens).
        target:     (batch, time) integers.

    Example:
        >>> import retroprop as rp
        >>> bits(rp.zeros((1, 3, 8)), rp.asarray([[0, 1, 2]])).item()
        3.0
    """
    rows = reshape(prediction, (-1, prediction.shape[-1]))
    lost = F.cross_entropy(rows, reshape(target, (-1,)), reduction=reduction, check_logits=False)
    if reduction == "none":
        lost = reshape(lost, target.shape)
    return lost * (1 / math.log(2))


class _Surprise(nn.Module):
    """A language model that says how many bits each token costs, (batch, time)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Any, y: Any) -> Any:
        return bits(self.model(x), y, reduction="none")


def surprise(
    model: nn.Module, texts: Sequence[Array], window: int, first: int, most: int = 1 << 16
) -> list[Array]:
    """Bits that each token of some texts costs, given those before it.

    A token is predicted from at least half a window of what stands before it, as far as there is
    as much; the first one from a line break.

    Args:
        model:  logits of the next token.
        texts:  tokens of each.
        window: how many the model reads at once.
        first:  a token to begin with.
        most:   tokens that are measured in a round.

    Returns:
        An array for each text, as long as it.
    """
    judge = Trainer(_Surprise(model), loss="mse", optimizer="sgd", health=False)
    found = [np.zeros(len(text), np.float32) for text in texts]
    rounds = max(1, most // (window * _ROWS)) * _ROWS
    for some in _grouped(_windows([len(text) for text in texts], window), rounds):
        x = np.full((len(some), window), first, np.int64)
        y = np.zeros((len(some), window), np.int64)
        for row, (number, begin, _) in enumerate(some):
            piece = texts[number][begin : begin + window]
            y[row, : len(piece)] = piece
            x[row, 1 : len(piece)] = piece[:-1]
            x[row, 0] = texts[number][begin - 1] if begin else first
        cost = judge.predict((x, y), batch_size=_ROWS)
        for row, (number, begin, skip) in enumerate(some):
            kept = found[number][begin + skip : begin + window]
            kept[:] = cost[row, skip : skip + len(kept)]
    return found


def _windows(lengths: Sequence[int], window: int) -> Iterator[tuple[int, int, int]]:
    """Text, first token, and how many tokens were measured before, of each window."""
    half = window - window // 2
    for number, length in enumerate(lengths):
        if length:
            yield number, 0, 0
        for begin in range(half, length - window + half, half):
            yield number, begin, window - half


def _grouped(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    group: list[Any] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group + [group[-1]] * (-len(group) % _ROWS)  # one program serves all


def ngrams(train: Array, test: Array, order: int = 3) -> list[float]:
    """Bits per character of counting: how often a character follows the last 0, 1, ... ones.

        p(c | context) = (count(context c) + m p(c | shorter context)) / (count(context) + m)

    with m = 5; below the shortest all characters are alike.

    Args:
        train: code points that are counted.
        test:  code points that are predicted.
        order: characters of the longest pattern, at most 3.

    Returns:
        Of patterns of 1, 2, ... characters.

    Example:
        >>> text = np.frombuffer(b"abababababababab" * 20, np.uint8)
        >>> [round(each, 1) for each in ngrams(text, text)]
        [1.0, 0.0, 0.0]

    Source: MacKay, Peto 1995, "A hierarchical Dirichlet language model".
    """
    train, test = train[:_LEARN].astype(np.int64), np.asarray(test, np.int64)
    alike = len(np.unique(train)) + 1
    chance = np.full(len(test), 1.0 / alike)
    found = []
    for length in range(1, order + 1):
        patterns, counts = np.unique(_patterns(train, length), return_counts=True)
        contexts, totals = np.unique(_patterns(train, length - 1)[: _count(train, length)],
                                     return_counts=True)  # fmt: skip
        seen = _looked_up(patterns, counts, _patterns(test, length))
        of = _looked_up(contexts, totals, _patterns(test, length - 1)[: _count(test, length)])
        longer = (seen + _PRIOR * chance[length - 1 :]) / (of + _PRIOR)
        chance = np.concatenate([chance[: length - 1], longer])
        found.append(float(-np.log2(chance).mean()) if len(test) else math.nan)
    return found


def _count(codes: Array, length: int) -> int:
    return max(0, len(codes) - length + 1)


def _patterns(codes: Array, length: int) -> Array:
    """Each `length` characters in a row as one number; 21 bits hold a code point."""
    made = np.zeros(len(codes) if length == 0 else _count(codes, length), np.int64)
    for k in range(length):
        made = (made << 21) | codes[k : k + len(made)]
    return made


def _looked_up(keys: Array, values: Array, wanted: Array) -> Array:
    if not len(keys):
        return np.zeros(len(wanted))
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0).astype(np.float64)


def compressed(part: Corpus, most: int = _LEARN) -> dict[str, float]:
    """Bits per character of the text as gzip and xz pack it (of its first `most` characters).

    Example:
        >>> from retroprop.tasks.generation.corpus import codes_of
        >>> sorted(compressed(Corpus(codes_of("to be or not to be " * 50))))
        ['gzip', 'xz']
    """
    text = part.string(0, most)
    content = text.encode("utf-8", "surrogatepass")
    packed = {
        "gzip": gzip.compress(content, 9, mtime=0),
        "xz": lzma.compress(content, preset=9 | lzma.PRESET_EXTREME),
    }
    return {name: 8 * len(each) / max(1, len(text)) for name, each in packed.items()}
