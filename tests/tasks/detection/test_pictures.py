"""Images on the canvas; what cannot be used is left out and said."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.data.stream import Stream
from retroprop.errors import DataError
from retroprop.tasks.detection import pictures
from retroprop.tasks.detection.pictures import GREY, Scene, load, pixels, size_of
from tests.tasks.detection.made import encoded


def scene(name="a", size=(40, 60), boxes=(), labels=None, value=200):
    image = np.full((*size, 3), value, np.uint8)
    rows = np.array(boxes, np.float64).reshape(-1, 4)
    return Scene(name, lambda: image, rows, labels or ["x"] * len(rows))


def test_an_image_lies_at_the_upper_left():
    part = load([scene(size=(40, 20))], canvas=(32, 32))
    assert part.fits[0].size == (32, 16)
    assert (part.x[0, :, :16] == 200).all()
    assert (part.x[0, :, 16:] == GREY).all()


def test_the_canvas_is_that_of_most_images():
    sizes = [(40, 60), (40, 60), (99, 50)]
    part = load([scene(str(k), size, value=k) for k, size in enumerate(sizes)])
    assert part.canvas == (48, 64)
    large = load([scene(size=(480, 640))])
    assert large.canvas == (240, 320)
    assert load([scene(size=(480, 640))], side=150).canvas == (112, 160)


def test_grey_images_and_files_become_colour():
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert pixels(grey).shape == (4, 5, 3)
    assert np.array_equal(pixels(encoded(grey)), pixels(grey))
    assert size_of(encoded(grey)) == (4, 5)
    with pytest.raises(DataError, match="not an image"):
        size_of(b"no image")
    with pytest.raises(DataError, match="uint8"):
        pixels(np.zeros((4, 5)))
    with pytest.raises(DataError, match=r"b\.jpg: not an image"):
        pixels(b"no image", "b.jpg")


def test_duplicate_boxes_are_dropped_and_said():
    part = load([scene(boxes=[[1, 1, 9, 9], [1, 1, 9, 9], [1, 1, 9, 8]])])
    assert len(part.scenes[0].boxes) == 2
    assert part.notes == ["boxes marked twice, one of each left out: 1"]
    two = load([scene(boxes=[[1, 1, 9, 9], [1, 1, 9, 9]], labels=["x", "y"])])
    assert two.scenes[0].labels == ["x", "y"]


def test_boxes_outside_are_cut_or_dropped():
    part = load([scene(boxes=[[-5, -5, 9, 9], [50, 30, 80, 70], [70, 1, 80, 9]])])
    assert part.scenes[0].boxes.tolist() == [[0, 0, 9, 9], [50, 30, 60, 40]]
    assert part.notes == [
        "boxes over the border of their image, cut there: 2",
        "boxes wholly outside their image, left out: 1",
    ]


@pytest.mark.parametrize("box", [[5, 5, 5, 9], [9, 5, 5, 9], [float("nan"), 1, 2, 3]])
def test_degenerate_boxes_are_dropped(box):
    part = load([scene(boxes=[box, [1, 1, 9, 9]])])
    assert part.scenes[0].boxes.tolist() == [[1, 1, 9, 9]]
    assert part.notes == ["boxes without area, left out: 1"]


def test_an_unreadable_image_is_skipped_and_listed():
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    bad = Scene("bad.jpg", lambda: encoded(noise)[:900], np.zeros((0, 4)), [])
    part = load([bad, scene()])
    assert part.ids == ["a"]
    assert part.notes[0].startswith("images that could not be read, skipped: 1 (bad.jpg (")
    with pytest.raises(DataError, match=r"bad\.jpg"):
        load([bad, scene()], strict=True)
    with pytest.raises(DataError, match=r"bad\.jpg"):
        load([bad])


def test_exact_repeats_are_left_out():
    scenes = [scene("a"), scene("b"), scene("c", value=3)]
    part = load(scenes, distinct=True)
    assert part.ids == ["a", "c"]
    assert part.notes == ["images that repeat another exactly, left out: 1"]
    assert load(scenes).ids == ["a", "b", "c"]


def test_large_data_are_read_when_taken(monkeypatch):
    whole = load([scene(str(k), value=k) for k in range(5)])
    monkeypatch.setattr(pictures, "_MEMORY", 1000)
    part = load([scene(str(k), value=k) for k in range(5)])
    assert isinstance(part.x, Stream)
    assert np.array_equal(part.x.take([4, 1]), whole.x[[4, 1]])
    some = part.only([3, 2])
    assert np.array_equal(some.x.take([0]), whole.only([3, 2]).x[:1])
    assert some.ids == ["3", "2"]
