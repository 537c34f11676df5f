"""Bars as long as their values, and histograms that count everything."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ShapeError
from retroprop.train.charts import bar_chart, histogram


def bars(values: Any, **options: Any) -> list[ET.Element]:
    labels = [f"name {i}" for i in range(len(values))]
    return list(ET.fromstring(bar_chart(labels, values, title="A", **options)).iter("rect"))


def counts(text: str) -> list[int]:
    tips = [each.findtext("title") or "" for each in ET.fromstring(text).iter("rect")]
    return [int(re.sub(r".*: |,", "", tip)) for tip in tips]


def test_bars_are_as_long_as_values() -> None:
    one, two, four = (float(each.attrib["width"]) for each in bars([1, 2, 4]))
    assert two == pytest.approx(2 * one, abs=0.02)
    assert four == pytest.approx(4 * one, abs=0.02)


def test_negative_bars_go_left() -> None:
    minus, plus = bars([-3, 5])
    zero = float(plus.attrib["x"])
    assert float(minus.attrib["x"]) + float(minus.attrib["width"]) == pytest.approx(zero, abs=0.02)


def test_a_common_end() -> None:
    (half,) = bars([50], high=100)
    (full,) = bars([100], high=100)
    assert float(full.attrib["width"]) > 1.8 * float(half.attrib["width"])


@pytest.mark.parametrize("values", [[], [math.nan], [0.0], [1.0, math.inf, 2.0], [-1.0]])
def test_odd_values(values: list[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    assert len(bars(values)) == len(finite)


def test_labels_fit_values() -> None:
    with pytest.raises(ShapeError, match="2 labels and 1 values"):
        bar_chart(["a", "b"], [1], title="A")


def test_bars_are_told() -> None:
    root = ET.fromstring(bar_chart(["<cat>", "dog"], [3, 1e6], title="A"))
    assert root.findtext("desc") == "<cat> 3, dog 1,000,000"


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=60), st.integers(1, 40))
def test_histograms_count_everything(values: list[float], bins: int) -> None:
    assert sum(counts(histogram(values, title="A", bins=bins))) == len(values)


def test_histograms_count_outliers_in_the_outer_bars() -> None:
    rng = np.random.default_rng(0)
    values = [*rng.normal(size=1000), 1e9, -1e9]
    found = counts(histogram(values, title="A", bins=10))
    assert sum(found) == 1002
    assert sum(count > 50 for count in found) >= 5  # not all in one bar


def test_histograms_of_nothing_and_of_one_value() -> None:
    assert "nothing to show" in histogram([], title="A")
    assert "nothing to show" in histogram([math.nan, math.inf], title="A")
    assert counts(histogram([3.0, 3.0], title="A")) == [2]
    assert counts(histogram([0.0, math.nan], title="A")) == [1]


def test_histograms_are_told_and_marked() -> None:
    text = histogram([-1.0, 0.5, 2.0], title="A", mark=(0.0, "exact"))
    root = ET.fromstring(text)
    assert root.findtext("desc") == "3 values, median 0.5."
    assert "exact" in [each.text for each in root.iter("text")]
