"""Strips: one row a layer, darker where the number is larger."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from retroprop.errors import ShapeError
from retroprop.train.charts.strips import strips


def shades(svg: str) -> list[float]:
    return [float(value) for value in re.findall(r'fill-opacity="([\d.]+)"', svg)]


def test_larger_is_darker_and_ratios_are_equal_steps() -> None:
    svg = strips(["a", "b", "c"], [10], [[0.01, 0.1, 1.0]], title="Gradient", log=True)
    low, middle, high = shades(svg)
    assert (low, middle, high) == pytest.approx((0.06, 0.53, 1.0))
    assert "a, step 10: 0.01" in svg
    ET.fromstring(svg)


def test_what_is_no_number_is_left_blank() -> None:
    assert len(shades(strips(["a"], [1, 2], [[np.nan], [1.0]], title="x"))) == 1
    assert len(shades(strips(["a", "b"], [1], [[0.0, 1.0]], title="x", log=True))) == 2
    assert "nothing to show" in strips([], [], np.zeros((0, 0)), title="x")


def test_many_rows_and_steps_are_thinned() -> None:
    svg = strips([f"row {i}" for i in range(100)], range(500), np.ones((500, 100)), title="x")
    assert len(shades(svg)) == 40 * 120
    assert ">row 0<" in svg
    assert ">row 99<" in svg


def test_shapes_have_to_fit() -> None:
    with pytest.raises(ShapeError, match=r"values \(1, 2\), 1 steps and 1 rows"):
        strips(["a"], [1], [[1.0, 2.0]], title="x")
