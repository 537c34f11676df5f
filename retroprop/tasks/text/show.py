"""What the report shows of texts: single ones with the words that decided, and strong n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop.tasks.text.networks import Bag
from retroprop.tasks.text.reasons import highlighted, strongest
from retroprop.tasks.text.words import Ngrams, cut
from retroprop.train.charts import bar_chart
from retroprop.train.charts.svg import clean
from retroprop.train.report.page import block, figure, section, table

__all__ = ["Seen", "chosen", "sections", "strong"]

Array = np.ndarray[Any, Any]
_MOST = 8  # texts of each kind
_MOST_NGRAMS, _MOST_CHARTS, _MOST_TEXTS = 14, 6, 2000


class Seen(NamedTuple):
    """What was measured on a part.

    Attributes:
        outputs: (texts, classes) logits.
        chosen:  by kind, the texts that are shown.
        shares:  of each of these, what its words gave to the answer.
        strong:  by class, n-grams that speak for it.
    """

    outputs: Array
    chosen: dict[str, list[int]]
    shares: dict[int, Array]
    strong: dict[str, list[tuple[str, float]]]


def chosen(chances: Array, truth: Array) -> dict[str, list[int]]:
    """Which texts are shown: the surest mistakes, the surest right answers, the least sure ones.

    Example:
        >>> chosen(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([0, 1, 1]))
        {'mistakes': [1], 'certain': [0, 2], 'unsure': [1]}
    """
    answers = chances.argmax(axis=1)
    sure = chances.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    right = answers == truth
    share = max(1, _MOST // chances.shape[1])
    certain: list[int] = []
    for answer in range(chances.shape[1]):
        certain += [int(k) for k in order if right[k] and answers[k] == answer][:share]
    return {
        "mistakes": [int(k) for k in order if not right[k]][:_MOST],
        "certain": certain[: 2 * _MOST],
        "unsure": [int(k) for k in order[::-1][: max(1, min(_MOST, len(order) // 3))]],
    }


def strong(
    model: Any, coder: Any, classes: Sequence[str], texts: Sequence[str]
) -> dict[str, list[tuple[str, float]]]:
    """By class, the n-grams that speak most for it; nothing for networks that read in order."""
    if not isinstance(model, Bag) or not isinstance(coder, Ngrams) or len(classes) > _MOST_CHARTS:
        return {}
    found = strongest(model, coder, [cut(text) for text in texts[:_MOST_TEXTS]], _MOST_NGRAMS)
    return dict(zip(classes, found, strict=True))


_KINDS = {
    "mistakes": ("Surest mistakes", "What misled it. Sometimes the class in the data is wrong."),
    "certain": ("Surest and right", "What the model goes by."),
    "unsure": ("Least sure", "Where words for and against balance, or say little."),
}


def sections(part: Any, seen: Seen, classes: Sequence[str], chances: Array) -> str:
    """The words that decided, as sections of the page."""
    blocks = []
    for kind, (title, words) in _KINDS.items():
        lines = [_line(part, k, seen, classes, chances) for k in seen.chosen[kind]]
        if lines:
            under = f'<p class="more">{clean(words)}</p>'
            blocks.append(block(table(["true", "answer", "sure", "text"], lines) + under, title))
    lead = (
        "Blue words speak for the answer, orange ones against it; the stronger the colour, the "
        "more. Pointing at a word shows how much it gave (in logits: 0.7 doubles the odds)."
    )
    return section("The words that decided", lead, *blocks) + _strong(seen.strong)


def _line(part: Any, k: int, seen: Seen, classes: Sequence[str], chances: Array) -> list[str]:
    answer = int(chances[k].argmax())
    is_right = answer == part.y[k]
    name = clean(classes[answer])
    return [
        clean(classes[int(part.y[k])]),
        name if is_right else f'<span class="bad">{name}</span>',
        f"{chances[k, answer]:.0%}",
        f'<td style="max-width:none">{highlighted(part.x[k], cut(part.x[k]), seen.shares[k])}</td>',
    ]


def _strong(found: dict[str, list[tuple[str, float]]]) -> str:
    charts = [
        figure(
            bar_chart(
                [name for name, _ in pairs], [round(value, 2) for _, value in pairs],
                title=f"for {answer}",
            )
        )
        for answer, pairs in found.items()
        if pairs
    ]  # fmt: skip
    if not charts:
        return ""
    lead = (
        "The words and pairs of words that spoke most for each class: what they gave to its score "
        "in all these texts together. Parts of words count too and are not shown."
    )
    return section("What speaks for each class", lead, f'<div class="grid">{"".join(charts)}</div>')
