"""Pictures of forecasts: a series with its band, errors by distance, volatility over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.tasks.series import backtest as testing
from retroprop.tasks.series.panel import written
from retroprop.train.charts import Series as Line
from retroprop.train.charts import line_chart
from retroprop.train.charts.axes import Scale, bounds, readable
from retroprop.train.charts.plot import Plot
from retroprop.train.charts.svg import clean, element

__all__ = ["CAPTION", "band_chart", "clean", "errors_by_step", "last_forecasts", "volatility"]

Array = np.ndarray[Any, Any]
CAPTION = (
    "Line: what came. Dashes: the forecasts, made one after the other. Shade: the band that was to "
    "hold 80 of 100 outcomes."
)
_YEAR = 365.2425 * 86400.0


def band_chart(
    x: Sequence[float],
    truth: Sequence[float],
    pieces: Sequence[tuple[Sequence[float], Array]],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    width: float = 960,
    height: float = 320,
    standalone: bool = False,
) -> str:
    """A line of what came, with forecasts and their bands laid over it.

    Args:
        x, truth: the line; NaN leaves a gap.
        pieces:   (x, (n, 3) lower, median, upper) of each forecast.
        standalone: a file of its own.

    Example:
        >>> band_chart([0, 1], [1.0, 2.0], [([1, 2], np.array([[1, 2, 3], [2, 3, 4]]))], title="A")[
        ...     :4
        ... ]
        '<svg'
    """
    plot = Plot(width, height, title)
    plot.legend(["what came", "forecast, with its band"])
    every = [float(v) for v in truth] + [float(v) for _, band in pieces for v in band.ravel()]
    places = [float(v) for v in x] + [float(v) for piece, _ in pieces for v in piece]
    y_ends, x_ends = bounds(every), bounds(places, margin=0.01)
    if y_ends is None or x_ends is None:
        plot.nothing()
        return plot.drawn("No values.", standalone)
    across, down = plot.frame(x_ends, y_ends, x_label, y_label)

    for marks in (_bands(pieces, across, down), _truth(x, truth, across, down)):
        plot.parts += marks
    told = f"{len(pieces)} forecasts; values from {readable(min(every))} to {readable(max(every))}."
    return plot.drawn(told, standalone)


def _points(xs: Any, ys: Any, across: Scale, down: Scale) -> str:
    pairs = zip(xs, ys, strict=True)
    return " ".join(f"{across(float(a)):.1f},{down(float(b)):.1f}" for a, b in pairs)


def _bands(
    pieces: Sequence[tuple[Sequence[float], Array]], across: Scale, down: Scale
) -> list[str]:
    """Shades, and dashes over them."""
    shades, dashes = [], []
    for xs, band in pieces:
        there, back = (
            _points(xs, band[:, 0], across, down),
            _points(list(xs)[::-1], band[::-1, 2], across, down),
        )
        shades.append(element("polygon", points=f"{there} {back}", class_="f1", fill_opacity=0.22))
        middle = _points(xs, band[:, 1], across, down)
        dashes.append(element("polyline", points=middle, class_="line s1", stroke_dasharray="5 4"))
    return shades + dashes


def _truth(x: Sequence[float], truth: Sequence[float], across: Scale, down: Scale) -> list[str]:
    """The line of what came, in pieces between gaps."""
    seen = np.isfinite(np.asarray(truth, float))
    edges = np.flatnonzero(np.diff(np.r_[0, seen.astype(int), 0]))
    lines = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        points = _points(list(x)[start:stop], list(truth)[start:stop], across, down)
        lines.append(element("polyline", points=points, class_="line s0"))
    return lines


def _axis(dates: Array, recipe: Any) -> tuple[Array, str]:
    """Dates as numbers for an axis: years, or days since a date."""
    if dates[-1] - dates[0] > 3 * _YEAR:
        return 1970 + dates / _YEAR, "year"
    start = np.floor(dates[0] / 86400.0) * 86400.0
    return (dates - start) / 86400.0, f"days since {written(start)}"


def last_forecasts(test: testing.Backtest, recipe: Any, *, standalone: bool = False) -> str:
    """The last forecasts that do not overlap, beside what came."""
    horizon = recipe.horizon
    count = max(1, min(7, 1 + (len(test.at) - 1) // horizon))
    chosen = np.arange(len(test.at) - 1, -1, -horizon)[:count][::-1]
    first, stop = int(test.at[chosen[0]]), int(test.at[-1]) + horizon
    start = max(0, first - max(2 * horizon, (stop - first) // 2))
    track = test.track
    stop = min(stop, len(track))
    dates = track.dates[start:stop]
    x, label = _axis(dates, recipe)
    truth = np.where(track.known[start:stop], track.values[start:stop], np.nan)
    pieces = []
    for k in chosen:
        inside = slice(int(test.at[k]) - start, min(int(test.at[k]) + horizon, stop) - start)
        pieces.append((x[inside].tolist(), test.values[k][: inside.stop - inside.start]))
    title = f"{track.name + ': ' if track.name else ''}the last forecasts of the test part"
    return band_chart(
        x.tolist(), truth.tolist(), pieces, title=title, x_label=label, standalone=standalone
    )


def errors_by_step(rows: list[dict[str, float]], recipe: Any, season: str) -> str:
    """Mean errors as the distance grows, beside those of the naive forecast."""
    steps = [row["step"] for row in rows]
    lines = [
        Line("the network", steps, [row["mae"] for row in rows]),
        Line(season, steps, [row["naive_mae"] for row in rows]),
    ]
    return line_chart(
        lines, title="Mean absolute error", x_label=f"{recipe.grid.noun}s ahead", width=960
    )


def volatility(test: testing.Backtest, *, standalone: bool = False) -> str:
    """The forecast of each next day's swing over time, beside GARCH(1,1)."""
    dates = 1970 + test.track.dates[test.at] / _YEAR
    lines = [
        Line(name, dates.tolist(), (100 * np.sqrt(test.more[key][:, 0])).tolist())
        for name, key in (("the network", "network"), ("GARCH(1,1)", "GARCH(1,1)"))
    ]
    named = f"{test.track.name}: " if test.track.name else ""
    return line_chart(
        lines, title=f"{named}volatility of the next day", x_label="year", y_label="% a day",
        width=960, standalone=standalone,
    )  # fmt: skip
