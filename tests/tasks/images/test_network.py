"""Networks for images of any size."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.data import ImagePreprocessor
from retroprop.errors import ArgumentError
from retroprop.tasks.images.network import Residual, build, stages

OPTIONS = {
    "model": "resnet", "width": 8, "blocks": 1, "channels": None, "hidden": None,
    "activation": "relu", "init": "default", "batch_norm": True, "dropout": 0.1,
}  # fmt: skip


def made(shape, classes=3, **options):
    learned = ImagePreprocessor().fit(np.arange(np.prod(shape)).reshape(1, *shape) % 251)
    return build({**OPTIONS, **options}, learned, classes)


@pytest.mark.parametrize("options", [
    {}, {"blocks": 2}, {"model": "cnn", "channels": [4, 4, 4], "hidden": [5]},
    {"model": "mlp", "hidden": [5, 5], "batch_norm": False},
])  # fmt: skip
@pytest.mark.parametrize("shape", [(3, 3, 1), (12, 30, 3), (28, 28, 1)])
def test_images_of_any_size_become_logits(shape, options):
    rp.manual_seed(0)
    model = made(shape, **options)
    pixels = rp.asarray(np.zeros((2, shape[2], *shape[:2]), np.uint8))
    assert model(pixels).shape == (2, 3)
    assert model.has_maps is (options.get("model") != "mlp")


def test_pixels_are_normalised_by_the_network():
    model = made((8, 8, 3), model="mlp", hidden=[4]).eval()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 250, (4, 3, 8, 8)).astype(np.uint8)
    once = model(rp.asarray(pixels)).numpy()
    assert np.allclose(once, model(rp.asarray(pixels.astype(np.float32))).numpy())
    model.mean.assign(model.mean + 5)
    assert np.allclose(once, model(rp.asarray(pixels + np.uint8(5))).numpy(), atol=1e-5)


def test_a_block_begins_as_its_shortcut():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)
    assert np.allclose(Residual(4, 4)(rp.asarray(x)).numpy(), np.maximum(x, 0))


def test_larger_images_are_halved_more_often():
    assert [stages(side, side) for side in (7, 14, 28, 56, 112, 224)] == [1, 1, 2, 3, 4, 5]
    large = made((128, 128, 3))
    assert large.features(rp.zeros((1, 3, 128, 128))).shape[2:] == (8, 8)


def test_mistakes_are_explained():
    with pytest.raises(ArgumentError, match="did you mean 'resnet'"):
        made((8, 8, 1), model="resnt")
    with pytest.raises(ArgumentError, match="a resnet has width"):
        made((8, 8, 1), hidden=[8])
    with pytest.raises(ArgumentError, match="did you mean 'relu'"):
        made((8, 8, 1), activation="rellu")
