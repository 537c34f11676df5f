"""Health on the report page: what was found, and each layer over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.health.history import History
from retroprop.health.probe import BOUNDED
from retroprop.train.charts.strips import strips
from retroprop.train.charts.svg import clean
from retroprop.train.report.material import ReportData
from retroprop.train.report.page import block, figure, section

__all__ = ["health_section"]

_CAPTIONS = {
    "gradient": "Root mean square of the gradient of each layer's output. It should not change by "
    "orders of magnitude from the first to the last row.",
    "update": "How much a step changes a weight, relative to its size: about 1e-3 is usual, above "
    "1e-1 the learning rate is too high.",
    "saturated": "The share of sigmoid and tanh values near their ends, where they pass hardly any "
    "gradient on.",
    "dead": "The share of ReLU units that are 0 for a whole batch.",
}


def health_section(data: ReportData) -> str:
    """Findings in words, then pictures of the statistics by layer; nothing without a history."""
    history = data.health
    if history is None or not len(history):
        return ""
    words = "".join(f"<pre>{clean(str(finding))}</pre>" for finding in data.findings)
    told = block(words or "<p>Nothing was found that keeps this network from learning.</p>")
    made = (_gradients(history), _updates(history), _saturated(history), _dead(history))
    grid = f'<div class="grid">{"".join(made)}</div>'
    lead = "Statistics of one batch, now and then; rows from the first layer to the last."
    return section("Health", lead, told, grid)


def _gradients(history: History) -> str:
    names, squares = history.series("gradient", "layer")
    return _card(history, "gradient", "Gradient", names, np.sqrt(squares), log=True)


def _updates(history: History) -> str:
    names, changes = history.series("update", "parameter")
    known, weights = history.series("weight", "parameter")
    sizes = weights[:, [known.index(name) for name in names]]
    ratios = np.sqrt(changes / np.maximum(sizes, 1e-30))
    weighty = [i for i, name in enumerate(names) if "bias" not in name]
    chosen = [names[i] for i in weighty]
    return _card(history, "update", "Update to weight", chosen, ratios[:, weighty], log=True)


def _saturated(history: History) -> str:
    parts = [history.series("saturated", kind) for kind in BOUNDED]
    names = [name for part in parts for name in part[0]]
    shares = np.concatenate([part[1] for part in parts], axis=1)
    return _card(history, "saturated", "Saturated", names, shares)


def _dead(history: History) -> str:
    return _card(history, "dead", "Dead units", *history.series("dead", "relu"))


def _card(
    history: History, what: str, title: str, names: list[str], values: Any, *, log: bool = False
) -> str:
    """One statistic as strips; nothing where no layer has it."""
    if not names:
        return ""
    return figure(strips(names, history.events, values, title=title, log=log), _CAPTIONS[what])
