"""How far predicted numbers are from the true ones, and for which examples most."""

from __future__ import annotations

import numpy as np

from retroprop.train.charts.axes import readable
from retroprop.train.charts.bars import histogram
from retroprop.train.charts.scatter import scatter_chart
from retroprop.train.charts.svg import clean
from retroprop.train.report.examples import example_rows, example_shots
from retroprop.train.report.material import ReportData
from retroprop.train.report.page import figure, section

__all__ = ["value_sections"]

_MOST_SHOTS = 18
_MOST_ROWS = 15


def value_sections(data: ReportData) -> str:
    """Predictions against the truth, the spread of the errors, and the worst examples.

    Example:
        >>> data = ReportData(title="a", task="regression", y_true=[0.0, 1.0], y_pred=[0.0, 1.5])
        >>> value_sections(data.checked()).count("<section>")
        2
    """
    if not data.examples or data.y_pred is None:
        return ""
    what = data.target or "value"
    unit = f" ({data.unit})" if data.unit else ""
    fit = scatter_chart(
        data.y_true,
        data.y_pred,
        title="Predicted against true",
        x_label=f"true {what}{unit}",
        y_label=f"predicted {what}{unit}",
        diagonal=True,
        height=380,
    )
    errors = data.y_pred - data.y_true
    spread = histogram(
        errors.tolist(),
        title="Errors",
        x_label=f"predicted − true{unit}",
        y_label=data.noun,
        mark=(0.0, "exact"),
        height=380,
    )
    cards = figure(fit, "Each dot is one example; on the dashed line it would be exact.")
    cards += figure(spread, _bias(errors, data.unit))
    lead = "Where predictions lie close to the truth, and whether they lean to one side."
    near = section("How close the predictions are", lead, f'<div class="grid">{cards}</div>')
    return near + _worst(data)


def _bias(errors: np.ndarray, unit: str) -> str:
    """What the errors have in common, in words."""
    finite = errors[np.isfinite(errors)]
    if finite.size < 2:
        return ""
    mean, spread = float(finite.mean()), float(finite.std())
    size = f"{readable(abs(mean))}{f' {unit}' if unit else ''}"
    # Twice the standard error: beyond it, a lean is hardly chance.
    if abs(mean) > 2 * spread / np.sqrt(finite.size) and abs(mean) > 0.05 * spread:
        side = "high" if mean > 0 else "low"
        return f"Predictions are too {side} by {size} on average."
    return "Predictions lean neither high nor low."


def _worst(data: ReportData) -> str:
    errors = np.abs(data.y_pred - data.y_true)
    order = np.argsort(-np.nan_to_num(errors, nan=np.inf), kind="stable")
    pictures = data.images is not None
    which = order[: _MOST_SHOTS if pictures else _MOST_ROWS].tolist()
    lead = "The examples whose predictions are furthest off: look for what they have in common."
    if pictures:
        captions = [
            f'<span class="bad">{clean(readable(float(data.y_pred[i])))}</span>'
            f"<small>is {clean(readable(float(data.y_true[i])))}</small>"
            for i in which
        ]
        return section("Worst predictions", lead, example_shots(data, which, captions))
    cells = [
        [
            clean(readable(float(data.y_true[i]))),
            clean(readable(float(data.y_pred[i]))),
            f'<span class="bad">{clean(_signed(float(data.y_pred[i] - data.y_true[i])))}</span>',
        ]
        for i in which
    ]
    heads = ["true", "predicted", "error"]
    shown = example_rows(data, which, heads, cells, right=[0, 1, 2])
    return section("Worst predictions", lead, shown)


def _signed(value: float) -> str:
    return f"+{readable(value)}" if value > 0 else readable(value).replace("-", "−", 1)
