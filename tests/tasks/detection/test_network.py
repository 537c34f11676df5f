"""The network: shapes, how it begins, and that every place sees its own part of the image."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.tasks.detection.network import Detector
from retroprop.tasks.detection.targets import Grid


@pytest.mark.parametrize("channels", [[4, 8], [4, 8, 8], [4, 8, 8, 8]])
def test_an_output_for_every_place(channels):
    strides = [8 * 2**k for k in range(len(channels) - 1)]
    for height in (64, 48, 80):
        images = rp.zeros((2, height, 96, 3), dtype=rp.uint8)
        outputs = Detector(3, channels, head=8)(images)
        assert outputs.shape == (2, len(Grid((height, 96), strides).points), 8)


def test_it_begins_with_nothing_found():
    rp.manual_seed(0)
    network = Detector(2, [4, 8, 8], head=8)
    outputs = network(
        rp.asarray(np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8))
    )
    chances = 1 / (1 + np.exp(-outputs.numpy()[..., :2]))
    assert (chances < 0.05).all()


def test_places_are_in_the_order_of_the_grid():
    rp.manual_seed(0)
    network = Detector(1, [4, 8], head=8, blocks=0).eval()
    image = np.full((1, 64, 96, 3), 128, np.uint8)
    plain = network(rp.asarray(image)).numpy()
    image[0, 40:48, 16:24] = 255
    change = np.abs(network(rp.asarray(image)).numpy() - plain)[0].sum(axis=1)
    place = Grid((64, 96), [8]).points[change.argmax()]
    assert np.abs(place - (20, 44)).max() <= 12
