"""The chart of a range test."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

from retroprop.train.charts.rates import rate_chart

RATES = np.geomspace(1e-4, 1, 9)
MEAN = np.array([2.0, 2.0, 1.9, 1.5, 1.0, 0.9, 1.2, 2.0, 3.0])
NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(**options):
    text = rate_chart(RATES, [MEAN, MEAN + 0.1], MEAN, title="A < B", standalone=True, **options)
    return ET.fromstring(text)


def find(root, tag):
    return list(root.iter(NAMESPACE + tag))


def test_lines_shade_dots_and_mark():
    root = drawn(interval=(1e-3, 1e-1), mark=0.01, trials={0.01: 0.5, 0.1: 0.7, 1.0: np.inf})
    assert len(find(root, "polyline")) == 4  # two seeds, their mean, the short trainings
    assert len(find(root, "circle")) == 2
    (shade,) = [each for each in find(root, "rect") if each.get("class") == "f0"]
    points = find(root, "polyline")[2].get("points").split()
    at = [float(point.split(",")[0]) for point in points]
    left = float(shade.get("x"))
    assert at[2] - 0.1 <= left <= at[2] + 0.1  # 1e-3 is the third rate
    assert abs(left + float(shade.get("width")) - at[6]) < 0.2
    assert "good rates are 0.001 to 0.1, 0.01 is suggested" in root.get("aria-label")


def test_equal_ratios_take_equal_room():
    points = find(drawn(), "polyline")[-1].get("points").split()
    steps = np.diff([float(point.split(",")[0]) for point in points])
    assert np.ptp(steps) < 0.25


def test_labels_are_powers_of_ten():
    labels = [each.text for each in find(drawn(), "text")]
    assert {"0.0001", "0.01", "1", "learning rate", "A < B"} <= set(labels)


def test_nothing_to_show():
    assert "nothing to show" in rate_chart([], [[]], [], title="A")
