"""Charts as SVG text: lines, bars, histograms, heat maps and scatter plots.

Plain functions from numbers to one string, for a page (`standalone=False`: the page brings
`svg.THEME` once) or a file. No script is needed; pointing at a mark shows its value. Values that
are not finite leave a gap, and a chart without any value says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import ShapeError
from retroprop.train.axes import Scale, bounds, label_ticks, readable
from retroprop.train.svg import clean, clipped, document, element, text_width

__all__ = ["Series", "bar_chart", "heat_map", "histogram", "line_chart", "scatter_chart"]

_MOST_POINTS = 1000  # of a line: more than there are pixels
_MOST_DOTS = 2000
_MOST_TIPS = 100  # lines of more points get no mark for each of them


class Series(NamedTuple):
    """One line of a chart: its name, and where it goes."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


class _Plot:
    """The frame of a chart: title, legend, axes with ticks; marks are added to `parts`."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.top, self.right, self.bottom, self.left = 34.0, 14.0, 44.0, 14.0
        self.parts = [_text(clipped(title, int(width / 8)), 0, 15, class_="title")]

    def legend(self, labels: Sequence[str]) -> None:
        """A row of names under the title, each with its colour."""
        at = 0.0
        for index, label in enumerate(labels):
            name = clipped(label, 28)
            self.parts.append(_line(at, 34, at + 18, 34, class_=f"line {_colour(index)}"))
            self.parts.append(_text(name, at + 24, 38, class_="name"))
            at += 24 + text_width(name) + 18
        self.top += 20

    def frame(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        x_label: str,
        y_label: str,
        *,
        log_y: bool = False,
        whole_x: bool = False,
    ) -> tuple[Scale, Scale]:
        """Draws grid and axes; gives the scales of both."""
        if y_label:
            self.parts.append(_text(clipped(y_label, 30), 0, self.top - 2))
            self.top += 12
        down = Scale(*y, self.height - self.bottom, self.top, log=log_y)
        y_ticks = down.ticks(5)
        y_texts = label_ticks(y_ticks)
        self.left = 12 + max((text_width(text) for text in y_texts), default=0.0)
        across = Scale(*x, self.left, self.width - self.right)
        for tick, text in zip(y_ticks, y_texts, strict=True):
            at = down(tick)
            self.parts.append(_line(self.left, at, across.end, at, class_="grid"))
            self.parts.append(_text(text, self.left - 7, at + 4, text_anchor="end"))
        x_ticks = across.ticks(max(2, int((across.end - self.left) / 70)), whole=whole_x)
        floor = self.height - self.bottom
        for tick, text in zip(x_ticks, label_ticks(x_ticks), strict=True):
            at = across(tick)
            self.parts.append(_line(at, floor, at, floor + 4, class_="axis"))
            self.parts.append(_text(text, at, floor + 18, text_anchor="middle"))
        self.parts.append(_line(self.left, floor, across.end, floor, class_="axis"))
        middle = (self.left + across.end) / 2
        self.parts.append(_text(x_label, middle, self.height - 8, text_anchor="middle"))
        return across, down

    def nothing(self) -> None:
        """Says that there is nothing to draw."""
        self.parts.append(
            _text("nothing to show", self.width / 2, self.height / 2, text_anchor="middle")
        )

    def drawn(self, description: str, standalone: bool) -> str:
        """The finished chart."""
        inner = "".join(self.parts)
        pad = 16 if standalone else 0
        if pad:
            inner = element("g", inner, transform=f"translate({pad} {pad})")
        return document(
            self.width + 2 * pad,
            self.height + 2 * pad,
            inner,
            title=self.title,
            description=description,
            standalone=standalone,
        )


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    log_y: bool = False,
    mark: tuple[float, str] | None = None,
    width: float = 480,
    height: float = 280,
    description: str = "",
    standalone: bool = False,
) -> str:
    """Lines over a common axis; the second one is dashed.

    Args:
        series:  one or two lines; points that are not finite (or, with log_y, not positive) are
                 gaps, a point between two gaps is drawn as a dot.
        log_y:   equal ratios take equal room; ignored when nothing is positive.
        mark:    (x, text): a vertical line with a note.
        width, height, description, standalone: see `svg.document`.

    Example:
        >>> line_chart([Series("loss", [1, 2], [0.5, 0.25])], title="Loss")[:4]
        '<svg'
    """
    lines = [_thinned(each) for each in series]
    values = [float(v) for each in lines for v in each.y]
    log_y = log_y and bounds(values, log=True) is not None
    plot = _Plot(width, height, title)
    if len(lines) > 1:
        plot.legend([each.label for each in lines])
    y = bounds(values, log=log_y)
    at = [float(x) for each in lines for x, v in zip(each.x, each.y, strict=True) if _shown(v)]
    x = bounds(at, margin=0.02)
    if x is None or y is None:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    whole = all(value == int(value) for value in at)
    across, down = plot.frame(x, y, x_label, y_label, log_y=log_y, whole_x=whole)
    if mark is not None and x[0] <= mark[0] <= x[1]:
        plot.parts += _mark(across(mark[0]), plot.top, down.start, mark[1], across.end)
    for index, each in enumerate(lines):
        plot.parts += _drawn_line(each, index, across, down)
    return plot.drawn(description or _described(lines), standalone)


def bar_chart(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    title: str,
    x_label: str = "",
    low: float = 0.0,
    high: float | None = None,
    width: float = 480,
    description: str = "",
    standalone: bool = False,
) -> str:
    """Horizontal bars, one per label, each with its value.

    Args:
        low, high: the ends of the axis; high: the largest value when None.

    Raises:
        ShapeError: unequal numbers of labels and values.

    Example:
        >>> "cat" in bar_chart(["cat", "dog"], [3, 4], title="Animals")
        True
    """
    if len(labels) != len(values):
        raise ShapeError(f"bar_chart: {len(labels)} labels and {len(values)} values")
    numbers = [float(value) for value in values]
    finite = [value for value in numbers if math.isfinite(value)]
    row = 22.0
    plot = _Plot(width, 34 + row * max(len(labels), 2) + (24 if x_label else 4), title)
    if not finite:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    names = [clipped(label, 22) for label in labels]
    left = max(text_width(name) for name in names) + 10
    low, top = min(low, *finite, low), max(finite) if high is None else high
    room = max(text_width(readable(value)) for value in finite) + 10
    across = Scale(low, top if top > low else low + 1, left, width - room)
    zero = across(min(max(0.0, low), across.high))
    for index, (name, value) in enumerate(zip(names, numbers, strict=True)):
        y = 34 + index * row
        plot.parts.append(_text(name, left - 8, y + 14, text_anchor="end", class_="name"))
        if not math.isfinite(value):
            plot.parts.append(_text("–", left + 4, y + 14))
            continue
        end = across(min(max(value, low), across.high))
        tip = element("title", clean(f"{labels[index]}: {readable(value)}"))
        size = {"x": min(zero, end), "width": abs(end - zero), "y": y + 2, "height": row - 6}
        plot.parts.append(element("rect", tip, class_="f0", rx=2, **size))
        plot.parts.append(_text(readable(value), max(end, zero) + 6, y + 14))
    plot.parts.append(_line(zero, 32, zero, 34 + row * len(labels), class_="axis"))
    if x_label:
        plot.parts.append(_text(x_label, left, plot.height - 6))
    told = ", ".join(f"{label} {readable(v)}" for label, v in zip(labels, numbers, strict=True))
    return plot.drawn(description or clipped(told, 400), standalone)


def histogram(
    values: Iterable[float],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    bins: int = 30,
    mark: tuple[float, str] | None = None,
    width: float = 480,
    height: float = 280,
    description: str = "",
    standalone: bool = False,
) -> str:
    """How many values fall into each of `bins` equal intervals.

    The intervals cover the middle 99 % of many values; those beyond are counted in the outer bars.

    Example:
        >>> histogram([1.0, 2.0, 2.5], title="Errors", bins=2)[:4]
        '<svg'
    """
    numbers = np.asarray([*values], dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    plot = _Plot(width, height, title)
    if not numbers.size:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    low, high = numbers.min(), numbers.max()
    if numbers.size >= 200:
        low, high = np.quantile(numbers, [0.005, 0.995])
    if not low < high:
        low, high = low - (abs(low) * 0.5 or 0.5), high + (abs(high) * 0.5 or 0.5)
    counts, edges = np.histogram(np.clip(numbers, low, high), bins=bins, range=(low, high))
    across, down = plot.frame((low, high), (0, float(counts.max()) * 1.05), x_label, y_label)
    for count, start, end in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        if count:
            x, y = across(start), down(count)
            tip = element("title", clean(f"{readable(start)} to {readable(end)}: {count:,}"))
            size = {"x": x + 0.5, "width": max(across(end) - x - 1, 0.5), "y": y}
            plot.parts.append(element("rect", tip, class_="f0", height=down.start - y, **size))
    if mark is not None and low <= mark[0] <= high:
        plot.parts += _mark(across(mark[0]), plot.top, down.start, mark[1], across.end)
    told = f"{numbers.size:,} values, median {readable(float(np.median(numbers)))}."
    return plot.drawn(description or told, standalone)


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

    On the diagonal (right answers) in the first colour, elsewhere (mistakes) in the second.
    Counts are written into cells that have room for them.

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
    plot = _Plot(width, 80, title)
    if not table.size:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    rows = [clipped(label, 16) for label in row_labels]
    columns = [clipped(label, 16) for label in column_labels]
    left = max(text_width(name) for name in rows) + 8 + (20 if y_label else 0)
    side = min((width - left - 24) / len(columns), 60.0)
    upright = max(text_width(name) for name in columns) > side - 6
    below = 0.75 * max(text_width(name) for name in columns) + 10 if upright else 20.0
    plot.height = plot.top + side * len(rows) + below + (22 if x_label else 4)
    plot.parts += _cells(table, row_labels, column_labels, left, plot.top, side)
    every = max(1, math.ceil(13 / side))  # so that labels do not run into each other
    foot = plot.top + side * len(rows)
    for index in range(0, len(rows), every):
        y = plot.top + (index + 0.5) * side + 4
        plot.parts.append(_text(rows[index], left - 6, y, text_anchor="end", class_="name"))
    for index in range(0, len(columns), every):
        x = left + (index + 0.5) * side
        turn = f"rotate(-45 {x + 4:.1f} {foot + 12:.1f})" if upright else None
        anchor = "end" if upright else "middle"
        shift = (x + 4, foot + 12) if upright else (x, foot + 15)
        plot.parts.append(
            _text(columns[index], *shift, text_anchor=anchor, transform=turn, class_="name")
        )
    if x_label:
        middle = left + side * len(columns) / 2
        plot.parts.append(_text(x_label, middle, plot.height - 4, text_anchor="middle"))
    if y_label:
        middle = plot.top + side * len(rows) / 2
        turn = f"rotate(-90 12 {middle:.1f})"
        plot.parts.append(_text(y_label, 12, middle, text_anchor="middle", transform=turn))
    return plot.drawn(description, standalone)
