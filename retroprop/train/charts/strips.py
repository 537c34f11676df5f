"""Strips: a number of each layer over time, one row a layer, darker where it is larger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.errors import ShapeError
from retroprop.train.charts.axes import readable
from retroprop.train.charts.plot import Plot, text
from retroprop.train.charts.svg import clean, clipped, element, text_width

__all__ = ["strips"]

_ROW = 18.0
_MOST_ROWS = 40
_MOST_COLUMNS = 120


def strips(
    rows: Sequence[str],
    steps: Sequence[float],
    values: Any,
    *,
    title: str,
    log: bool = False,
    width: float = 560,
    description: str = "",
    standalone: bool = False,
) -> str:
    """Values as cells: rows from top to bottom, steps from left to right.

    The last value of each row stands beside it. Pointing at a cell tells its value. Where there are
    more rows or steps than can be seen, some are left out, evenly.

    Args:
        rows:   names.
        steps:  of the columns.
        values: (steps, rows); what is not finite is left blank.
        log:    equal ratios are equal differences of shade.

    Raises:
        ShapeError: names or steps that do not fit the values.

    Example:
        >>> strips(["0", "2"], [10, 20], [[1, 2], [3, 4]], title="Gradient")[:4]
        '<svg'
    """
    table = np.asarray(values, np.float64)
    if table.shape != (len(steps), len(rows)):
        raise ShapeError(f"strips: values {table.shape}, {len(steps)} steps and {len(rows)} rows")
    plot = Plot(width, 60, title)
    if not table.size:
        plot.nothing()
        return plot.drawn(description or "No values.", standalone)
    down, across = _chosen(len(rows), _MOST_ROWS), _chosen(len(steps), _MOST_COLUMNS)
    table = table[np.ix_(across, down)]
    rows, steps = [rows[i] for i in down], [steps[i] for i in across]
    _draw(plot, rows, steps, table, log)
    return plot.drawn(description or _described(rows, table), standalone)


def _draw(plot: Plot, rows: Sequence[str], steps: Sequence[float], table: Any, log: bool) -> None:
    """Rows of cells between names and last values, and the first and last step below."""
    plot.left = 10 + max(text_width(clipped(name, 22)) for name in rows)
    plot.right = 14 + max(text_width(readable(value)) for value in table[-1])
    side = (plot.width - plot.left - plot.right) / len(steps)
    shades = _shades(table, log)
    for j, name in enumerate(rows):
        y = plot.top + j * _ROW
        plot.parts.append(text(clipped(name, 22), plot.left - 6, y + 13, text_anchor="end"))
        plot.parts.append(text(readable(table[-1, j]), plot.width - plot.right + 6, y + 13))
        for i, step in enumerate(steps):
            if math.isfinite(table[i, j]):
                tip = f"{name}, step {step:g}: {readable(table[i, j])}"
                plot.parts.append(_cell(plot.left + i * side, y, side, float(shades[i, j]), tip))
    foot = plot.top + _ROW * len(rows)
    plot.parts.append(text(f"step {steps[0]:g}", plot.left, foot + 16))
    end = plot.left + side * len(steps)
    plot.parts.append(text(f"{steps[-1]:g}", end, foot + 16, text_anchor="end"))
    plot.height = foot + 22


def _chosen(count: int, most: int) -> list[int]:
    """Which of so many are shown, first and last among them."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def _shades(table: Any, log: bool) -> Any:
    """From 0 for the least to 1 for the largest."""
    finite = np.isfinite(table) & ((table > 0) | (not log))
    seen = np.log(np.where(finite, table, 1.0)) if log else np.where(finite, table, 0.0)
    if not finite.any():
        return np.zeros(table.shape)
    low, high = seen[finite].min(), seen[finite].max()
    return np.where(finite, (seen - low) / (high - low) if high > low else 0.5, 0.0)


def _cell(x: float, y: float, side: float, shade: float, tip: str) -> str:
    gap = 1.0 if side > 6 else 0.0
    size = {"width": side - gap, "height": _ROW - 1, "fill_opacity": round(0.06 + 0.94 * shade, 3)}
    return element("rect", element("title", clean(tip)), x=x, y=y, class_="f0", **size)


def _described(rows: Sequence[str], table: Any) -> str:
    ends = (0, len(rows) - 1) if len(rows) > 1 else (0,)
    return "At the end: " + ", ".join(f"{rows[i]} {readable(table[-1, i])}" for i in ends) + "."
