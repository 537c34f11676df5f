"""Bars: a value for each of some names, and how often values of each size occur."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retroprop.errors import ShapeError
from retroprop.train.charts.axes import Scale, readable
from retroprop.train.charts.plot import Plot, line, text
from retroprop.train.charts.svg import clean, clipped, element, text_width

__all__ = ["bar_chart", "histogram"]

_ROW = 24.0
_NAMED = 0.4  # of the width, at most, for the names


def bar_chart(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    title: str,
    high: float | None = None,
    width: float = 480,
    description: str = "",
    standalone: bool = False,
) -> str:
    """Horizontal bars from zero, one per label, each with its value beside it.

    Args:
        high: what the full width stands for; the largest value when None.
        description, standalone: as for `line_chart`.

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
    plot = Plot(width, 36 + _ROW * max(len(labels), 2), title)
    if not finite:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    names = [clipped(label, int(_NAMED * width / text_width("m"))) for label in labels]
    left = max(text_width(name) for name in names) + 12
    room = max(text_width(readable(value)) for value in finite) + 10
    low, top = min(0.0, *finite), max(0.0, *finite) if high is None else high
    across = Scale(low, top if top > low else low + 1, left, width - room)
    for index, (label, value) in enumerate(zip(labels, numbers, strict=True)):
        y = 30 + index * _ROW
        plot.parts.append(text(names[index], left - 8, y + 15, text_anchor="end", class_="name"))
        plot.parts += _bar(label, value, across, y)
    bottom = 30 + _ROW * len(labels)
    plot.parts.append(line(across(0.0), 28, across(0.0), bottom, class_="axis"))
    told = ", ".join(f"{label} {readable(v)}" for label, v in zip(labels, numbers, strict=True))
    return plot.drawn(description or clipped(told, 400), standalone)


def _bar(label: str, value: float, across: Scale, y: float) -> list[str]:
    zero = across(0.0)
    if not math.isfinite(value):
        return [text("not known", zero + 6, y + 15)]
    end = across(min(value, across.high))
    tip = element("title", clean(f"{label}: {readable(value)}"))
    size: dict[str, Any] = {"x": min(zero, end), "width": abs(end - zero)}
    bar = element("rect", tip, class_="f0", rx=2, y=y + 2, height=_ROW - 6, **size)
    return [bar, text(readable(value), max(end, zero) + 6, y + 15)]


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

    The intervals cover the middle 99 % of 200 values or more; the rest counts in the outer bars.

    Args:
        mark: (x, text): a vertical line with a note.
        description, standalone: as for `line_chart`.

    Example:
        >>> histogram([1.0, 2.0, 2.5], title="Errors", bins=2)[:4]
        '<svg'
    """
    numbers = np.asarray([*values], dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    plot = Plot(width, height, title)
    if not numbers.size:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    low, high = _middle(numbers)
    counts, edges = np.histogram(np.clip(numbers, low, high), bins=bins, range=(low, high))
    top = (0.0, float(counts.max()) * 1.05)
    across, down = plot.frame((low, high), top, x_label, y_label, whole_y=True)
    for count, start, end in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        if count:
            tip = f"{readable(float(start))} to {readable(float(end))}: {count:,}"
            x, y = across(float(start)), down(count)
            size = {"width": max(across(float(end)) - x - 1, 0.5), "height": down.start - y}
            named = element("title", clean(tip))
            plot.parts.append(element("rect", named, class_="f0", x=x + 0.5, y=y, **size))
    if mark is not None and low <= mark[0] <= high:
        plot.mark(across(mark[0]), mark[1])
    told = f"{numbers.size:,} values, median {readable(float(np.median(numbers)))}."
    return plot.drawn(description or told, standalone)


def _middle(numbers: Any) -> tuple[float, float]:
    low, high = float(numbers.min()), float(numbers.max())
    if numbers.size >= 200:
        low, high = map(float, np.quantile(numbers, [0.005, 0.995]))
    if not low < high:
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    return low, high
