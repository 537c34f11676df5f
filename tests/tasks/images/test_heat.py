"""Where a network looks."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.tasks.images.heat import enlarged, grad_cam, heat_section, overlay, pick, smooth
from retroprop.tasks.images.network import Classifier


def two_maps(signs):
    """Two feature maps: the pixels, and the pixels turned; class k counts map k."""
    conv = nn.Conv2d(2, 2, 1, bias=False)
    last = nn.Linear(2, 2, bias=False)
    with rp.no_grad():
        conv.weight.assign(rp.asarray(np.eye(2, dtype=np.float32).reshape(2, 2, 1, 1)))
        last.weight.assign(rp.asarray(np.diag(signs).astype(np.float32)))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    return Classifier([0.0, 0.0], [1.0, 1.0], nn.Sequential(conv), head)


def test_the_map_of_a_class_is_where_its_evidence_is():
    x = np.zeros((2, 2, 6, 6), np.float32)
    x[:, 0, 1, 2] = 3.0
    x[:, 1, 4, 5] = 1.0
    heat = grad_cam(two_maps([1.0, 1.0]), x, [0, 1])
    assert [np.unravel_index(one.argmax(), one.shape) for one in heat] == [(1, 2), (4, 5)]
    assert heat.sum(axis=(1, 2)).tolist() == [1.0, 1.0]
    against = grad_cam(two_maps([-1.0, 1.0]), x, [0, 1])
    assert against[0].max() == 0.0


def test_it_is_the_gradient_of_the_logit():
    rp.manual_seed(0)
    head = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    model = Classifier([0.0] * 3, [1.0] * 3, nn.Sequential(nn.Identity()), head)
    model.features, flat = nn.Identity(), model
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 4)).astype(np.float32)
    heat = grad_cam(flat, x, [2])[0]
    weights = np.zeros(3)
    for channel in range(3):
        for row in range(4):
            for column in range(4):
                up, down = x.copy(), x.copy()
                up[0, channel, row, column] += 1e-2
                down[0, channel, row, column] -= 1e-2
                logits = [flat(rp.asarray(one)).numpy()[0, 2] for one in (up, down)]
                weights[channel] += (logits[0] - logits[1]) / 2e-2 / 16
    expected = np.maximum((weights[:, None, None] * x[0]).sum(axis=0), 0)
    assert np.allclose(heat, expected / expected.max(), atol=2e-2)


def test_networks_without_maps_have_none():
    flat = Classifier([0.0], [1.0], nn.Flatten(), nn.Linear(16, 2))
    assert grad_cam(flat, np.zeros((1, 1, 4, 4), np.float32), [0]) is None
    pooled = Classifier([0.0], [1.0], nn.AdaptiveAvgPool2d(1), nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Linear(1, 2)))  # fmt: skip
    assert grad_cam(pooled, np.zeros((1, 1, 4, 4), np.float32), [0]) is None


def test_maps_are_drawn_over_pictures():
    assert smooth(np.eye(3), 3, 3).tolist() == np.eye(3).tolist()
    heat = np.zeros((4, 4))
    heat[0, 3] = 1.0
    drawn = overlay(np.zeros((28, 28), np.uint8), heat)
    assert drawn[2, -3].sum() > drawn[-3, 2].sum()
    assert enlarged(np.linspace(0, 1, 27).reshape(3, 3, 3)).max() == 255
    assert enlarged(np.zeros((500, 300, 3), np.uint8)).shape == (125, 75, 3)


def test_right_answers_of_different_classes_and_the_surest_mistakes():
    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.45, 0.55]])
    right, wrong = pick(chances, np.array([0, 0, 1, 0, 0]))
    assert (right, wrong) == ([0, 2], [3, 4])


@pytest.mark.parametrize("truth", [[0, 0], [0, 1]])
def test_the_section_names_what_was_said_and_what_is_true(truth):
    chances = np.array([[0.9, 0.1], [0.8, 0.2]])
    images = {k: np.zeros((8, 8), np.uint8) for k in (0, 1)}
    heat = {0: [np.eye(4)], 1: [np.eye(4), np.eye(4)]}
    page = heat_section(images, heat, chances, np.array(truth), ["<cat>", "dog"])
    assert page.count("<img") == (5 if truth[1] else 4)
    assert "&lt;cat&gt; 90%" in page
    assert ("dog 20%" in page) is bool(truth[1])
    assert heat_section({}, {}, chances, np.array(truth), ["a", "b"]) == ""
