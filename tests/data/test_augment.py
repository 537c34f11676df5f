from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.data.augment import (
    AUGMENTATIONS,
    Compose,
    Crop,
    CutMix,
    Erase,
    Flip,
    Jitter,
    MixUp,
    Pad,
    Rotate,
    augmentation,
)
from retroprop.data.order import generator
from retroprop.errors import ArgumentError, ShapeError

ALL = [
    Flip(),
    Pad(2),
    Crop(2),
    Crop(3, reflect=True),
    Rotate(30),
    Jitter(),
    Erase(),
    MixUp(4),
    CutMix(4),
]


def batch(n: int = 16, channels: int = 3, height: int = 8, width: int = 9) -> tuple[Any, Any]:
    x = np.random.default_rng(1).normal(size=(n, channels, height, width)).astype(np.float32)
    return x, np.arange(n) % 4


@pytest.mark.parametrize("step", ALL, ids=repr)
def test_draws_repeat_and_nothing_is_changed_in_place(step: Any) -> None:
    x, y = batch()
    before = x.copy(), y.copy()
    first = step(x, y, generator(0, 1, 2))
    second = step(x, y, generator(0, 1, 2))
    for one, other in zip(first, second, strict=True):
        assert one.tobytes() == other.tobytes()
    assert (x == before[0]).all()
    assert (y == before[1]).all()
    assert first[0].dtype == np.float32
    if not isinstance(step, Pad):
        assert first[0].shape == x.shape
        assert step(x, y, generator(0, 1, 3))[0].tobytes() != first[0].tobytes()


@pytest.mark.parametrize("step", ALL, ids=repr)
def test_batches_without_an_image(step: Any) -> None:
    x, y = step(np.zeros((0, 1, 4, 4), dtype=np.float32), np.zeros(0, dtype=np.int64), generator())
    assert len(x) == len(y) == 0


@pytest.mark.parametrize("step", ALL, ids=repr)
@pytest.mark.parametrize("x", [np.zeros((4, 4, 4)), np.zeros((2, 1, 4, 4), dtype=np.uint8)])
def test_what_is_no_batch_of_images(step: Any, x: Any) -> None:
    with pytest.raises(ShapeError, match="takes floating images"):
        step(x, np.zeros(len(x), dtype=int), generator())


def test_flip_mirrors_about_half_of_the_images() -> None:
    x, y = batch(400, 1, 2, 3)
    flipped, same = Flip()(x, y, generator())
    assert same is y
    mirrored = (flipped == x[..., ::-1]).all(axis=(1, 2, 3))
    kept = (flipped == x).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250
    upside = Flip(1.0, vertical=True)(x, y, generator())[0]
    assert (upside == x[:, :, ::-1]).all()


def test_crop_shifts_by_every_amount_up_to_the_padding() -> None:
    x = np.zeros((500, 1, 5, 5), dtype=np.float32)
    x[:, 0, 2, 2] = 1
    y = Crop(2)(x, None, generator())[0]
    places = np.argwhere(y[:, 0])[:, 1:]
    assert len(places) == 500
    assert np.bincount(places[:, 0], minlength=5).min() > 60
    assert np.bincount(places[:, 1], minlength=5).min() > 60


def test_crop_to_a_size() -> None:
    x, _ = batch()
    assert Crop(0, 5)(x, None, generator())[0].shape == (16, 3, 5, 5)
    assert Crop(0, (5, 4))(x, None, generator())[0].shape == (16, 3, 5, 4)
    with pytest.raises(
        ShapeError, match="a window of 20x20 does not fit images of 8x9 padded by 4"
    ):
        Crop(4, 20)(x, None, generator())
    constant = np.ones((6, 1, 5, 5), dtype=np.float32)
    assert (Crop(3, reflect=True)(constant, None, generator())[0] == 1).all()
    assert (Crop(3, fill=7)(constant, None, generator())[0] == 7).any()


def turned(x: Any, angle: float) -> Any:
    """Rotation pixel by pixel, written as the definition."""
    height, width = x.shape
    output = np.zeros_like(x)
    for i in range(height):
        for j in range(width):
            down, right = i - (height - 1) / 2, j - (width - 1) / 2
            row = np.cos(angle) * down - np.sin(angle) * right + (height - 1) / 2
            column = np.sin(angle) * down + np.cos(angle) * right + (width - 1) / 2
            for a in (int(np.floor(row)), int(np.floor(row)) + 1):
                for b in (int(np.floor(column)), int(np.floor(column)) + 1):
                    if 0 <= a < height and 0 <= b < width:
                        output[i, j] += (1 - abs(row - a)) * (1 - abs(column - b)) * x[a, b]
    return output


def test_rotate_is_the_bilinear_rotation() -> None:
    x = np.random.default_rng(0).normal(size=(5, 2, 7, 6))
    rng = generator(3)
    y = Rotate(50)(x, None, rng)[0]
    angles = np.deg2rad(generator(3).uniform(-50, 50, 5))
    for image, output, angle in zip(x, y, angles, strict=True):
        for channel in range(2):
            np.testing.assert_allclose(output[channel], turned(image[channel], angle), atol=1e-12)


def test_rotate_by_nothing_and_beyond_the_border() -> None:
    x, _ = batch()
    np.testing.assert_allclose(Rotate(0)(x, None, generator())[0], x, atol=1e-6)
    ones = np.ones((20, 1, 9, 9))
    assert (Rotate(180, fill=5)(ones, None, generator())[0] > 1).any()


def test_jitter_scales_and_shifts_each_image() -> None:
    x, _ = batch(50)
    y = Jitter(0.3, 0.4)(x, None, generator())[0]
    for before, after in zip(x, y, strict=True):
        factor, offset = np.polyfit(before.ravel(), after.ravel(), 1)
        np.testing.assert_allclose(after, before * factor + offset, atol=1e-5)
        assert 0.6 <= factor <= 1.4
        assert abs(offset) <= 0.3 + 1e-5


def test_erase_blanks_a_box_of_the_asked_area() -> None:
    x = np.ones((300, 2, 20, 20), dtype=np.float32)
    y = Erase(1.0, (0.1, 0.2), fill=-1)(x, None, generator())[0]
    assert set(np.unique(y)) == {-1, 1}
    for image in y:
        rows, columns = np.nonzero(image[0] == -1)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width  # one whole box
        assert 0.07 < height * width / 400 < 0.24
        assert 1 / 3 < height / width < 3
        assert (image[0] == image[1]).all()
    half = Erase(0.5)(x, None, generator())[0]
    assert 100 < (half == 0).any(axis=(1, 2, 3)).sum() < 200
    assert (Erase(0.0)(x, None, generator())[0] == 1).all()


def test_mixup_blends_images_and_targets_alike() -> None:
    n = 12
    x = np.eye(n, dtype=np.float32)[:, :, None, None]  # image i is one in channel i
    mixed, y = MixUp(n, alpha=1.0)(x, np.arange(n), generator())
    np.testing.assert_allclose(mixed[:, :, 0, 0], y, atol=1e-6)
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)
    assert y.dtype == np.float32
    assert len({row.max() for row in y}) > 6


def test_cutmix_pastes_a_box_and_blends_by_area() -> None:
    n = 40
    x = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None, None], (n, 2, 10, 10))
    mixed, y = CutMix(n)(x, np.arange(n), generator())
    for i in range(n):
        values, counts = np.unique(mixed[i, 0], return_counts=True)
        assert i in values or y[i, i] == 0
        shares = np.zeros(n)
        shares[values.astype(int)] = counts / 100
        np.testing.assert_allclose(y[i], shares, atol=1e-6)
        assert (mixed[i, 0] == mixed[i, 1]).all()
    assert (y.max(axis=1) < 1).sum() > 20


def test_mixing_float_targets_and_probabilities() -> None:
    x, y = batch()
    _, soft = MixUp(4)(x, y, generator())
    again = CutMix()(x, soft, generator())[1]
    np.testing.assert_allclose(again.sum(axis=1), 1, atol=1e-6)
    numbers = MixUp()(x, np.arange(16.0), generator())[1]
    assert numbers.shape == (16,)
    assert 0 <= numbers.min() <= numbers.max() <= 15


@pytest.mark.parametrize("cls", [MixUp, CutMix])
def test_mixing_needs_the_number_of_classes(cls: Any) -> None:
    x, y = batch()
    with pytest.raises(ArgumentError, match="mixing needs classes="):
        cls()(x, y, generator())
    with pytest.raises(ArgumentError, match="class indices go from 0 to 3, classes=3"):
        cls(3)(x, y, generator())


def test_configurations() -> None:
    steps = augmentation(
        {"crop": {"padding": 2}, "flip": True, "erase": False, "mixup": {}}, classes=4
    )
    assert [type(step) for step in steps.steps] == [Crop, Flip, MixUp]
    x, y = steps(*batch(), generator())
    assert (x.shape, y.shape) == ((16, 3, 8, 9), (16, 4))
    assert set(AUGMENTATIONS) == {type(step).__name__.lower() for step in ALL}
    assert repr(Compose([Flip()])) == "Compose(steps=[Flip(p=0.5, vertical=False)])"
    with pytest.raises(ArgumentError, match="unknown augmentation 'flop'; did you mean 'flip'"):
        augmentation({"flop": True})
    with pytest.raises(ArgumentError, match=r"augmentation 'crop': .*unexpected keyword argument"):
        augmentation({"crop": {"pad": 2}})


@pytest.mark.parametrize(
    "make",
    [lambda: Flip(1.5), lambda: Flip("x"), lambda: Crop(-1), lambda: Crop(2.5), lambda: Pad(-1),
     lambda: Rotate(-5), lambda: Jitter(-1), lambda: Jitter(0, 2), lambda: Erase(0.5, (0.5, 0.2)),
     lambda: MixUp(alpha=0), lambda: CutMix(alpha=-1)],
)  # fmt: skip
def test_arguments_outside_their_range(make: Any) -> None:
    with pytest.raises(ArgumentError, match="must be a"):
        make()
