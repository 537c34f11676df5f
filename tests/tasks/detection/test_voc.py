"""VOC's XML."""

from __future__ import annotations

import pytest

from retroprop.errors import DataError
from retroprop.tasks.detection import voc
from retroprop.tasks.detection.store import Store

OBJECT = (
    "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40.5</ymax>"
    "</bndbox></object>"
)


def write(path, name="a", *objects, filename="a.jpg"):
    text = f"<annotation><filename>{filename}</filename>{''.join(objects)}</annotation>"
    (path / "Annotations").mkdir(exist_ok=True)
    (path / "Annotations" / f"{name}.xml").write_text(text)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    for name in ("a", "b", "empty"):
        (tmp_path / "JPEGImages" / f"{name}.jpg").write_bytes(b"")
    write(tmp_path, "a", OBJECT.format("cat"), OBJECT.format("dog"))
    write(tmp_path, "b", OBJECT.format("dog"), filename="another name")
    return tmp_path


def read(path):
    store, notes = Store(path), []
    return voc.read(store, voc.files(store), notes), notes


def test_a_file_is_an_image(folder):
    scenes, notes = read(folder)
    assert [one.name for one in scenes] == [f"JPEGImages/{k}.jpg" for k in ("a", "b", "empty")]
    assert [one.labels for one in scenes] == [["cat", "dog"], ["dog"], []]
    assert scenes[0].boxes.tolist() == [[1, 2, 30, 40.5]] * 2
    assert notes == []


def test_xml_may_lie_beside_the_images(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    write(tmp_path, "a", OBJECT.format("cat"))
    (tmp_path / "Annotations" / "a.xml").rename(tmp_path / "a.xml")
    assert read(tmp_path)[0][0].labels == ["cat"]


def test_parts_are_those_of_the_image_sets(folder):
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "train.txt").write_text("a\n")
    (folder / "ImageSets" / "Main" / "test.txt").write_text("b 1\n")
    assert [one.part for one in read(folder)[0]] == ["train", "test", ""]


def test_an_annotation_without_its_image_is_said(folder):
    write(folder, "gone", OBJECT.format("cat"), filename="gone.jpg")
    assert read(folder)[1] == [
        "annotations without their image, left out: 1 (Annotations/gone.xml)"
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<annotation><object>", "damaged XML"),
        ("<annotation><object><name>a</name></object></annotation>", "has no four corners"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation></annotation>', "entities"),
        (f"<annotation>{OBJECT.format('')}</annotation>", "has no <name>"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(folder, text, what):
    (folder / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(DataError, match=rf"a\.xml.*{what}"):
        read(folder)
