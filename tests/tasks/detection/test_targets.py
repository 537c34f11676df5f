"""What places should say, and what is made of what they say."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.tasks.detection.targets import BACKGROUND, Grid, decode, grid, targets


def said(wanted, classes):
    """Outputs that say exactly what is wanted."""
    outputs = np.full((len(wanted), classes + 5), -12.0)
    taken = np.flatnonzero(wanted[:, 0] >= 0)
    outputs[taken, wanted[taken, 0].astype(int)] = 12
    outputs[taken, classes:-1] = np.log(np.expm1(wanted[taken, 1:5]))
    centre = np.clip(wanted[taken, 5], 1e-6, 1 - 1e-6)
    outputs[taken, -1] = np.log(centre / (1 - centre))
    return outputs


def test_boxes_come_back_from_their_targets():
    boxes = np.array([[10.0, 12, 40, 50], [60, 5, 118, 90], [70, 70, 83, 81]])
    labels = np.array([1, 0, 2])
    places = Grid((96, 128), (8, 16))
    wanted = targets(boxes, labels, places)
    found, scores, classes = decode(said(wanted, 3), places, score=0.4, overlap=0.5)
    order = np.argsort(classes)
    assert classes[order].tolist() == [0, 1, 2]
    assert found[order] == pytest.approx(boxes[[1, 0, 2]], abs=1e-3)
    assert (scores > 0.5).all()


def test_large_boxes_belong_to_coarse_maps():
    places = Grid((96, 128), (8, 16))
    for size, stride in ((20, 8), (90, 16)):
        wanted = targets(np.array([[4.0, 3, 4 + size, 3 + size]]), np.array([0]), places)
        assert set(places.stride[wanted[:, 0] == 0].tolist()) == {stride}


def test_of_two_boxes_a_place_finds_the_smaller():
    places = Grid((64, 64), (8,))
    boxes = np.array([[20.0, 20, 44, 44], [0, 0, 64, 64]])
    wanted = targets(boxes, np.array([0, 1]), places)
    middle = np.abs(places.points - 32).max(axis=1) < 5
    assert wanted[middle, 0].tolist() == [0, 0, 0, 0]


def test_a_box_smaller_than_the_grid_has_a_place():
    places = Grid((64, 64), (8,))
    wanted = targets(np.array([[19.0, 19, 22, 22]]), np.array([0]), places)
    assert (wanted[:, 0] == 0).sum() == 1
    between = targets(np.array([[22.0, 22, 25, 25]]), np.array([0]), places)
    assert (between[:, 0] == 0).sum() == 0  # no place lies in it


def test_padding_and_empty_images_are_background():
    places = grid((32, 32), (8,))
    for boxes in (np.zeros((0, 4)), np.array([[0.0, 0, 20, 20]])):
        wanted = targets(boxes, np.full(len(boxes), BACKGROUND), places)
        assert (wanted[:, 0] == BACKGROUND).all()
        assert not wanted[:, 1:].any()


def test_at_most_so_many_boxes():
    places = grid((64, 64), (8,))
    outputs = np.random.default_rng(0).normal(3, 1, (64, 6))
    boxes, scores, _ = decode(outputs, places, score=0.1, overlap=1.0, most=5)
    assert len(boxes) == 5
    assert (np.diff(scores) <= 0).all()
