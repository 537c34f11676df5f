"""Tables of boxes: columns, parts, and what is wrong with a row."""

from __future__ import annotations

import pytest

from retroprop.errors import DataError
from retroprop.tasks.detection.store import Store
from retroprop.tasks.detection.tables import columns_of, part_of, scenes_of_rows


def row(**changes):
    plain = {"image": "a.png", "label": "x", "xmin": "1", "ymin": "2", "xmax": "3", "ymax": "4"}
    return {**plain, **changes}


def scenes(*rows, store=None):
    notes = []
    made = scenes_of_rows([("b.csv", k, one) for k, one in enumerate(rows, start=2)], notes, store)
    return made, notes


def test_rows_of_an_image_are_one_scene():
    (first, second), _ = scenes(row(), row(image="b.png"), row(label=" y ", xmax="9"))
    assert (first.name, first.labels) == ("a.png", ["x", "y"])
    assert first.boxes.tolist() == [[1, 2, 3, 4], [1, 2, 9, 4]]
    assert second.labels == ["x"]


def test_columns_may_have_other_names():
    assert columns_of(["filename", "Class", "x1", "Y_min", "right", "ymax"])["label"] == "Class"
    assert columns_of(["image", "label", "xmin", "ymin", "xmax"]) == {}


def test_parts():
    (first, second), _ = scenes(row(split="Valid"), row(image="b.png", split="test"))
    assert (first.part, second.part) == ("validation", "test")
    assert part_of("data/train/a.png") == "train"
    assert part_of("instances_val2017.json", stem=True) == "validation"
    with pytest.raises(DataError, match="b.csv, row 2, column \"split\": 'next' is no part"):
        scenes(row(split="next"))
    with pytest.raises(DataError, match="row 3.*stands in two parts"):
        scenes(row(split="train"), row(split="test"))


def test_an_empty_label_is_an_image_without_boxes():
    (only,), _ = scenes(row(label="", xmin="", ymin="", xmax="", ymax=""))
    assert only.boxes.shape == (0, 4)


def test_what_is_no_number_is_named():
    with pytest.raises(DataError, match="b.csv, row 3, column \"xmax\": 'wide' is no number"):
        scenes(row(), row(xmax="wide"))
    with pytest.raises(DataError, match="the columns are image, label"):
        scenes({"image": "a", "label": "b"})


def test_rows_without_their_image_are_said(tmp_path):
    for name in ("a.png", "empty.png"):
        (tmp_path / name).write_bytes(b"")
    made, notes = scenes(row(), row(image="gone.png"), store=Store(tmp_path))
    assert [one.name for one in made] == ["a.png", "empty.png"]
    assert notes == [
        "annotations without their image, left out: 1 (gone.png)",
        "images without a row in the table, taken as empty: 1",
    ]
    made, notes = scenes(row(split="train"), store=Store(tmp_path))
    assert [one.name for one in made] == ["a.png"]
    assert notes == ["images of no part (without a row in the table), left out: 1"]
