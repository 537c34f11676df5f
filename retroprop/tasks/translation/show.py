"""Pictures and tables of translations: who attends to what, examples, scores by length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import retroprop as rp
from retroprop.tasks.translation.pack import packed
from retroprop.tasks.translation.scores import Seen
from retroprop.train.charts import bar_chart
from retroprop.train.charts.plot import Plot, text
from retroprop.train.charts.svg import clean, clipped, element, text_width
from retroprop.train.report import page

__all__ = ["attended", "attention_picture", "length_bins", "sections"]

Array = np.ndarray[Any, Any]

_CELL = 40.0  # pixels of the largest cell
_SHOWN = 14  # examples in a table
_WORST = 8


# -- attention -------------------------------------------------------------------------------------


def attended(translator: Any, source: str, target: str) -> tuple[Array, list[str], list[str]]:
    """How much each word of a translation attends to each word of its source.

    Args:
        translator: the network at work (`search.Translator`).
        source:     a sentence, of at most as many sub-words as the network reads.
        target:     its translation.

    Returns:
        (target words, source words), rows sum to 1 with the end of the source; the words.
    """
    words, model = translator.words, translator.model
    pair = tuple(words.encode(side)[: translator.room - 1] for side in (source, target))
    x, _ = packed([pair], translator.room, alone=True)
    with rp.no_grad():
        weights = model.attention(**{name: rp.asarray(part) for name, part in x.items()}).numpy()
    sides = [_words(words.pieces(side)[: translator.room - 1]) for side in (source, target)]
    (columns, across), (rows, down) = sides
    # The state after sub-word t - 1 says sub-word t: row t of the weights belongs to it.
    table = weights[0, : len(down), : len(across) + 1].astype(np.float64)
    joined = np.zeros((len(rows), len(columns) + 1))
    for at, row in enumerate(down):
        for of, column in enumerate([*across, len(columns)]):
            joined[row, column] += table[at, of] / down.count(row)
    return joined, rows, [*columns, "(end)"]


def _words(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """The words that sub-words make, and the word of each sub-word."""
    found: list[str] = []
    member = []
    for piece in pieces:
        if piece.startswith("▁") or not found:
            found.append("")
        found[-1] += piece.replace("▁", "")
        member.append(len(found) - 1)
    return found, member


def attention_picture(
    table: Array, rows: Sequence[str], columns: Sequence[str], *, standalone: bool = False
) -> str:
    """A grid: the darker a cell, the more the word of its row attends to that of its column.

    Example:
        >>> attention_picture(np.eye(2), ["el", "gato"], ["the", "cat"])[:4]
        '<svg'
    """
    left = max(text_width(clipped(name, 18)) for name in rows) + 10
    side = min(_CELL, (560 - left - 40) / len(columns))
    head = 0.72 * max(text_width(clipped(name, 18)) for name in columns) + 18
    plot = Plot(left + side * len(columns) + 60, head + side * len(rows) + 10, "")
    for at, name in enumerate(columns):
        x, y = left + (at + 0.5) * side, head - 6
        turn = f"rotate(-45 {x:.1f} {y:.1f})"
        plot.parts.append(text(clipped(name, 18), x, y, class_="name", transform=turn))
    for at, name in enumerate(rows):
        y = head + (at + 0.5) * side + 4
        plot.parts.append(text(clipped(name, 18), left - 6, y, text_anchor="end", class_="name"))
        for of, column in enumerate(columns):
            share = min(1.0, float(table[at, of]))
            tip = element("title", clean(f"{name} ← {column}: {share:.0%}"))
            place = {"x": left + of * side, "y": head + at * side}
            size = {"width": side - 1, "height": side - 1, "fill_opacity": round(share, 3)}
            plot.parts.append(element("rect", tip, rx=2, class_="f0", **place, **size))
    told = f"Attention of {' '.join(rows)} to {' '.join(columns)}."
    return plot.drawn(told, standalone)


# -- the report ------------------------------------------------------------------------------------


def sections(part: Any, seen: Seen, sides: tuple[str, str]) -> str:
    """Examples, the worst of them, attention, and scores by length, as markup."""
    order = np.random.default_rng(0).permutation(len(part))[:_SHOWN]
    worst = sorted(range(len(part)), key=lambda number: (seen.chrf[number], number))[:_WORST]
    return "".join(
        (
            page.section(
                "Examples",
                f"Drawn at random from the test sentences. {_CHRF}",
                page.block(_examples(part, seen, order, sides)),
            ),
            page.section(
                "Where it looks",
                "Each row is a word of the translation; the darker a cell, the more the network "
                "looked at the word above it when it said that word.",
                _grid([_picture(part, seen, number) for number in _clear(part, seen)]),
            ),
            page.section(
                "Short and long sentences",
                "Longer sentences are harder: there is more to get wrong.",
                _grid([_by_length(part, seen), _sizes(part, seen)]),
            ),
            page.section(
                "The worst translations",
                "Least like their reference. Some are wrong, some say the same in other words.",
                page.block(_examples(part, seen, worst, sides)),
            ),
        )
    )


_CHRF = (
    "Likeness counts the runs of one to six letters that translation and reference share (chrF): "
    "100 is the same text. A good translation in other words has less."
)


def _grid(blocks: Sequence[str]) -> str:
    return f'<div class="grid">{"".join(blocks)}</div>' if any(blocks) else ""


def _examples(part: Any, seen: Seen, which: Any, sides: tuple[str, str]) -> str:
    head = ["", sides[0], f"translation ({sides[1]})", "reference", "likeness"]
    rows = []
    for number in which:
        texts = (part.ids[number], part.x[number], seen.translations[number], part.y[number])
        rows.append([*map(clean, texts), f"{seen.chrf[number]:.0f}"])
    return page.table(head, rows, right=[4])


def _clear(part: Any, seen: Seen, most: int = 4) -> list[int]:
    """Good translations of five to eight words, to look at."""
    fits = [number for number, text in enumerate(part.x) if 5 <= len(text.split()) <= 8]
    fits = fits or [number for number in range(len(part)) if seen.translations[number]]
    return sorted(fits, key=lambda number: (-seen.chrf[number], number))[:most]


def _picture(part: Any, seen: Seen, number: int) -> str:
    made = seen.translations[number]
    if not made:
        return ""
    return page.figure(attention_picture(*attended(seen.translator, part.x[number], made)))


def length_bins(texts: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Examples by the number of their words, in ranges that hold some of them each.

    Example:
        >>> length_bins(["a", "a b c", "a b", "a b c d"])
        [('1-2 words', [0, 2]), ('3-4 words', [1, 3])]
    """
    edges = (2, 4, 6, 8, 12, 20)
    sizes = [len(text.split()) for text in texts]
    bins, low = [], 0
    for high in (*edges, max([*sizes, edges[-1] + 1])):
        members = [number for number, size in enumerate(sizes) if low < size <= high]
        if members:
            bins.append((f"{low + 1}-{high} words", members))
        low = high
    return bins


def _by_length(part: Any, seen: Seen) -> str:
    bins = length_bins(part.x)
    means = [float(np.mean([seen.chrf[k] for k in members])) for _, members in bins]
    labels = [f"{name} ({len(members):,})" for name, members in bins]
    chart = bar_chart(labels, means, title="Likeness by length of the source", high=100.0)
    return page.figure(chart, "Mean likeness to the reference; in brackets how many sentences.")


def _sizes(part: Any, seen: Seen) -> str:
    """How long translations are beside their references."""
    rows = []
    for name, members in length_bins(part.x):
        made = np.mean([len(seen.translations[k].split()) for k in members])
        wanted = np.mean([len(part.y[k].split()) for k in members])
        rows.append([clean(name), f"{made:.1f}", f"{wanted:.1f}"])
    table = page.table(["source", "words said", "words in the reference"], rows, right=[1, 2])
    return page.block(table, "Length of the translations")
