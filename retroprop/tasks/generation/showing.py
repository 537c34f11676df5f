"""What the report of a language model shows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retroprop.tasks.generation.passages import most_surprising, passage, spread
from retroprop.train.charts import bar_chart, histogram
from retroprop.train.charts.svg import clean
from retroprop.train.report.page import block, figure, section, table

__all__ = ["Seen", "compared", "fields"]

Array = np.ndarray[Any, Any]

_LONG, _COUNT = 240, 3  # tokens of a passage, and how many are shown
_NAMES = {
    "unigram": "counts of characters",
    "bigram": "... of pairs",
    "trigram": "... of threes",
    "gzip": "gzip",
    "xz": "xz",
}


class Seen(NamedTuple):
    """What was seen when a text was measured.

    Attributes:
        bits:      of each token.
        tokens:    of the text.
        characters: how many.
        decode:    text of tokens.
        others:    bits per character of what costs nothing, by name.
        samples:   temperature and text of what the model wrote.
        model:     what it is called.
    """

    bits: Array
    tokens: Array
    characters: int
    decode: Any
    others: dict[str, float]
    samples: list[tuple[float, str]]
    model: str

    @property
    def per_character(self) -> float:
        """Bits per character."""
        return float(self.bits.sum(dtype=np.float64)) / max(1, self.characters)


def fields(seen: Seen) -> dict[str, Any]:
    """Fields of a report."""
    parts = (_samples(seen), _compared(seen), _passages(seen))
    return {"said": (f"{seen.per_character:.2f}", _words(seen)), "sections": "".join(parts)}


def _words(seen: Seen) -> list[str]:
    own = seen.per_character
    meaning = (
        "bits per character: as many yes-or-no questions, asked cleverly, would be needed to find "
        "out the next character of a text the model has never seen, knowing those before it."
    )
    size = (
        f"It is as undecided as between {2**own:.1f} characters that are equally likely; the text "
        f"would fit in {own / 8:.0%} of its size at a byte a character."
    )
    said = [meaning, size]
    best = min(seen.others, key=lambda name: seen.others[name], default="")
    if best:
        value = seen.others[best]
        other = f"counting {best}s" if best.endswith("gram") else best
        word = f"{'less' if own < value else 'more'} than {other}"
        share = abs(value - own) / value
        said.append(f"That is {share:.0%} {word} ({value:.2f}), the best of what costs nothing.")
    return said


def compared(seen: Seen, *, standalone: bool = False) -> str:
    """A chart of the model beside what costs nothing."""
    names = [_NAMES[name] for name in seen.others]
    return bar_chart(
        [seen.model, *names],
        [seen.per_character, *seen.others.values()],
        title="Bits per character; less is better",
        width=640,
        standalone=standalone,
    )


def _compared(seen: Seen) -> str:
    if not seen.others:
        return ""
    lead = (
        "The first three only count, in the training text, which character follows which. gzip "
        "and xz pack the same text without having seen another. Whoever packs with the model "
        "needs as many bits as it is surprised. The loss in the curves is in bits too."
    )
    return section("How good that is", lead, figure(compared(seen)))


def _samples(seen: Seen) -> str:
    cards = "".join(
        block(f'<pre class="prose">{clean(text)}</pre>', f"temperature {temperature:g}")
        for temperature, text in seen.samples
    )
    lead = (
        "Drawn character by character from what the model expects. A low temperature takes what is "
        "likely and repeats itself; at 1 it draws as the text would have it."
    )
    return section("What it writes", lead, cards)


def _passages(seen: Seen) -> str:
    if not len(seen.bits):
        return ""
    pictures = [_picture(seen, 0, min(_LONG, len(seen.bits)), "The beginning")]
    for at, stop in most_surprising(seen.bits, _LONG, _COUNT):
        mean = float(seen.bits[at:stop].mean())
        pictures.append(_picture(seen, at, stop, f"Surprising: {mean:.1f} bits a token"))
    lead = (
        "The deeper the colour, the less the model expected the character. Beginnings of words are "
        "surprising, their ends are not. Passages that stand out are names, foreign words, tables "
        "of contents, or errors of the file."
    )
    shown = "".join(figure(each, wide=True) for each in pictures)
    chart = histogram(
        np.minimum(seen.bits, 16.0).tolist(), title="Surprise of the tokens", x_label="bits"
    )
    return section("What surprises it", lead, shown, f'<div class="grid">{figure(chart)}'
                   f"{_worst(seen)}</div>")  # fmt: skip


def _picture(seen: Seen, at: int, stop: int, title: str) -> str:
    pieces = [seen.decode([int(token)]) for token in seen.tokens[at:stop]]
    text, shares = spread(pieces, seen.bits[at:stop])
    return passage(text, shares, title=title)


def _worst(seen: Seen) -> str:
    """The tokens that cost most of all bits, taken together."""
    size = int(seen.tokens.max()) + 1
    counts = np.bincount(seen.tokens, minlength=size)
    sums = np.bincount(seen.tokens, weights=seen.bits, minlength=size)
    order = np.argsort(-sums)[:8]
    rows = [
        [clean(repr(seen.decode([int(k)]))), f"{counts[k]:,}", f"{sums[k] / counts[k]:.2f}",
         f"{sums[k] / max(sums.sum(), 1e-9):.1%}"]
        for k in order if counts[k]
    ]  # fmt: skip
    return block(
        table(["token", "times", "bits each", "of all bits"], rows, right=(1, 2, 3)),
        "Where the bits go",
    )
