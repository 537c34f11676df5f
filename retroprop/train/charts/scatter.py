"""Scatter plots: what was predicted against what was true."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import ShapeError
from retroprop.train.charts.axes import bounds, readable
from retroprop.train.charts.plot import Plot, line
from retroprop.train.charts.svg import clean, element

__all__ = ["scatter_chart"]

_MOST_DOTS = 2000


def scatter_chart(
    x: Any,
    y: Any,
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    diagonal: bool = False,
    width: float = 480,
    height: float = 400,
    description: str = "",
    standalone: bool = False,
) -> str:
    """One dot per pair; at most 2000 of them, evenly taken.

    Args:
        x, y:     (n,) each; pairs that are not finite are left out.
        diagonal: both axes have the same ends, and a line shows where x = y.
        description, standalone: as for `line_chart`.

    Raises:
        ShapeError: unequal numbers of x and y.

    Example:
        >>> scatter_chart([1.0, 2.0], [1.1, 1.9], title="Fit", diagonal=True).count("<circle")
        2
    """
    left, right = (np.asarray(values, dtype=np.float64).reshape(-1) for values in (x, y))
    if left.shape != right.shape:
        raise ShapeError(f"scatter_chart: {left.size} x and {right.size} y")
    finite = np.isfinite(left) & np.isfinite(right)
    left, right = left[finite], right[finite]
    plot = Plot(width, height, title)
    x_ends, y_ends = bounds(left.tolist()), bounds(right.tolist())
    if x_ends is None or y_ends is None:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    if diagonal:
        x_ends = y_ends = (min(x_ends[0], y_ends[0]), max(x_ends[1], y_ends[1]))
    across, down = plot.frame(x_ends, y_ends, x_label, y_label)
    if diagonal:
        plot.parts.append(line(across.start, down.start, across.end, down.end, class_="mark"))
    every = -(-left.size // _MOST_DOTS)
    dots = zip(left[::every].tolist(), right[::every].tolist(), strict=True)
    faint = 0.75 if left.size < 100 else 0.4
    radius, tip = 3.0 if left.size < 500 else 2.2, ""
    for a, b in dots:
        if left.size < 500:  # a tip for each of thousands would make a heavy page
            told = f"{x_label or 'x'} {readable(a)}, {y_label or 'y'} {readable(b)}"
            tip = element("title", clean(told))
        place = {"cx": across(a), "cy": down(b), "r": radius}
        plot.parts.append(element("circle", tip, class_="f0", fill_opacity=faint, **place))
    return plot.drawn(description or f"{left.size:,} pairs.", standalone)
