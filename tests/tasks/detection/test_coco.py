"""COCO's JSON."""

from __future__ import annotations

import json

import pytest

from retroprop.errors import DataError
from retroprop.tasks.detection import coco
from retroprop.tasks.detection.store import Store


def content(**changes):
    return {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 9, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 9, "bbox": [10, 20, 30, 5]},
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1], "iscrowd": 1},
        ],
        **changes,
    }


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / "val2017" / name).write_bytes(b"")
    return tmp_path


def read(path, **changes):
    text = json.dumps(content(**changes))
    (path / "annotations" / "instances_val2017.json").write_text(text)
    store, notes = Store(path), []
    return coco.read(store, coco.files(store), notes), notes


def test_boxes_are_corner_and_size(folder):
    (first, second), notes = read(folder)
    assert first.boxes.tolist() == [[10, 20, 40, 25]]
    assert (first.labels, first.part) == (["dog"], "validation")
    assert second.boxes.shape == (0, 4)
    assert notes == ["boxes around crowds (iscrowd), left out: 1"]


def test_what_belongs_to_no_image_is_said(folder):
    extra = {"id": 5, "image_id": 99, "category_id": 3, "bbox": [0, 0, 1, 1]}
    images = [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "gone.jpg"}]
    scenes, notes = read(folder, images=images, annotations=[extra])
    assert [one.name for one in scenes] == ["val2017/a.jpg"]
    assert notes[0].startswith("annotations without their image, left out: 2 (annotation 5")


@pytest.mark.parametrize("lacking", ["images", "categories", "annotations"])
def test_what_is_lacking_is_named(folder, lacking):
    with pytest.raises(DataError, match=r"instances_val2017\.json: is not COCO's JSON"):
        read(folder, **{lacking: [{}]})


def test_an_image_in_two_files_is_refused(folder):
    (folder / "annotations" / "instances_train2017.json").write_text(json.dumps(content()))
    with pytest.raises(DataError, match="is in two of the JSON files"):
        read(folder)


def test_damaged_json_is_named(folder):
    path = folder / "annotations" / "a.json"
    path.write_text('{"images": [{"file_name": ')
    store = Store(folder)
    with pytest.raises(DataError, match=r"a\.json: damaged"):
        coco.read(store, coco.files(store), [])
