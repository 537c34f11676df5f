"""Which sources are images with boxes; which layout they have."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.detection import layouts
from tests.tasks.detection.made import encoded, folder, rows, squares, zipped


def test_a_folder_a_zip_and_a_table_are_the_same(tmp_path):
    _, marks = folder(tmp_path / "a", 3)
    zipped(tmp_path / "a.zip", 3)
    for source in (tmp_path / "a", tmp_path / "a.zip", tmp_path / "a" / "boxes.csv"):
        assert layouts.found(source).startswith("it is a")
        scenes, notes = layouts.scenes(source)
        assert notes == []
        assert [one.labels for one in scenes] == [[label for label, _ in each] for each in marks]
        assert [len(one.read()) > 50 for one in scenes] == [True] * 3


def test_a_table_may_lie_among_the_images(tmp_path):
    images, marks = squares(2)
    for k, image in enumerate(images):
        (tmp_path / f"{k}.png").write_bytes(encoded(image))
    (tmp_path / "boxes.csv").write_text(rows(marks))
    assert layouts.found(tmp_path) == "it is a folder of images with a table of boxes"
    assert len(layouts.scenes(tmp_path)[0]) == 2


def test_other_layouts_are_recognised(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(np.zeros((20, 20, 3), np.uint8)))
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert layouts.found(tmp_path).endswith("YOLO's text files")
    (tmp_path / "a.xml").write_text("<annotation></annotation>")
    assert layouts.found(tmp_path).endswith("VOC's XML")
    text = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}
    (tmp_path / "a.json").write_text(json.dumps(text))
    assert layouts.found(tmp_path).endswith("COCO's JSON")
    assert layouts.found(tmp_path / "a.json").endswith("COCO's JSON")


def test_what_belongs_to_other_tasks_is_left_to_them(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "classes" / label).mkdir(parents=True)
        (tmp_path / "classes" / label / "a.png").write_bytes(b"")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("0 1 2 3 4\n")
    paths = [tmp_path / name for name in ("classes", "table.csv", "texts", "gone.zip")]
    others = [*paths, {"a": [1]}, [1, 2], np.zeros((3, 3)), None]
    assert [layouts.found(source) for source in others] == [""] * len(others)


def test_python_gives_lists_and_columns(tmp_path):
    image = np.zeros((9, 9, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encoded(image))
    items = [
        {"image": image, "boxes": [[1, 1, 5, 5]], "labels": ["x"], "split": "test"},
        {"image": tmp_path / "a.png", "boxes": [], "labels": []},
    ]
    assert layouts.found(items) == "it is a list of images with boxes"
    first, second = layouts.scenes(items)[0]
    assert (first.part, first.labels, second.name) == ("test", ["x"], "a.png")
    columns = {"image": [str(tmp_path / "a.png")], "label": ["x"], "xmin": [1], "ymin": [1],
               "xmax": [5], "ymax": [6]}  # fmt: skip
    (only,), _ = layouts.scenes(columns)
    assert only.boxes.tolist() == [[1, 1, 5, 6]]
    with pytest.raises(DataError, match="entry 0 has 1 boxes and 2 labels"):
        layouts.scenes([{"image": image, "boxes": [[1, 1, 5, 5]], "labels": ["x", "y"]}])
    with pytest.raises(DataError, match="entry 0 must be a dict"):
        layouts.scenes([image])


def test_a_frame_is_a_table(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        [["a.png", "x", 1, 2, 3, 4]], columns=["image", "label", "xmin", "ymin", "xmax", "ymax"]
    )
    assert layouts.found(frame) == "it is a table of boxes in images"
    assert layouts.scenes(frame)[0][0].boxes.tolist() == [[1, 2, 3, 4]]


def test_what_holds_no_boxes_is_refused(tmp_path):
    with pytest.raises(DataError, match="there are no images in it"):
        layouts.scenes(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="there are no boxes in it"):
        layouts.scenes(tmp_path)
    (tmp_path / "boxes.csv").write_text("image,label,left\n")
    columns = "the columns image, label, xmin, ymin, xmax, ymax; boxes.csv has image, label, left"
    with pytest.raises(DataError, match=columns):
        layouts.scenes(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        layouts.scenes(tmp_path / "gone")
    with pytest.raises(DataError, match="int is no source"):
        layouts.scenes(5)


def test_images_alone(tmp_path):
    folder(tmp_path / "a", 3)
    assert layouts.images_only(tmp_path / "a")[0].name == "images/0.png"
    assert len(layouts.images_only(str(tmp_path / "a" / "images" / "1.png"))) == 1
    image = np.zeros((5, 6, 3), np.uint8)
    assert layouts.images_only(image)[0].read().shape == (5, 6, 3)
    assert len(layouts.images_only(np.stack([image, image]))) == 2
    named = [one.name for one in layouts.images_only([image, {"image": image}])]
    assert named == ["image 0", "image 1"]
    with pytest.raises(ArgumentError, match="reads no text"):
        layouts.images_only(io.StringIO("text"))
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="there are no images in it"):
        layouts.images_only(tmp_path / "none")
