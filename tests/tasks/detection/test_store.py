"""Folders and .zip files are read the same way."""

from __future__ import annotations

import zipfile

import pytest

from retroprop.errors import DataError
from retroprop.tasks.detection.store import Store

FILES = {
    "images/train/a.jpg": b"one",
    "images/val/a.jpg": b"two",
    "labels/val/a.txt": b"\xef\xbb\xbftext",
    ".hidden/c.jpg": b"",
    "__MACOSX/a.jpg": b"",
}


@pytest.fixture(params=["folder", "zip"])
def store(request, tmp_path):
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        return Store(tmp_path / "a.zip")
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return Store(tmp_path)


def test_what_is_in_it(store):
    assert store.names == ["images/train/a.jpg", "images/val/a.jpg", "labels/val/a.txt"]
    assert store.images == ["images/train/a.jpg", "images/val/a.jpg"]
    assert store.reader("images/val/a.jpg")() == b"two"
    assert store.text("labels/val/a.txt") == "text"


def test_of_images_of_one_name_the_nearest_is_meant(store):
    assert store.image("a", "labels/val/a.txt") == "images/val/a.jpg"
    assert store.image("train/a.jpg", "x.json") == "images/train/a.jpg"
    assert store.image("somewhere\\else\\a.jpg", "labels/val/a.txt") == "images/val/a.jpg"
    assert store.image("b.jpg") is None


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"a\.zip: cannot be read"):
        Store(tmp_path / "a.zip")
    with pytest.raises(DataError, match=r"b\.txt: is not a text file"):
        Store(tmp_path).text("b.txt")
    with pytest.raises(DataError, match=r"gone\.txt: cannot be read"):
        Store(tmp_path).read("gone.txt")
