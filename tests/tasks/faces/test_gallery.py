"""Enrolled people in the folder of a run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retroprop.errors import ArgumentError, CheckpointError
from retroprop.tasks.faces.gallery import Gallery


@pytest.fixture
def run(tmp_path):
    """A folder with a network in it, of which only the bytes count here."""
    (tmp_path / "weights.safetensors").write_bytes(b"one network")
    return tmp_path


def filled(run):
    gallery = Gallery(run)
    gallery.add(["Ada", "Ada", "Bo"], ["1.jpg", "2.jpg", "3.jpg"], np.eye(3, dtype=np.float32))
    return gallery


def test_who_is_enrolled_is_found_again(run):
    filled(run)
    found = Gallery(run).nearest(np.array([[0.0, 0.8, 0.6], [0.1, 0.2, 0.9]]))
    assert found.people == ["Ada", "Bo"]
    assert found.photos == ["2.jpg", "3.jpg"]
    assert found.similarity == pytest.approx([0.8, 0.9])


def test_below_the_threshold_nobody_is_named(run):
    found = filled(run).named(np.array([[0.0, 0.8, 0.6]]), 0.81)
    assert (found["person"], found["nearest"]) == (["unknown"], ["Ada"])
    assert filled_person(run, 0.79) == ["Ada"]


def filled_person(run, threshold):
    return Gallery(run).named(np.array([[0.0, 0.8, 0.6]]), threshold)["person"]


def test_adding_twice_is_refused_and_changes_nothing(run):
    gallery = filled(run)
    before = sorted((path.name, path.read_bytes()) for path in gallery.folder.iterdir())
    with pytest.raises(ArgumentError, match="already enrolled: Bo"):
        gallery.add(["Cy", "Bo"], ["4.jpg", "5.jpg"], np.eye(3, dtype=np.float32)[:2])
    assert before == sorted((path.name, path.read_bytes()) for path in gallery.folder.iterdir())
    assert len(Gallery(run)) == 3


def test_force_replaces_the_photos_of_a_person(run):
    gallery = filled(run)
    gallery.add(["Ada"], ["9.jpg"], np.ones((1, 3), np.float32), force=True)
    again = Gallery(run)
    assert sorted(zip(again.people, again.photos, strict=True)) == [
        ("Ada", "9.jpg"),
        ("Bo", "3.jpg"),
    ]
    assert len(list(again.folder.glob("*.safetensors"))) == 1


def test_nobody_enrolled_is_said(run):
    with pytest.raises(ArgumentError, match="nobody is enrolled"):
        Gallery(run).nearest(np.ones((1, 3)))


def test_another_network_is_refused(run):
    filled(run)
    (run / "weights.safetensors").write_bytes(b"another network")
    with pytest.raises(CheckpointError, match="another network"):
        Gallery(run)


def test_damaged_files_are_named(run):
    gallery = filled(run)
    place = gallery.folder / "gallery.json"
    record = json.loads(place.read_text())
    for content, message in (
        ("[", "damaged"),
        (json.dumps({**record, "photos": [3]}), "damaged"),
        (json.dumps({**record, "photos": record["photos"][:1]}), "does not fit"),
        (json.dumps({**record, "embeddings": "../../none"}), "no file"),
    ):
        place.write_text(content)
        with pytest.raises(CheckpointError, match=message):
            Gallery(run)
