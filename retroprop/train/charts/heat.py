"""Heat maps: a table of counts in which large numbers stand out, such as a confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.errors import ShapeError
from retroprop.train.charts.axes import readable
from retroprop.train.charts.plot import Plot, text
from retroprop.train.charts.svg import clean, clipped, element, text_width

__all__ = ["heat_map"]

_LARGEST_CELL = 60.0
_LEAST_LABEL = 13.0  # pixels from one label to the next


def heat_map(
    matrix: Any,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    width: float = 560,
    description: str = "",
    standalone: bool = False,
) -> str:
    """Counts as coloured cells, each row shaded by its own total.

    The diagonal (right answers) has the first colour, the rest (mistakes) the second. Counts are
    written into cells that have room for them; pointing at a cell tells the rest.

    Raises:
        ShapeError: labels that do not fit the matrix.

    Example:
        >>> heat_map([[5, 1], [0, 7]], ["a", "b"], ["a", "b"], title="Confusion")[:4]
        '<svg'
    """
    table = np.asarray(matrix, dtype=np.float64)
    if table.shape != (len(row_labels), len(column_labels)):
        raise ShapeError(
            f"heat_map: matrix {table.shape} with {len(row_labels)} row labels and "
            f"{len(column_labels)} column labels"
        )
    plot = Plot(width, 80, title)
    if not table.size:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    widest = max(text_width(clipped(label, 16)) for label in row_labels)
    plot.left = widest + 8 + (20 if y_label else 0)
    side = min((width - plot.left - 24) / len(column_labels), _LARGEST_CELL)
    plot.parts += _cells(table, row_labels, column_labels, plot, side)
    foot = plot.top + side * len(row_labels)
    below = _labels(row_labels, column_labels, plot, side)
    plot.height = foot + below + (22 if x_label else 4)
    if x_label:
        middle = plot.left + side * len(column_labels) / 2
        plot.parts.append(text(x_label, middle, plot.height - 6, text_anchor="middle"))
    if y_label:
        middle = (plot.top + foot) / 2
        turn = f"rotate(-90 12 {middle:.1f})"
        plot.parts.append(text(y_label, 12, middle, text_anchor="middle", transform=turn))
    return plot.drawn(description, standalone)


def _cells(
    table: Any, rows: Sequence[str], columns: Sequence[str], plot: Plot, side: float
) -> list[str]:
    parts = []
    totals = table.sum(axis=1)
    gap = 1.0 if side > 8 else 0.0
    for i, j in np.ndindex(table.shape):
        count = float(table[i, j])
        share = count / totals[i] if totals[i] > 0 and math.isfinite(count) else 0.0
        x, y = plot.left + j * side, plot.top + i * side
        shown = readable(count)
        percent = f"{100 * share:.1f} %"
        tip = element("title", clean(f"{rows[i]} → {columns[j]}: {shown} ({percent})"))
        # A mistake of a few percent should be seen; a right answer of 90 % need not shout.
        strength = 0.0 if not count else 0.08 + 0.92 * (share if i == j else share**0.6)
        size = {"width": side - gap, "height": side - gap, "fill_opacity": round(strength, 3)}
        style = "f0" if i == j else "f1"
        parts.append(element("rect", tip, x=x, y=y, rx=2 if gap else None, class_=style, **size))
        if count and side >= max(16.0, text_width(shown, 11) + 4):
            style = "on" if strength > 0.55 else "off"
            middle = (x + (side - gap) / 2, y + side / 2 + 3.5)
            parts.append(
                text(shown, *middle, text_anchor="middle", class_=style, pointer_events="none")
            )
    return parts


def _labels(rows: Sequence[str], columns: Sequence[str], plot: Plot, side: float) -> float:
    """Draw the names at both sides; the room that those below take."""
    every = max(1, math.ceil(_LEAST_LABEL / side))
    foot = plot.top + side * len(rows)
    for index in range(0, len(rows), every):
        y = plot.top + (index + 0.5) * side + 4
        name = clipped(rows[index], 16)
        plot.parts.append(text(name, plot.left - 6, y, text_anchor="end", class_="name"))
    names = [clipped(label, 16) for label in columns]
    widest = max(text_width(name) for name in names)
    turned = widest > side * every - 4
    for index in range(0, len(columns), every):
        x = plot.left + (index + 0.5) * side
        if turned:
            turn = f"rotate(-45 {x + 4:.1f} {foot + 12:.1f})"
            place, anchor = (x + 4, foot + 12), "end"
        else:
            turn, place, anchor = None, (x, foot + 15), "middle"
        label = text(names[index], *place, text_anchor=anchor, transform=turn, class_="name")
        plot.parts.append(label)
    return 0.72 * widest + 18 if turned else 22
