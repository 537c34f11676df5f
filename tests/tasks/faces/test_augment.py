"""Photos taken again."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import ShapeError
from retroprop.tasks.faces.augment import Retake
from tests.tasks.faces.drawn import draw


def test_photos_change_and_stay_photos():
    photos = draw(4, 2)[0][..., None]
    taken, y = Retake()(photos, "y", np.random.default_rng(0))
    assert (taken.shape, taken.dtype, y) == (photos.shape, np.uint8, "y")
    assert all((a != b).mean() > 0.3 for a, b in zip(taken, photos, strict=True))
    near = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(taken, photos, strict=True)]
    assert min(near) > 0.2


def test_the_same_generator_gives_the_same_photos():
    photos = draw(3, 2)[0][..., None]
    first, second = (Retake()(photos, None, np.random.default_rng(7))[0] for _ in range(2))
    assert (first == second).all()


def test_half_are_mirrored():
    photos = np.zeros((400, 3, 4, 1), np.uint8)
    photos[:, :, 0] = 200
    taken, _ = Retake(0.0)(photos, None, np.random.default_rng(0))
    left = (taken[:, 0, 0, 0] == 200).mean()
    assert (taken[:, 0, 3, 0] == 200).mean() == pytest.approx(1 - left)
    assert 0.4 < left < 0.6


def test_pairs_and_colours_and_a_single_pixel():
    for shape in ((3, 2, 8, 6, 3), (2, 1, 1, 1)):
        photos = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
        assert Retake()(photos, None, np.random.default_rng(0))[0].shape == shape


def test_what_comes_in_repeats_the_edge():
    taken, _ = Retake(3.0)(np.full((20, 9, 9, 1), 128, np.uint8), None, np.random.default_rng(0))
    assert all(len(np.unique(photo)) == 1 for photo in taken)


def test_floats_are_refused():
    with pytest.raises(ShapeError, match="uint8"):
        Retake()(np.zeros((1, 4, 4, 1)), None, np.random.default_rng(0))
