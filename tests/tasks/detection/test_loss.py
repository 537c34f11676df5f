"""The loss: against its formula in NumPy; what counts, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.tasks.detection.boxes import giou
from retroprop.tasks.detection.loss import DetectionLoss


def example(seed=0, found=(0, 3)):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(0, 1, (2, 4, 7)).astype(np.float32)
    truth = np.zeros((2, 4, 6), np.float32)
    truth[..., 0] = -1
    for place in found:
        truth[:, place, 0] = rng.integers(0, 2)
        truth[:, place, 1:5] = rng.uniform(0.5, 3, (2, 4))
        truth[:, place, 5] = rng.uniform(0.2, 1, 2)
    return outputs, truth


def by_hand(outputs, truth, weight):
    chance = 1 / (1 + np.exp(-outputs.astype(np.float64)))
    focal = box = centres = middle = count = 0.0
    for image, place in np.ndindex(truth.shape[:2]):
        label, *sides, centre = truth[image, place].tolist()
        for k in range(2):
            p = chance[image, place, k]
            own = k == label
            focal -= 0.25 * (1 - p) ** 2 * np.log(p) if own else 0.75 * p**2 * np.log(1 - p)
        if label >= 0:
            reach = np.log1p(np.exp(outputs[image, place, 2:6]))
            a, b = (np.array([[-s[0], -s[1], s[2], s[3]]]) for s in (reach, sides))
            box += centre * (1 - giou(a, b)[0, 0])
            centres += centre
            q = chance[image, place, 6]
            middle -= centre * np.log(q) + (1 - centre) * np.log(1 - q)
            count += 1
    return (focal + middle) / max(count, 1) + weight * box / max(centres, 1e-3)


def test_it_is_its_formula():
    outputs, truth = example()
    for weight in (0.0, 2.0):
        loss = DetectionLoss(weight)(rp.asarray(outputs), rp.asarray(truth))
        assert loss.item() == pytest.approx(by_hand(outputs, truth, weight), rel=1e-5)


def test_images_without_boxes_teach_the_background_alone():
    outputs, truth = example(found=())
    x = rp.tensor(outputs, requires_grad=True)
    loss = DetectionLoss()(x, rp.asarray(truth))
    loss.backward()
    assert loss.item() == pytest.approx(by_hand(outputs, truth, 2.0), rel=1e-5)
    assert (x.grad.numpy()[..., :2] > 0).all()
    assert not x.grad.numpy()[..., 2:].any()
