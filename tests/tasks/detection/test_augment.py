"""Augmentation: boxes stay around what they were around."""

from __future__ import annotations

import numpy as np

from retroprop.tasks.detection.augment import Augment, moved
from retroprop.tasks.detection.targets import Grid, marked, packed

PLACES = Grid((64, 96), (8,))


def one_square():
    image = np.full((1, 64, 96, 3), 60, np.uint8)
    image[0, 20:36, 30:54] = (250, 200, 150)
    return image, packed(np.array([[30.0, 20, 54, 36]]), np.array([1]), PLACES, 2)[None]


def around(image):
    """The box of what is bright."""
    y, x = np.nonzero(image[..., 0] > 160)
    return [x.min(), y.min(), x.max() + 1, y.max() + 1]


def test_boxes_go_with_the_image():
    change = Augment(PLACES, scale=1.3, shift=0.1, light=0.0, vertical=True)
    seen = set()
    for seed in range(12):
        x, y = change(*one_square(), np.random.default_rng(seed))
        boxes, labels = marked(y[0], PLACES)
        assert labels.tolist() == [1]
        assert np.abs(boxes[0] - around(x[0])).max() < 2
        assert (y[0, : len(PLACES.points), 0] == 1).sum() >= 4
        seen.add(tuple(np.sign(boxes[0, :2] - (30, 20)).tolist()))
    assert len(seen) >= 3  # it moved in several directions


def test_nothing_changes_without_change():
    image, y = one_square()
    change = Augment(PLACES, scale=1.0, shift=0.0, light=0.0, vertical=False)
    made = [change(image, y, np.random.default_rng(seed)) for seed in range(8)]
    plain = [x for x, new in made if np.array_equal(new, y)]
    assert 0 < len(plain) < 8  # the others are mirrored
    assert all(np.array_equal(x, image) for x in plain)


def test_light_changes_pixels_and_no_box():
    image, y = one_square()
    change = Augment(PLACES, scale=1.0, shift=0.0, light=0.3, vertical=False)
    x, new = change(image, y, np.random.default_rng(0))
    assert x.dtype == np.uint8
    assert not np.array_equal(x, image)
    assert new.shape == y.shape
    assert image[0, 0, 0, 0] == 60  # nothing changes its arguments


def test_a_box_that_leaves_is_no_target():
    image, y = one_square()
    boxes, _ = marked(y[0], PLACES)
    _, new, seen = moved(image[0], boxes, 1.0, 50.0, 0.0)
    assert (new.tolist(), seen.tolist()) == ([[80, 20, 96, 36]], [True])
    assert moved(image[0], boxes, 1.0, 60.0, 0.0)[2].tolist() == [False]


def test_the_image_is_blended_between_pixels():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 2:] = 200
    new, _, _ = moved(image, np.zeros((0, 4)), 1.0, 0.5, 0.0)
    assert new[0, :, 0].tolist() == [0, 0, 100, 200]
