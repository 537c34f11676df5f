"""Which words moved a decision, and by how much.

What a word gives is in logits: how much it moves the score of the answer against the mean of the
other scores. Of a bag it is exact: an n-gram's share goes to its words in equal parts, and all of
them and the bias add up to the score. Of other networks a word is made unknown and the change is
measured (leave one out).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retroprop.tasks.text.networks import Bag
from retroprop.tasks.text.words import PADDING, UNKNOWN, Ngrams, Sentences, Word
from retroprop.train.charts.svg import clean

__all__ = ["highlighted", "margins", "of_bag", "of_others", "strongest", "told"]

Array = np.ndarray[Any, Any]
_LOUD = 2.0  # logits of a word that is shown in full colour
_LONGEST = 400  # characters of a text that the report shows


def margins(scores: Array, answers: Array) -> Array:
    """(texts,) score of each answer less the mean of the other scores.

    Example:
        >>> margins(np.array([[3.0, 1.0, 0.0]]), np.array([0])).tolist()
        [2.5]
    """
    own = scores[np.arange(len(scores)), answers]
    others = (scores.sum(axis=1) - own) / max(1, scores.shape[1] - 1)
    return np.asarray(own - others)


def of_bag(
    model: Bag, ngrams: Ngrams, texts: Sequence[Sequence[Word]], answers: Array
) -> list[Array]:
    """What each word of each text gives to its answer, exactly.

    Args:
        texts:   their words.
        answers: (texts,) the class that was answered.
    """
    table = model.table.weight.detach().numpy().astype(np.float64)
    idf = model.idf.detach().numpy().astype(np.float64)
    given = []
    for words, answer in zip(texts, answers.tolist(), strict=True):
        known = list(ngrams.known(words))[: ngrams.length]
        numbers = np.array([number for _, number in known], np.int64)
        shares = np.zeros(len(words))
        if len(numbers):
            parts = margins(table[numbers], np.full(len(numbers), answer))
            parts *= _scaled(idf[numbers])
            for (places, _), part in zip(known, parts.tolist(), strict=True):
                for place in places:
                    shares[list(place)] += part / (len(places) * len(place))
        given.append(shares)
    return given


def _scaled(weights: Array) -> Array:
    """(n-grams,) how much each counts in a text, as the network has it."""
    norms = np.sqrt((weights**2).sum(axis=0) + 1e-12)
    return np.asarray((weights / norms).sum(axis=1))


def of_others(
    scores_of: Callable[[Array], Array],
    sentences: Sentences,
    texts: Sequence[Sequence[Word]],
    answers: Array,
) -> list[Array]:
    """What the score of each answer loses when a word is made unknown.

    Args:
        scores_of: from (texts, words) integers to (texts, classes) scores.
    """
    rows = [sentences.encode(words) for words in texts]
    changed, asked = [], []
    for row, answer in zip(rows, answers.tolist(), strict=True):
        count = int((row != PADDING).sum())
        without = np.repeat(row[None], count + 1, axis=0)
        without[np.arange(1, count + 1), np.arange(count)] = UNKNOWN
        changed.append(without)
        asked += [answer] * (count + 1)
    found = margins(scores_of(np.concatenate(changed)), np.array(asked))
    given, start = [], 0
    for words, part in zip(texts, changed, strict=True):
        here = found[start : start + len(part)]
        start += len(part)
        shares = np.zeros(len(words))
        shares[: len(part) - 1] = here[0] - here[1:]
        given.append(shares)
    return given


def told(words: Sequence[Word], shares: Array, most: int) -> str:
    """The words that moved a decision most, with what they gave.

    Example:
        >>> from retroprop.tasks.text.words import cut
        >>> told(cut("not bad, not at all"), np.array([-0.5, 1.25, 0, -0.5, 0, 0.1]), 2)
        'bad +1.25, not -1.00'
    """
    sums: dict[str, float] = {}
    for word, share in zip(words, shares.tolist(), strict=True):
        sums[word.name] = sums.get(word.name, 0.0) + share
    ranked = sorted(sums.items(), key=lambda item: -abs(item[1]))
    return ", ".join(f"{name} {share:+.2f}" for name, share in ranked[:most] if abs(share) >= 0.005)


def highlighted(text: str, words: Sequence[Word], shares: Array) -> str:
    """A text as markup: words for the answer in the first colour, against it in the second.

    Example:
        >>> from retroprop.tasks.text.words import cut
        >>> highlighted("so <good>", cut("so <good>"), np.array([0, 0, 1.0, 0])).count("<mark")
        1
    """
    parts, at = [], 0
    for word, share in zip(words, shares.tolist(), strict=True):
        if word.end > _LONGEST:
            break
        parts.append(clean(text[at : word.start]))
        at = word.end
        shown = clean(text[word.start : word.end])
        strength = min(1.0, abs(share) / _LOUD)
        if strength >= 0.05:
            colour = "31,111,235" if share > 0 else "212,102,10"
            style = f"background:rgba({colour},{0.15 + 0.5 * strength:.2f});color:inherit"
            style += ";border-radius:3px;padding:0 2px"
            shown = f'<mark style="{style}" title="{share:+.2f}">{shown}</mark>'
        parts.append(shown)
    rest = text[at:]
    parts.append(clean(rest if len(text) <= _LONGEST else " …"))
    return "".join(parts)


def strongest(
    model: Bag, ngrams: Ngrams, texts: Sequence[Sequence[Word]], most: int
) -> list[list[tuple[str, float]]]:
    """For each class, the n-grams of words that speak most for it, and what they give in all texts.

    Example:
        >>> from retroprop.tasks.text.words import cut
        >>> ngrams = Ngrams(1, (0, 0), 9, 1).fit([cut("good"), cut("bad")])
        >>> model = Bag(3, 2, start=np.array([[1.0, 0.0], [0.0, 1.0]]))
        >>> found = strongest(model, ngrams, [cut("bad"), cut("bad"), cut("good")], 1)
        >>> [[(name, round(value, 3)) for name, value in pairs] for pairs in found]
        [[('bad', 2.0)], [('good', 1.0)]]
    """
    table = model.table.weight.detach().numpy().astype(np.float64)
    idf = model.idf.detach().numpy().astype(np.float64)
    weights = np.zeros(len(table))
    for words in texts:
        row = ngrams.encode(words)
        numbers = row[row != PADDING]
        weights[numbers] += _scaled(idf[numbers])
    of_words = [k for k, name in enumerate(ngrams.names, start=1) if name.startswith("w")]
    found = []
    for answer in range(table.shape[1]):
        gives = margins(table, np.full(len(table), answer)) * weights
        ranked = sorted(of_words, key=lambda k: -gives[k])[:most]
        found.append([(ngrams.names[k - 1][1:], float(gives[k])) for k in ranked if gives[k] > 0])
    return found
