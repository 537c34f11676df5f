"""Image files decoded at once, or when they are taken."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.data import take
from retroprop.errors import DataError
from retroprop.tasks.images.pictures import Pictures, at, decode

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(5):
        pixels = rng.integers(0, 255, (6, 7, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    return tmp_path


NAMES = ["0.png", "bad.png", "1.png", "2.png", "3.png", "4.png"]


def test_what_does_not_fit_is_read_when_taken(folder):
    held = decode(str(folder), NAMES, (6, 7), 3, memory=1.0, strict=False)
    read = decode(str(folder), NAMES, (6, 7), 3, memory=0.0, strict=False)
    assert isinstance(held.x, np.ndarray)
    assert isinstance(read.x, Pictures)
    assert held.names == read.names == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    assert held.digests == read.digests
    assert list(held.bad) == list(read.bad) == ["bad.png"]
    assert (take(read.x, slice(1, 4)) == held.x[1:4]).all()
    assert (take(read.x, np.array([4, 0])) == held.x[[4, 0]]).all()
    assert (at(read.x, [3, 1]).take([1]) == at(held.x, [3, 1])[1:]).all()
    first = read.x.channels_first()
    assert (first.take([2])[0] == held.x[2].transpose(2, 0, 1)).all()


def test_moments_are_those_of_the_pixels(folder):
    pixels = decode(str(folder), NAMES, (6, 7), 3, 1.0, False).x.astype(np.float64)
    streamed = decode(str(folder), NAMES, (6, 7), 3, 0.0, False).x
    mean, square = at(streamed, [1, 2]).moments.mean(axis=0)
    assert np.allclose(mean, pixels[1:3].mean(axis=(0, 1, 2)))
    assert np.allclose(np.sqrt(square - mean**2), pixels[1:3].std(axis=(0, 1, 2)), rtol=1e-4)


def test_files_that_go_away_are_named(folder):
    streamed = decode(str(folder), NAMES, (6, 7), 3, 0.0, False).x
    (folder / "1.png").unlink()
    with pytest.raises(DataError, match=r"1\.png"):
        streamed.take([1])
    with pytest.raises(DataError, match=r"bad\.png"):
        decode(str(folder), NAMES, (6, 7), 3, 0.0, strict=True)
