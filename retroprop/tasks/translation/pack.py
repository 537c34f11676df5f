"""Sentence pairs as arrays of one shape: several short ones share a row, so that little is padding.

A row holds up to `room` sub-words a side. Which text a sub-word belongs to (1, 2, ..., 0 for
padding) and where in it it stands goes beside it; attention looks at no other text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.data.subwords import BOS, EOS, PAD

__all__ = ["Numbered", "packed", "padded"]

Array = np.ndarray[Any, Any]
Numbered = tuple[list[int], list[int]]


_OPEN = 48  # rows that wait for a pair that fits: more fill hardly better and take longer
_LEAST = 3  # sub-words of the shortest sentences, EOS included


def _rows(pairs: Sequence[Numbered], room: int) -> list[list[int]]:
    """Which pairs share a row: each goes into the first waiting row that has room for it."""
    rows: list[list[int]] = []
    waiting: list[tuple[int, int, int]] = []  # a row, what is left of it on both sides
    for number, (one, other) in enumerate(pairs):
        source, target = len(one) + 1, len(other) + 1
        for at, (row, left, right) in enumerate(waiting):
            if left >= source and right >= target:
                waiting[at] = (row, left - source, right - target)
                rows[row].append(number)
                if min(waiting[at][1:]) < _LEAST:
                    del waiting[at]
                break
        else:
            waiting.append((len(rows), room - source, room - target))
            rows.append([number])
            if len(waiting) > _OPEN:
                del waiting[min(range(_OPEN), key=lambda at: sum(waiting[at][1:]))]
    return rows


def packed(
    pairs: Sequence[Numbered], room: int, *, alone: bool = False
) -> tuple[dict[str, Array], Array]:
    """Network inputs and targets of pairs of sub-words, each side of a pair shorter than `room`.

    Args:
        pairs: sub-words of source and target.
        room:  sub-words of a row, a side, EOS included.
        alone: each pair has a row of its own, in the order given.

    Returns:
        Arrays (rows, room): source, target (which begins with BOS), of both the number of the text
        in its row (`source_text`) and the place in the text (`source_at`); and what follows each
        sub-word of the target, `PAD` where nothing does.

    Example:
        >>> x, y = packed([([5, 6], [7]), ([8], [9])], 5)
        >>> x["source"].tolist(), x["source_text"].tolist(), x["source_at"].tolist()
        ([[5, 6, 3, 8, 3]], [[1, 1, 1, 2, 2]], [[0, 1, 2, 0, 1]])
        >>> x["target"].tolist(), y.tolist()
        ([[2, 7, 2, 9, 0]], [[7, 3, 9, 3, 0]])
    """
    rows = [[number] for number in range(len(pairs))] if alone else _rows(pairs, room)
    names = ("source", "source_text", "source_at", "target", "target_text", "target_at")
    x = {name: np.full((len(rows), room), PAD, np.int32) for name in names}
    y = np.full((len(rows), room), PAD, np.int32)
    for row, members in enumerate(rows):
        begin = {"source": 0, "target": 0}
        for text, number in enumerate(members, start=1):
            source, target = pairs[number]
            for side, words in (("source", [*source, EOS]), ("target", [BOS, *target])):
                place = slice(begin[side], begin[side] + len(words))
                x[side][row, place] = words
                x[f"{side}_text"][row, place] = text
                x[f"{side}_at"][row, place] = np.arange(len(words))
                begin[side] = place.stop
            y[row, place] = [*target, EOS]
    return x, y


def padded(sources: Sequence[list[int]], room: int, rows: int) -> Array:
    """Source sentences, EOS at their ends, as (rows, room); rows beyond them hold EOS alone.

    Example:
        >>> padded([[5, 6]], 4, 2).tolist()
        [[5, 6, 3, 0], [3, 0, 0, 0]]
    """
    table = np.full((rows, room), PAD, np.int32)
    table[:, 0] = EOS
    for row, words in enumerate(sources):
        table[row, : len(words) + 1] = [*words, EOS]
    return table
