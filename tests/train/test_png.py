"""PNG bytes read back by a decoder of its own, and by Pillow."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import DTypeError, ShapeError
from retroprop.train.png import data_uri, encode_png, thumbnail


def decode(data: bytes) -> Any:
    """The pixels of an unfiltered 8-bit PNG; checks every length and checksum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + size)
        assert checksum == zlib.crc32(kind + content)
        chunks.append((kind, content))
        at += 12 + size
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {0: 1, 2: 3}[colour]
    rows = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


@given(
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_what_is_written_is_read(height: int, width: int, channels: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    np.testing.assert_array_equal(decode(encode_png(image)), image)
    if channels == 1:
        assert encode_png(image[:, :, 0]) == encode_png(image)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5, 1), (4, 7, 3)])
def test_pillow_reads_it(shape: tuple[int, ...]) -> None:
    pillow = pytest.importorskip("PIL.Image")
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    read = np.asarray(pillow.open(io.BytesIO(encode_png(image))))
    np.testing.assert_array_equal(read, image.reshape(read.shape))


def test_views_are_written_as_they_look() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)[:, ::-1, ::2]
    np.testing.assert_array_equal(decode(encode_png(image)), image)


def test_a_data_uri_holds_the_file() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    start, _, text = data_uri(image).partition(",")
    assert start == "data:image/png;base64"
    assert base64.b64decode(text, validate=True) == encode_png(image)


def test_thumbnails_are_means_of_blocks() -> None:
    image = np.zeros((4, 4), np.uint8)
    image[:2, :2], image[2:, 2:] = 100, 40
    image[0, 0] = 200
    assert thumbnail(image, side=2)[:, :, 0].tolist() == [[125, 0], [0, 40]]


def test_thumbnails_keep_to_the_side() -> None:
    rng = np.random.default_rng(0)
    for shape in [(97, 33, 3), (500, 20), (96, 96, 1), (1000, 1000)]:
        image = rng.integers(0, 256, shape, np.uint8)
        small = thumbnail(image)
        assert max(small.shape[:2]) <= 96
        assert small.dtype == np.uint8
    assert thumbnail(np.full((300, 200, 3), 77, np.uint8)).tolist() == [[[77] * 3] * 50] * 75
    small = rng.integers(0, 256, (28, 28), np.uint8)
    np.testing.assert_array_equal(thumbnail(small)[:, :, 0], small)


@pytest.mark.parametrize("function", [encode_png, thumbnail, data_uri])
def test_what_is_no_picture_is_refused(function: Any) -> None:
    with pytest.raises(DTypeError, match="must be uint8, got float32"):
        function(np.zeros((2, 2), np.float32))
    with pytest.raises(ShapeError, match="channels come last"):
        function(np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(ShapeError, match="has no pixels"):
        function(np.zeros((0, 8), np.uint8))
    with pytest.raises(ShapeError):
        function(np.zeros(8, np.uint8))
