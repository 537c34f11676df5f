"""Scatter plots: pairs in their places, not too many."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from retroprop.errors import ShapeError
from retroprop.train.charts import scatter_chart


def dots(text: str) -> list[tuple[float, float]]:
    root = ET.fromstring(text)
    return [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter("circle")]


def test_pairs_are_in_their_places() -> None:
    a, b, c = dots(scatter_chart([0.0, 1.0, 2.0], [0.0, 2.0, 1.0], title="A"))
    assert a[0] < b[0] < c[0]
    assert b[1] < c[1] < a[1]


def test_exact_predictions_lie_on_the_diagonal() -> None:
    text = scatter_chart([0.0, 10.0, 30.0], [0.0, 10.0, 90.0], title="A", diagonal=True)
    root = ET.fromstring(text)
    mark = next(each for each in root.iter("line") if each.get("class") == "mark")
    x1, y1, x2, y2 = (float(mark.attrib[name]) for name in ("x1", "y1", "x2", "y2"))
    for x, y in dots(text)[:2]:
        assert y == pytest.approx(y1 + (x - x1) / (x2 - x1) * (y2 - y1), abs=0.05)


def test_pairs_that_are_not_finite_are_left_out() -> None:
    text = scatter_chart([0.0, math.nan, 1.0, 2.0], [0.0, 1.0, math.inf, 1.0], title="A")
    assert len(dots(text)) == 2
    assert "nothing to show" in scatter_chart([math.nan], [1.0], title="A")
    assert "nothing to show" in scatter_chart([], [], title="A")


def test_many_pairs_are_thinned() -> None:
    x = np.random.default_rng(0).normal(size=100_000)
    text = scatter_chart(x, x, title="A")
    assert 1000 < len(dots(text)) <= 2000
    assert len(text) < 200_000
    assert "100,000 pairs." in text


def test_few_pairs_tell_their_values() -> None:
    text = scatter_chart([1500.0], [2.0], title="A", x_label="true", y_label="predicted")
    assert "true 1,500, predicted 2" in text


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="3 x and 2 y"):
        scatter_chart([1, 2, 3], [1, 2], title="A")
