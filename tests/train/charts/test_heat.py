"""Heat maps: the right cells shaded, numbers where they fit."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from retroprop.errors import ShapeError
from retroprop.train.charts import heat_map


def drawn(matrix: Any, **options: Any) -> ET.Element:
    size = np.asarray(matrix).shape
    rows, columns = ([f"class {i}" for i in range(count)] for count in size)
    return ET.fromstring(heat_map(matrix, rows, columns, title="Confusion", **options))


def test_cells_tell_what_they_are() -> None:
    cells = list(drawn([[8, 2], [0, 5]]).iter("rect"))
    assert [cell.findtext("title") for cell in cells] == [
        "class 0 → class 0: 8 (80.0 %)",
        "class 0 → class 1: 2 (20.0 %)",
        "class 1 → class 0: 0 (0.0 %)",
        "class 1 → class 1: 5 (100.0 %)",
    ]
    assert [cell.get("class") for cell in cells] == ["f0", "f1", "f1", "f0"]
    strengths = [float(cell.attrib["fill-opacity"]) for cell in cells]
    assert strengths[3] == 1.0
    assert strengths[2] == 0.0
    assert strengths[0] > strengths[1] > 0.1


def test_numbers_stand_in_cells_that_have_room() -> None:
    def numbers(size: int) -> int:
        root = drawn(np.full((size, size), 7))
        return sum(each.get("class") in {"on", "off"} for each in root.iter("text"))

    assert numbers(10) == 100
    assert numbers(60) == 0


def test_everything_is_inside_the_picture() -> None:
    for size in (1, 2, 10, 60, 150):
        root = drawn(np.eye(size), x_label="predicted", y_label="true")
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        for cell in root.iter("rect"):
            assert float(cell.attrib["x"]) + float(cell.attrib["width"]) <= width
            assert float(cell.attrib["y"]) + float(cell.attrib["height"]) <= height
        for each in root.iter("text"):
            assert 0 <= float(each.attrib["x"]) <= width
            assert 0 <= float(each.attrib["y"]) <= height


def test_many_labels_are_thinned() -> None:
    names = {f"class {i}" for i in range(150)}
    shown = [each.text for each in drawn(np.eye(150)).iter("text") if each.text in names]
    assert 20 < len(shown) < 120


def test_empty_rows_and_tables() -> None:
    assert len(list(drawn([[0, 0], [0, 3]]).iter("rect"))) == 4
    assert "nothing to show" in heat_map(np.zeros((0, 0)), [], [], title="A")


def test_labels_fit_the_matrix() -> None:
    with pytest.raises(ShapeError, match=r"matrix \(2, 2\) with 1 row labels"):
        heat_map(np.eye(2), ["a"], ["a", "b"], title="A")


def test_hostile_names_are_text() -> None:
    names = ["</svg><script>alert(1)</script>", '" onload="x']
    root = ET.fromstring(heat_map(np.eye(2), names, names, title="A"))
    assert {each.tag for each in root.iter()} <= {"svg", "title", "text", "rect"}
