"""Where a classifier is right and where it is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.metrics import class_scores, confusion_matrix
from retroprop.train.charts.bars import bar_chart
from retroprop.train.charts.heat import heat_map
from retroprop.train.charts.svg import clean, clipped
from retroprop.train.report.examples import example_rows, example_shots
from retroprop.train.report.headline import percent
from retroprop.train.report.material import ReportData
from retroprop.train.report.page import block, figure, section, table

__all__ = ["class_sections"]

_MOST_CELLS = 30  # classes of a confusion matrix that still reads
_MOST_ROWS = 40  # classes in the table
_MOST_BARS = 12
_MOST_PAIRS = 8
_MOST_SHOTS = 24
_MOST_MISTAKES = 15


def class_sections(data: ReportData) -> str:
    """Confusion matrix, scores of each class, and the worst mistakes, as sections of the page.

    Example:
        >>> data = ReportData(title="a", task="classification", y_true=[0, 1], y_pred=[0, 0])
        >>> class_sections(data.checked()).count("<section>")
        3
    """
    if not data.examples or data.y_pred is None:
        return ""
    names = list(data.class_names or [])
    matrix = confusion_matrix(data.y_pred, data.y_true, classes=len(names))
    return _confusion(matrix, names) + _classes(matrix, names, data) + _mistakes(data, names)


def _confusion(matrix: Any, names: list[str]) -> str:
    blocks = []
    if len(names) <= _MOST_CELLS:
        total = max(int(matrix.sum()), 1)
        chart = heat_map(
            matrix,
            names,
            names,
            title="Confusion matrix",
            x_label="predicted",
            y_label="true",
            width=480,
            description=f"{percent(np.trace(matrix) / total)} of the examples are on the diagonal.",
        )
        words = "A row is a true class; its cells count what it was taken for. Blue is right."
        blocks.append(figure(chart, words, wide=True))
    blocks.append(block(_pairs(matrix, names), "Taken for each other most often"))
    lead = "Which classes the model confuses: mistakes are rarely spread evenly."
    return section("What is taken for what", lead, _grid(blocks))


def _pairs(matrix: Any, names: list[str]) -> str:
    """The largest counts off the diagonal."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    totals = matrix.sum(axis=1)
    rows = []
    for i, j in zip(*np.unravel_index(order, matrix.shape), strict=True):
        if wrong[i, j]:
            share = percent(wrong[i, j] / totals[i])
            count = f"{int(wrong[i, j]):,}"
            rows.append([_name(names[i]), _name(names[j]), count, share])
    if not rows:
        return '<p class="under">There are no mistakes.</p>'
    return table(["true class", "taken for", "times", "of that class"], rows, right=[2, 3])


def _classes(matrix: Any, names: list[str], data: ReportData) -> str:
    scores = class_scores(matrix)
    order = range(len(names))
    worst = sorted(order, key=lambda k: (np.isnan(scores.f1[k]), scores.f1[k]))
    shown = list(order) if len(names) <= _MOST_ROWS else worst[:_MOST_ROWS]
    rows = [
        [
            _name(names[k]),
            f"{int(scores.support[k]):,}",
            *(_meter(values[k]) for values in (scores.precision, scores.recall, scores.f1)),
        ]
        for k in shown
    ]
    right = range(1, 5)
    heads = ["class", data.noun, "precision", "recall", "F1"]
    blocks = [block(table(heads, rows, right=right))]
    bars = [k for k in worst if scores.support[k] > 0][:_MOST_BARS]
    if len(names) > 2 and bars:
        title = "Recall in percent"
        if len(bars) < len(names):
            title += f", {len(bars)} weakest classes"
        bars.sort(key=lambda k: scores.recall[k])
        values = [round(100 * float(scores.recall[k]), 1) for k in bars]
        chart = bar_chart([names[k] for k in bars], values, title=title, high=100.0)
        blocks.append(figure(chart))
    lead = (
        "Precision: of what the model calls a class, how much is. Recall: of what is a class, how "
        "much the model finds. F1 joins the two: it is high only when both are."
    )
    if len(shown) < len(names):
        lead += f" The {len(shown)} weakest of {len(names)} classes are shown."
    return section("How well each class is recognised", lead, _grid(blocks))


def _mistakes(data: ReportData, names: list[str]) -> str:
    wrong = np.flatnonzero(data.y_true != data.y_pred)
    lead = "The mistakes the model was surest of: often hard cases, sometimes wrong labels."
    sure = None
    if data.probabilities is not None:
        sure = data.probabilities[np.arange(data.examples), data.y_pred]
        wrong = wrong[np.argsort(-np.nan_to_num(sure[wrong], nan=-1.0), kind="stable")]
    else:
        lead = "The first of the mistakes."
    if not wrong.size:
        words = f"The model is right about all {data.examples:,} {data.noun}."
        return section("Worst mistakes", "", block(f'<p class="under">{clean(words)}</p>'))
    pictures = data.images is not None
    which = wrong[: _MOST_SHOTS if pictures else _MOST_MISTAKES].tolist()
    certainty = {i: "" if sure is None else percent(float(sure[i])) for i in which}
    true, taken = ({i: names[k[i]] for i in which} for k in (data.y_true, data.y_pred))
    if pictures:
        captions = [
            f'<span class="bad">{clean(clipped(taken[i], 30))}</span> {certainty[i]}'
            f"<small>is {clean(clipped(true[i], 30))}</small>"
            for i in which
        ]
        shown = example_shots(data, which, captions)
    else:
        heads = ["true", "predicted"] + ([] if sure is None else ["sure"])
        cells = [
            [_name(true[i]), f'<span class="bad">{_name(taken[i])}</span>']
            + ([] if sure is None else [certainty[i]])
            for i in which
        ]
        shown = example_rows(data, which, heads, cells, right=[] if sure is None else [2])
    return section("Worst mistakes", lead, shown)


def _grid(blocks: list[str]) -> str:
    return f'<div class="grid">{"".join(blocks)}</div>'


def _name(name: str) -> str:
    return clean(clipped(name, 40))


def _meter(value: float) -> str:
    """A cell with a share, and a bar of its length behind it."""
    if np.isnan(value):
        return '<td class="r">–</td>'
    return f'<td class="r meter"><i style="width:{100 * value:.1f}%"></i>{value:.3f}</td>'
