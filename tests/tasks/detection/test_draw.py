"""Boxes drawn onto images; COCO's results."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from retroprop.tasks.detection.draw import COLOURS, drawn, outlined, write
from retroprop.tasks.detection.pictures import Scene
from retroprop.tasks.detection.score import Found

IMAGE = np.zeros((60, 80, 3), np.uint8)
FOUND = Found(np.array([[10.0, 20, 40, 50]]), np.array([0.75]), np.array([1]))
NOTHING = Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


def test_an_outline_has_the_colour_of_its_class():
    made = outlined(IMAGE, FOUND.boxes, FOUND.labels)
    assert tuple(made[20, 25]) == tuple(made[49, 25]) == tuple(made[30, 10]) == COLOURS[1]
    assert not made[30, 25].any()
    assert not IMAGE.any()
    beyond = outlined(IMAGE, np.array([[-10.0, -10, 900, 900]]), np.array([0]))
    assert tuple(beyond[0, 40]) == COLOURS[0]


def test_the_class_stands_beside_the_box():
    picture = np.asarray(drawn(IMAGE, FOUND, ["cat", "dog"]))
    assert (picture[8:20, 10:40] == COLOURS[1]).all(axis=2).any()


def test_results_are_as_coco_writes_them(tmp_path):
    scenes = [Scene(name, lambda: IMAGE, np.zeros((0, 4)), []) for name in ("x/a.jpg", "y/a.jpg")]
    write(tmp_path / "out", scenes, [FOUND, NOTHING], ["cat", "dog"])
    assert json.loads((tmp_path / "out" / "detections.json").read_text()) == [
        {
            "image_id": 1,
            "file_name": "x/a.jpg",
            "category_id": 2,
            "category": "dog",
            "bbox": [10, 20, 30, 30],
            "score": 0.75,
        }
    ]
    names = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert names == ["a-2.png", "a.png"]
    with Image.open(tmp_path / "out" / "a.png") as picture:
        assert picture.size == (80, 60)
