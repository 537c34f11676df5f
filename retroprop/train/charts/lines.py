"""Line charts: how something goes on, such as a loss over the epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from retroprop.errors import ShapeError
from retroprop.train.charts.axes import SMALLEST, Scale, bounds, readable
from retroprop.train.charts.plot import Plot
from retroprop.train.charts.svg import clean, element

__all__ = ["Series", "line_chart"]

_MOST_POINTS = 1000  # more than there are pixels
_MOST_TIPS = 100  # a line of more points gets no mark for each of them


class Series(NamedTuple):
    """One line of a chart: its name, and where it goes."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


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
        series: one or two lines. Points that are not finite (or, with log_y, not positive) are
                gaps; a point between two gaps is drawn as a dot.
        log_y:  equal ratios take equal room; ignored when nothing is positive.
        mark:   (x, text): a vertical line with a note.
        description: what can be seen, for those who cannot; the end of each line when empty.
        standalone:  a file of its own.

    Raises:
        ShapeError: a line with unequal numbers of x and y.

    Example:
        >>> line_chart([Series("loss", [1, 2], [0.5, 0.25])], title="Loss")[:4]
        '<svg'
    """
    lines = [_thinned(_floats(each)) for each in series]
    log_y = log_y and bounds((v for each in lines for v in each.y), log=True) is not None
    lines = [_gaps(each, log_y) for each in lines]
    y = bounds((v for each in lines for v in each.y), log=log_y)
    points = [x for each in lines for x, v in zip(each.x, each.y, strict=True) if math.isfinite(v)]
    x = bounds(points, margin=0.02)
    plot = Plot(width, height, title)
    if len(lines) > 1:
        plot.legend([each.label for each in lines])
    if x is None or y is None:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    whole = all(value == int(value) for value in points)
    across, down = plot.frame(x, y, x_label, y_label, log_y=log_y, whole_x=whole)
    if mark is not None and x[0] <= mark[0] <= x[1]:
        plot.mark(across(mark[0]), mark[1])
    for index, each in enumerate(lines):
        plot.parts += _marks(each, index, across, down, x_label)
    return plot.drawn(description or _described(lines), standalone)


def _floats(series: Series) -> Series:
    if len(series.x) != len(series.y):
        raise ShapeError(
            f"line_chart: {series.label!r} has {len(series.x)} x and {len(series.y)} y"
        )
    return Series(series.label, [float(x) for x in series.x], [float(y) for y in series.y])


def _gaps(series: Series, log_y: bool) -> Series:
    """Every point that cannot be drawn as NaN."""
    seen = [
        v if math.isfinite(x) and math.isfinite(v) and (v >= SMALLEST or not log_y) else math.nan
        for x, v in zip(series.x, series.y, strict=True)
    ]
    return series._replace(y=seen)


def _thinned(series: Series) -> Series:
    """At most about `_MOST_POINTS`: of each stretch its first point, lowest and highest."""
    count = len(series.x)
    if count <= _MOST_POINTS:
        return series
    stretch = -(-count * 3 // _MOST_POINTS)
    keep: set[int] = {count - 1}
    for start in range(0, count, stretch):
        inside = range(start, min(start + stretch, count))
        finite = [i for i in inside if math.isfinite(series.y[i])] or [start]
        keep |= {
            start,
            min(finite, key=series.y.__getitem__),
            max(finite, key=series.y.__getitem__),
        }
    kept = sorted(keep)
    return Series(series.label, [series.x[i] for i in kept], [series.y[i] for i in kept])


def _marks(series: Series, index: int, across: Scale, down: Scale, x_label: str) -> list[str]:
    """The pieces between gaps as lines, and each point as a dot that tells its value."""
    parts, piece = [], []
    for x, v in [*zip(series.x, series.y, strict=True), (math.nan, math.nan)]:
        if math.isfinite(v):
            piece.append((x, v))
            continue
        if len(piece) > 1:
            path = " ".join(f"{across(a):.1f},{down(b):.1f}" for a, b in piece)
            dash = "5 4" if index else None
            style = f"line s{index % 2}"
            parts.append(element("polyline", points=path, class_=style, stroke_dasharray=dash))
        if len(piece) == 1 or len(series.x) <= _MOST_TIPS:
            parts += [_dot(series.label, a, b, index, across, down, x_label) for a, b in piece]
        piece = []
    return parts


def _dot(
    label: str, x: float, v: float, index: int, across: Scale, down: Scale, x_label: str
) -> str:
    tip = element("title", clean(f"{label}: {readable(v)} at {x_label or 'x'} {x:g}"))
    style = f"dot f{index % 2}"
    return element("circle", tip, cx=across(x), cy=down(v), r=3.0, class_=style)


def _described(lines: Sequence[Series]) -> str:
    told = []
    for each in lines:
        seen = [v for v in each.y if math.isfinite(v)]
        if seen:
            told.append(f"{each.label} goes from {readable(seen[0])} to {readable(seen[-1])}")
    return "; ".join(told) + "."
