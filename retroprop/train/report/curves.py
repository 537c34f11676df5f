"""How a model learned: its history as charts, and what they say in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from retroprop.train.charts.axes import readable
from retroprop.train.charts.lines import Series, line_chart
from retroprop.train.charts.plot import text
from retroprop.train.charts.svg import clean, document, element
from retroprop.train.report.headline import label
from retroprop.train.report.page import block, figure, table

__all__ = ["curve_figures", "curve_names", "learning_curves", "verdict"]

History = Sequence[Mapping[str, Any]]

_OTHER = {"epoch", "step", "steps", "lr", "seconds", "time", "examples", "waited"}
_WIDTH, _HEIGHT, _GAP = 460.0, 280.0, 36.0
_LOG_RATIO = 30.0  # from which ratio of largest to smallest loss a logarithmic axis reads better


def learning_curves(history: History, *, title: str = "Learning curves") -> str:
    """Loss, metrics and learning rate over the epochs, as one SVG file.

    Args:
        history: one record per epoch, as `Trainer.history`.

    Example:
        >>> learning_curves([{"epoch": 1, "loss": 0.5, "val_loss": 0.6}])[:4]
        '<svg'
    """
    charts = _charts(history)
    across = 1 if len(charts) < 2 else 2
    down = max(-(-len(charts) // across), 1)
    width = across * _WIDTH + (across - 1) * _GAP + 40
    height = down * (_HEIGHT + _GAP) + 40
    parts = [text(title, 20, 28, class_="title")]
    for index, chart in enumerate(charts):
        row, column = divmod(index, across)
        x, y = 20 + column * (_WIDTH + _GAP), 50 + row * (_HEIGHT + _GAP)
        size = {"x": x, "y": y, "width": _WIDTH, "height": _HEIGHT}
        parts.append(element("svg", chart, **size))
    if not charts:
        parts.append(text("no epoch is done yet", width / 2, height / 2, text_anchor="middle"))
    words = verdict(history)
    return document(width, height, "".join(parts), title=title, description=words, standalone=True)


def curve_figures(history: History) -> list[str]:
    """The charts as cards of a page; the first says in words what it shows."""
    words = verdict(history)
    cards = [figure(chart, "" if index else words) for index, chart in enumerate(_charts(history))]
    if len(cards) % 2 and len(history) > 1:  # cards come in twos
        cards.append(block(_turning_points(history), "In numbers"))
    return cards


def curve_names(history: History) -> list[str]:
    """The numbers of a history that have a curve, the loss first; "val_" ones belong to others.

    Example:
        >>> curve_names([{"epoch": 1, "accuracy": 0.5, "loss": 0.7, "val_loss": 0.8, "lr": 0.1}])
        ['loss', 'accuracy']
    """
    names: dict[str, None] = {}
    for record in history:
        for name, value in record.items():
            plain = name.removeprefix("val_")
            if plain not in _OTHER and math.isfinite(_float(value)):
                names[plain] = None
    return sorted(names, key=lambda name: name != "loss")


def verdict(history: History) -> str:
    """What the loss says about the training, in one or two sentences.

    Example:
        >>> verdict([{"epoch": e, "loss": 1 / e, "val_loss": abs(e - 3) + 1} for e in range(1, 8)])
        'Validation loss was lowest at epoch 3 (1) and rose to 5 by epoch 7: from there on the
         model learned its training examples by heart rather than the rule behind them.'
    """
    name = "val_loss" if any("val_loss" in record for record in history) else "loss"
    losses = [(e, v) for e, v in _points(history, name) if math.isfinite(v)]
    if len(losses) < 3:
        return ""
    what = "Validation loss" if name == "val_loss" else "Training loss"
    best, low = min(losses, key=lambda point: point[1])
    last, end = losses[-1]
    spread = max(v for _, v in losses) - low
    if last - best >= 2 and end - low > 0.05 * max(abs(low), spread):
        why = (
            "from there on the model learned its training examples by heart rather than the rule "
            "behind them."
            if name == "val_loss"
            else "the learning rate may be too high."
        )
        return (
            f"{what} was lowest at epoch {best:g} ({readable(low)}) and rose to {readable(end)} "
            f"by epoch {last:g}: {why}"
        )
    before = losses[-max(len(losses) // 5, 2)][1]
    if best == last and before - end > 0.02 * max(abs(end), spread):
        return f"{what} was still falling at the end: more epochs may give a better model."
    if best == last:
        return f"{what} settled at {readable(end)}."
    return f"{what} settled: {readable(low)} at best (epoch {best:g}), {readable(end)} at the end."


def _turning_points(history: History) -> str:
    """A table of the first, best and last epoch."""
    columns = [key for name in curve_names(history)[:2] for key in (name, f"val_{name}")]
    values = {key: dict(_points(history, key)) for key in columns}
    columns = [key for key in columns if any(map(math.isfinite, values[key].values()))]
    epochs = [epoch for epoch, _ in _points(history, "epoch")]
    watched = values["val_loss" if "val_loss" in columns else columns[0]]
    best = min(epochs, key=lambda epoch: (math.isnan(watched[epoch]), watched[epoch]))
    names: dict[float, list[str]] = {}
    for epoch, what in ((epochs[0], "first"), (best, "best"), (epochs[-1], "last")):
        names.setdefault(epoch, []).append(what)
    shown = [(epoch, ", ".join(names[epoch])) for epoch in sorted(names)]
    rows = [["epoch", *(f"{epoch:g}" for epoch, _ in shown)]]
    for key in columns:
        numbers = [clean(readable(values[key][epoch])) for epoch, _ in shown]
        rows.append([clean(label(key)), *numbers])
    heads = ["", *(what for _, what in shown)]
    return table(heads, rows, right=range(1, len(heads)))


def _charts(history: History) -> list[str]:
    charts = [_chart(history, name) for name in curve_names(history)[:6]]
    rates = _points(history, "lr")
    values = {v for _, v in rates if math.isfinite(v)}
    if len(values) > 1:
        x, y = [e for e, _ in rates], [v for _, v in rates]
        # By the median: a schedule that ends near zero should still look like itself.
        log = min(values) > 0 and max(values) / sorted(values)[len(values) // 2] > _LOG_RATIO
        line = [Series("learning rate", x, y)]
        charts.append(
            line_chart(
                line,
                title="Learning rate",
                x_label="epoch",
                log_y=log,
                width=_WIDTH,
                height=_HEIGHT,
            )
        )
    return charts


def _chart(history: History, name: str) -> str:
    series = []
    for key, part in ((name, "training"), (f"val_{name}", "validation")):
        points = _points(history, key)
        if any(math.isfinite(v) for _, v in points):
            series.append(Series(part, [e for e, _ in points], [v for _, v in points]))
    values = [v for each in series for v in each.y if math.isfinite(v)]
    log = name == "loss" and min(values) > 0 and max(values) / min(values) > _LOG_RATIO
    mark = None
    watched = [(v, e) for e, v in _points(history, "val_loss") if math.isfinite(v)]
    if name == "loss" and len(watched) > 2:
        epoch = min(watched)[1]
        mark = (epoch, f"lowest: epoch {epoch:g}")
    title = label(name)
    title = title[:1].upper() + title[1:]
    if len(series) == 1:
        title += f" ({series[0].label})"
    return line_chart(
        series,
        title=title + (", logarithmic" if log else ""),
        x_label="epoch",
        log_y=log,
        mark=mark,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _points(history: History, name: str) -> list[tuple[float, float]]:
    """Epoch and value of each record; NaN where the value is missing."""
    return [
        (float(record.get("epoch", index)), _float(record.get(name)))
        for index, record in enumerate(history, start=1)
    ]


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
