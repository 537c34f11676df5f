"""The chart of a learning rate range test: loss over learning rates, the good ones shaded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retroprop.train.charts.axes import Scale, bounds, label_ticks, log_ticks, readable
from retroprop.train.charts.plot import Plot, line, text
from retroprop.train.charts.svg import clean, element

__all__ = ["rate_chart"]


def rate_chart(
    rates: Sequence[float] | Any,
    losses: Any,
    mean: Sequence[float] | Any,
    *,
    title: str,
    interval: tuple[float, float] | None = None,
    mark: float | None = None,
    trials: Mapping[float, float] | None = None,
    width: float = 560,
    height: float = 320,
    standalone: bool = False,
) -> str:
    """The loss while the learning rate rises, faint for each seed and smoothed over all.

    Args:
        rates:    (n,) positive, rising.
        losses:   (seeds, n).
        mean:     (n,) smoothed.
        interval: rates between which the ground is shaded.
        mark:     a rate to point at.
        trials:   {rate: final loss} of short trainings, drawn as dots.
        standalone: a file of its own.

    Example:
        >>> rate_chart([0.1, 1.0], [[1.0, 0.5]], [1.0, 0.5], title="A", interval=(0.1, 0.5))[:4]
        '<svg'
    """
    trials = trials or {}
    plot = Plot(width, height, title)
    highest = float(np.max(losses)) if np.size(losses) else 0.0
    dots = {lr: loss for lr, loss in trials.items() if loss <= highest}
    y = bounds([*np.ravel(losses).tolist(), *dots.values()])
    x = bounds([float(each) for each in (*rates, *dots)], log=True, margin=0.02)
    if x is None or y is None:
        plot.nothing()
        return plot.drawn("No values.", standalone)
    plot.legend(["loss while the rate rises", *(["after a short training"] if dots else [])])
    across, down = _frame(plot, x, y)
    if interval is not None:
        plot.parts.append(_shade(plot, across, down, interval))
    for each in losses:
        plot.parts.append(_path(rates, each, across, down, stroke_width=1, opacity=0.35))
    plot.parts.append(_path(rates, mean, across, down))
    plot.parts += _trials(dots, across, down)
    if mark is not None:
        plot.mark(across(mark), f"{mark:.2g}")
    return plot.drawn(_told(rates, mean, interval, mark), standalone)


def _frame(plot: Plot, x: tuple[float, float], y: tuple[float, float]) -> tuple[Scale, Scale]:
    """Grid and axes; rates by their logarithm."""
    plot.parts.append(text("loss", 0, plot.top + 6))
    plot.top += 18
    floor, right = plot.height - plot.bottom, plot.width - plot.right
    down = Scale(*y, floor, plot.top)
    ticks = down.ticks(5)
    plot.left = 48.0
    for tick, label in zip(ticks, label_ticks(ticks), strict=True):
        plot.parts.append(line(plot.left, down(tick), right, down(tick), class_="grid"))
        plot.parts.append(text(label, plot.left - 7, down(tick) + 4, text_anchor="end"))
    across = Scale(*x, plot.left, right, log=True)
    for tick in log_ticks(*x):
        at = across(tick)
        plot.parts.append(line(at, floor, at, floor + 4, class_="axis"))
        plot.parts.append(
            text(f"{tick:g}".replace("e-0", "e-"), at, floor + 18, text_anchor="middle")
        )
    plot.parts.append(line(plot.left, floor, right, floor, class_="axis"))
    middle = (across.start + across.end) / 2
    plot.parts.append(text("learning rate", middle, floor + 37, text_anchor="middle"))
    return across, down


def _shade(plot: Plot, across: Scale, down: Scale, interval: tuple[float, float]) -> str:
    """The ground between two rates."""
    left, right = (min(max(across(end), across.start), across.end) for end in interval)
    place = {"x": left, "y": plot.top, "width": right - left, "height": down.start - plot.top}
    tip = element("title", clean(f"good: {interval[0]:.2g} to {interval[1]:.2g}"))
    return element("rect", tip, class_="f0", fill_opacity=0.14, **place)


def _trials(dots: Mapping[float, float], across: Scale, down: Scale) -> list[str]:
    """A dot for each short training, joined by a dashed line."""
    parts = []
    ordered = sorted(dots.items())
    if len(ordered) > 1:
        lrs, finals = zip(*ordered, strict=True)
        parts.append(_path(lrs, finals, across, down, "line s1", stroke_dasharray="5 4"))
    for lr, loss in ordered:
        tip = element("title", clean(f"{readable(loss)} after a short training at {lr:.2g}"))
        place = {"cx": across(lr), "cy": down(loss), "r": 3.5}
        parts.append(element("circle", tip, class_="dot f1", **place))
    return parts


def _path(
    rates: Any, values: Any, across: Scale, down: Scale, class_: str = "line s0", **style: Any
) -> str:
    """A line through the values that are finite."""
    pairs = [(a, b) for a, b in zip(rates, values, strict=True) if math.isfinite(b)]
    points = " ".join(f"{across(float(a)):.1f},{down(float(b)):.1f}" for a, b in pairs)
    return element("polyline", points=points, class_=class_, **style)


def _told(rates: Any, mean: Any, interval: tuple[float, float] | None, mark: float | None) -> str:
    """What can be seen, in words."""
    at = int(np.argmin(mean))
    words = f"The loss is {readable(float(mean[0]))} at first and lowest, "
    words += f"{readable(float(mean[at]))}, at a learning rate of {float(rates[at]):.2g}"
    if interval is not None:
        words += f"; good rates are {interval[0]:.2g} to {interval[1]:.2g}"
    return words + (f", {mark:.2g} is suggested." if mark is not None else ".")
