"""Random changes to training images."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.errors import ArgumentError
from retroprop.tasks.images.change import background, change, chosen, views, why

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("names", "flips"),
    [(["cat", "dog"], True), (["0", "1", "2"], False), (["a", "b"], False),
     (["left hand", "right hand"], False), (["hand_izquierda", "hand"], False),
     (["bright", "dark"], True)],
)  # fmt: skip
def test_mirror_images_only_where_they_make_sense(names, flips):
    assert ("flip" in chosen(["auto"], names)) is flips
    assert ("not mirrored" in why(["auto"], names)) is not flips


def test_a_choice_of_ones_own():
    assert chosen(["shift", "rotate"], ["0"]) == ["shift", "rotate"]
    assert why(["shift"], ["cat", "dog"]) == ""
    with pytest.raises(ArgumentError, match="did you mean 'flip'"):
        chosen(["flips"], [])
    with pytest.raises(ArgumentError, match="did you mean 'mixup'"):
        change([], "mixupp", (8, 8, 1), 0.0, 1.0, 2)


def test_a_shift_uncovers_background():
    x = np.full((50, 1, 24, 24), 9, np.uint8)
    shifted, _ = change(["shift"], "none", (24, 24, 1), 3.0, 1.0, 2)(x, None, RNG)
    assert set(np.unique(shifted)) == {3.0, 9.0}
    mirrored, _ = change(["shift"], "none", (24, 24, 1), None, 1.0, 2)(x, None, RNG)
    assert set(np.unique(mirrored)) == {9.0}
    assert x.max() == 9


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_mixing_images_mixes_their_classes(mix):
    x = np.stack([np.zeros((1, 8, 8)), np.ones((1, 8, 8))] * 10)
    y = np.array([0, 1] * 10)
    mixed, shares = change([], mix, (8, 8, 1), 0.0, 1.0, 2)(x, y, np.random.default_rng(1))
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.allclose(mixed.mean(axis=(1, 2, 3)), shares[:, 1], atol=1e-6)
    assert ((shares > 0.02) & (shares < 0.98)).any()


def test_every_change_keeps_the_shape():
    x = RNG.integers(0, 255, (4, 3, 12, 10)).astype(np.uint8)
    names = ["shift", "flip", "rotate", "erase", "jitter"]
    changed, y = change(names, "none", (12, 10, 3), 0.0, 70.0, 2)(x, np.arange(4), RNG)
    assert (changed.shape, changed.dtype) == (x.shape, np.float32)
    assert y.tolist() == [0, 1, 2, 3]
    assert change([], "none", (12, 10, 3), 0.0, 70.0, 2) is None


def test_the_background_is_what_most_of_the_border_shows():
    images = RNG.integers(0, 255, (6, 9, 9, 3)).astype(np.uint8)
    assert background(images) is None
    images[:, [0, -1]] = 17
    images[:, :, [0, -1]] = 17
    assert background(images) == 17.0


def test_views_are_what_training_showed():
    x = np.arange(2 * 3 * 30 * 28).reshape(2, 3, 30, 28)
    assert [one.tolist() for one in views(x, ["rotate"], 0.0)] == [x.tolist()]
    plain, up, down, left, right = views(x, ["shift"], -1)
    assert (plain == x).all()
    assert (up[:, :, 1:] == x[:, :, :-1]).all()
    assert (up[:, :, 0] == -1).all()
    assert (down[:, :, :-1] == x[:, :, 1:]).all()
    assert (left[..., 1:] == x[..., :-1]).all()
    assert (right[..., -1] == -1).all()
    mirrored = views(x, ["shift", "flip"], None)
    assert len(mirrored) == 10
    assert (mirrored[5] == x[..., ::-1]).all()
    assert (mirrored[4][..., -1] == x[..., -1]).all()
