"""Boxes: overlap, clipping, suppression, and where images lie on the canvas."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import nn
from retroprop.core.tensor import Tensor
from retroprop.tasks.detection.boxes import area, clip, fit, giou, iou, nms


def some(count, seed):
    corner = np.random.default_rng(seed).uniform(0, 50, (count, 2))
    return np.concatenate(
        [corner, corner + np.random.default_rng(seed + 1).uniform(1, 30, (count, 2))], axis=1
    )


def test_overlap_is_that_of_counted_cells():
    first = np.array([[0.0, 0, 4, 4], [2, 2, 6, 5]])
    cells = np.zeros((2, 8, 8), bool)
    for grid, box in zip(cells, first.astype(int), strict=True):
        grid[box[1] : box[3], box[0] : box[2]] = True
    expected = (cells[0] & cells[1]).sum() / (cells[0] | cells[1]).sum()
    assert iou(first, first) == pytest.approx(np.array([[1, expected], [expected, 1]]))
    assert area(first).tolist() == cells.sum(axis=(1, 2)).tolist()


def test_generalised_overlap_is_one_less_the_loss():
    first, second = some(20, 0), some(20, 5)
    loss = nn.functional.giou_loss(Tensor(first), Tensor(second)).numpy()
    assert np.diag(giou(first, second)) == pytest.approx(1 - loss, abs=1e-6)
    assert (giou(first, second) <= iou(first, second) + 1e-12).all()


def test_nothing_overlaps_nothing():
    assert iou(np.zeros((0, 4)), some(3, 0)).shape == (0, 3)
    assert nms(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int), 0.5).tolist() == []


def test_suppression_keeps_the_best_of_each_class():
    box = np.array([[0.0, 0, 10, 10], [1, 0, 10, 10], [0, 1, 10, 10]])
    scores, labels = np.array([0.2, 0.9, 0.4]), np.array([0, 0, 1])
    assert nms(box, scores, labels, 0.5).tolist() == [1, 2]
    assert nms(box, scores, labels, 1.0).tolist() == [1, 2, 0]


def test_what_was_suppressed_suppresses_nothing():
    chain = np.array([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    assert nms(chain, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), 0.3).tolist() == [0, 2]


def test_images_come_back_from_the_canvas():
    lies = fit((300, 500), (96, 160))
    assert lies.size == (96, 160)
    boxes = some(5, 1)
    assert lies.back(boxes * lies.scale) == pytest.approx(boxes)
    assert lies.back(np.array([[-9.0, -9, 900, 900]])).tolist() == [[0, 0, 500, 300]]
    assert clip(boxes, 1, 1).max() <= 1
