"""YOLO's text files."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import DataError
from retroprop.tasks.detection import yolo
from retroprop.tasks.detection.store import Store
from tests.tasks.detection.made import encoded


@pytest.fixture
def folder(tmp_path):
    for part in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / kind / part).mkdir(parents=True)
        image = encoded(np.zeros((40, 80, 3), np.uint8))
        (tmp_path / "images" / part / "a.png").write_bytes(image)
    (tmp_path / "labels" / "train" / "a.txt").write_text(
        "1 0.5 0.5 0.25 0.5\n\n0 0.1 0.1 0.2 0.2\n"
    )
    (tmp_path / "data.yaml").write_text("names: [cat, dog]\n")
    return tmp_path


def read(path):
    store, notes = Store(path), []
    return yolo.read(store, yolo.files(store), notes), notes


def test_shares_become_pixels(folder):
    (train, val), _ = read(folder)
    assert train.labels == ["dog", "cat"]
    assert train.boxes == pytest.approx(np.array([[30, 10, 50, 30], [0, 0, 16, 8]]))
    assert (train.part, val.part, val.labels) == ("train", "validation", [])


def test_names_of_classes(folder):
    (folder / "data.yaml").write_text("names:\n  0: bird\n  1: fish\n")
    assert read(folder)[0][0].labels == ["fish", "bird"]
    (folder / "data.yaml").unlink()
    assert read(folder)[0][0].labels == ["class 1", "class 0"]
    (folder / "classes.txt").write_text("one\ntwo\n")
    assert read(folder)[0][0].labels == ["two", "one"]


def test_what_is_wrong_is_named(folder):
    (folder / "labels" / "val" / "gone.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert read(folder)[1] == ["annotations without their image, left out: 1 (labels/val/gone.txt)"]
    file = folder / "labels" / "train" / "a.txt"
    file.write_text("0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1\n")
    with pytest.raises(DataError, match=r"a\.txt, row 2.*is not: class x y width height"):
        read(folder)
    file.write_text("7 0.5 0.5 0.1 0.1\n")
    with pytest.raises(DataError, match="class 7 has no name: there are 2"):
        read(folder)


def test_other_text_is_no_annotation(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "a.txt").write_text("a caption of the image\n")
    assert yolo.files(Store(tmp_path)) == []
