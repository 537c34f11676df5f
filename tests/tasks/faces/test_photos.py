"""Photos from folders, files and arrays."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from retroprop.errors import DataError
from retroprop.tasks.faces.photos import Form, read_photos, resized
from tests.tasks.faces.drawn import draw, save

PHOTOS, WHO = draw(3, 2)


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "people", PHOTOS, WHO, ["Ada", "Bo", "Cy"])
    return tmp_path / "people"


def test_a_folder_of_people(folder):
    found = read_photos(str(folder))
    assert found.names == ["Ada", "Bo", "Cy"]
    assert found.y.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.ids[0] == "Ada/0.png"
    assert (found.x[..., 0] == PHOTOS).all()


def test_photos_are_made_smaller_and_keep_their_shape(folder):
    assert read_photos(folder, longest=12).form == Form(12, 10, 1)
    assert read_photos(folder, longest=500).form == Form(24, 20, 1)
    assert read_photos(folder, form=Form(7, 9, 3)).x.shape == (6, 7, 9, 3)


def test_the_size_is_that_of_most_photos(folder):
    Image.new("L", (50, 60)).save(folder / "Ada" / "odd.png")
    assert read_photos(folder).form == Form(24, 20, 1)


def test_arrays_in_every_form():
    as_dict = read_photos({"images": PHOTOS, "subject": WHO})
    assert (as_dict.x[..., 0] == PHOTOS).all()
    assert as_dict.names == ["0", "1", "2"]
    assert (read_photos((PHOTOS, WHO)).y == WHO).all()
    floats = read_photos((PHOTOS / 255, WHO))
    assert (floats.x == as_dict.x).all()
    assert "0 to 1" in floats.notes[0]
    assert read_photos((np.stack([PHOTOS] * 3, axis=1), WHO)).form == Form(24, 20, 3)
    assert read_photos(PHOTOS, named=False).y is None
    grey = read_photos(np.stack([PHOTOS] * 3, axis=3), form=Form(24, 20, 1), named=False)
    assert abs(grey.x[..., 0].astype(int) - PHOTOS).max() <= 1


def test_arrays_are_made_smaller_as_files_are(folder):
    files, arrays = read_photos(folder, longest=12), read_photos((PHOTOS, WHO), longest=12)
    assert abs(files.x.astype(int) - arrays.x).max() <= 1


def test_resizing_keeps_what_is_even():
    even = np.full((1, 5, 7, 3), 77, np.uint8)
    for size in ((2, 3), (9, 20), (5, 7)):
        assert (resized(even, size) == 77).all()
        assert resized(even, size).shape == (1, *size, 3)


def test_a_limit_takes_whole_people(folder):
    for source in (folder, (PHOTOS, WHO)):
        found = read_photos(source, limit=4)
        assert (len(found), len(found.names)) == (4, 2)
        assert "4 of 6 photos" in found.notes[0]


def test_unreadable_photos_are_listed_and_strict_stops(folder):
    (folder / "Bo" / "broken.jpg").write_bytes(b"no photo")
    found = read_photos(folder)
    assert len(found) == 6
    assert "Bo/broken.jpg: not an image" in found.notes[0]
    with pytest.raises(DataError, match=r"broken\.jpg"):
        read_photos(folder, strict=True)


def test_a_photo_that_is_cut_off_is_listed(folder):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)).save(folder / "whole.png")
    (folder / "Cy" / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:700])
    (folder / "whole.png").unlink()
    found = read_photos(folder)
    assert len(found) == 6
    assert "Cy/cut.png" in found.notes[0]


def test_photos_outside_of_people_are_left_out(folder):
    Image.new("L", (20, 24)).save(folder / "loose.png")
    found = read_photos(folder)
    assert len(found) == 6
    assert "1 photos outside" in found.notes[0]
    assert len(read_photos(folder, named=False)) == 7


def test_what_cannot_be_used_is_said(folder, tmp_path):
    empty, flat, bad = (tmp_path / name for name in ("empty", "flat", "bad"))
    for place in (empty, flat, bad / "Ada"):
        place.mkdir(parents=True)
    Image.new("L", (4, 4)).save(flat / "a.png")
    (bad / "Ada" / "a.png").write_text("?")
    (tmp_path / "a.txt").write_text("?")
    np.savez(tmp_path / "none.npz", images=PHOTOS)
    for source, named, message in (
        (empty, True, "no photos in this folder"),
        (flat, True, "no folders of people"),
        (bad, True, "cannot|not an image"),
        (tmp_path / "none", True, "no such file"),
        (tmp_path / "a.txt", False, "no photo"),
        (flat / "a.png", True, "a folder of people is expected"),
        ([str(flat / "a.png"), str(flat / "b.png")], False, "no such photo"),
        (tmp_path / "none.npz", True, "who is on each photo"),
        ({"subject": WHO}, True, "no array of images"),
        ((PHOTOS, WHO[:2]), True, "6 images and 2 identities"),
        ((PHOTOS[0], WHO), True, "shape"),
        ((PHOTOS.astype(float) - 500, WHO), True, "values from"),
        ((PHOTOS.astype(str), WHO), True, "not numbers"),
        (PHOTOS, True, "who is on the photos"),
    ):
        with pytest.raises(DataError, match=message):
            read_photos(source, named=named)
