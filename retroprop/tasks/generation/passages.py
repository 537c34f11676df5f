"""Passages of a text, each character on a colour that says how surprising it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.train.charts.svg import clean, document, element

__all__ = ["most_surprising", "passage", "spread"]

Array = np.ndarray[Any, Any]

_WIDE, _HIGH, _SIZE = 7.3, 21.0, 12  # a character, a line, the font
_FULL = 8.0  # bits of the deepest colour
_SEEN = {"\n": "↵", "\t": "→", " ": "\u00a0"}  # spaces in a row stay
_FONT = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def spread(pieces: list[str], bits: Array) -> tuple[str, Array]:
    """Text and bits of each character, where a token may be several: they share its bits.

    Example:
        >>> text, shares = spread(["to ", "be"], np.array([3.0, 4.0]))
        >>> text, shares.tolist()
        ('to be', [1.0, 1.0, 1.0, 2.0, 2.0])
    """
    sizes = np.array([len(each) for each in pieces], np.int64)
    return "".join(pieces), np.repeat(bits / np.maximum(sizes, 1), sizes)


def most_surprising(bits: Array, length: int, count: int) -> list[tuple[int, int]]:
    """Where the stretches of most bits lie, the worst first; none overlaps another.

    Args:
        bits:   of each token.
        length: of a stretch.
        count:  of stretches, fewer when the text is short.

    Example:
        >>> most_surprising(np.array([0, 0, 9, 9, 0, 0, 5, 5, 0.0]), 2, 2)
        [(2, 4), (6, 8)]
    """
    length = min(length, len(bits))
    if not length:
        return []
    sums = np.convolve(bits, np.ones(length), "valid")
    found: list[tuple[int, int]] = []
    for _ in range(count):
        at = int(np.argmax(sums))
        if not np.isfinite(sums[at]):
            break
        found.append((at, at + length))
        sums[max(0, at - length + 1) : at + length] = -np.inf
    return found


def passage(
    text: str, bits: Array, *, title: str, columns: int = 84, standalone: bool = False
) -> str:
    """A passage as a picture: the deeper the colour of a character, the more surprising it was.

    Args:
        text:       the characters.
        bits:       of each; pointing at one shows them.
        columns:    characters in a line; a line break is shown as ↵ and kept.
        title:      over the picture.
        standalone: a file of its own.

    Example:
        >>> passage("to be", np.array([5.0, 1, 1, 4, 1]), title="Hamlet")[:4]
        '<svg'
    """
    marks, words = [], []
    rows = _rows(text, columns)
    for row, (start, stop) in enumerate(rows):
        top = 30 + row * _HIGH
        for at in range(start, stop):
            cost = float(bits[at])
            box = element(
                "rect", element("title", f"{clean(text[at])} {cost:.1f} bits"),
                x=8 + (at - start) * _WIDE, y=top, width=_WIDE + 0.1, height=_HIGH - 2,
                style="fill:var(--c-1)", fill_opacity=min(cost / _FULL, 1.0) * 0.85,
            )  # fmt: skip
            marks.append(box)
        shown = "".join(_SEEN.get(c, c) for c in text[start:stop])
        words.append(_line(shown, 8, top + _HIGH - 7))
    width, height = 16 + columns * _WIDE, 40 + len(rows) * _HIGH
    heading = element("text", clean(title), x=8, y=18, class_="title")
    mean = float(np.mean(bits)) if len(bits) else 0.0
    return document(
        width, height, heading + "".join(marks) + "".join(words), title=title,
        description=f"{len(text)} characters, {mean:.2f} bits each", standalone=standalone,
    )  # fmt: skip


def _line(shown: str, x: float, y: float) -> str:
    """A line of text whose characters stand where their colours are, in any font."""
    spaces = " ".join(f"{x + k * _WIDE:g}" for k in range(len(shown)))
    style = f"font-family:{_FONT};font-size:{_SIZE}px"
    return element("text", clean(shown), x=spaces, y=y, class_="name", style=style)


def _rows(text: str, columns: int) -> list[tuple[int, int]]:
    """Where the lines of the picture begin and end."""
    rows, start = [], 0
    for at, character in enumerate(text):
        if character == "\n" or at + 1 - start == columns:
            rows.append((start, at + 1))
            start = at + 1
    if start < len(text):
        rows.append((start, len(text)))
    return rows
