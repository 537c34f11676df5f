"""Pictures for the report: arrays to PNG, without an imaging library."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

from retroprop.errors import DTypeError, ShapeError

__all__ = ["data_uri", "encode_png", "thumbnail"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2  # colour types of the format


def encode_png(image: Any) -> bytes:
    r"""The bytes of a PNG file that shows `image`.

    Args:
        image: (height, width) or (height, width, 1) grey, or (height, width, 3) RGB; uint8.

    Raises:
        ShapeError: any other shape, or a side of length 0.
        DTypeError: not uint8.

    Example:
        >>> encode_png(np.zeros((2, 2), dtype=np.uint8))[:4]
        b'\x89PNG'

    Source: Portable Network Graphics (PNG) Specification, W3C 2003; every row unfiltered.
    """
    pixels = _checked("encode_png", image)
    height, width, channels = pixels.shape
    # Each row starts with the number of its filter: 0, none.
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, width * channels)
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB if channels == 3 else _GREY, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), level=9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def thumbnail(image: Any, side: int = 96) -> Any:
    """The image made smaller by whole factors until neither side is longer than `side`.

    Each pixel is the mean of the block it stands for; small images stay as they are.

    Example:
        >>> thumbnail(np.full((200, 100, 3), 7, dtype=np.uint8)).shape
        (67, 34, 3)
    """
    pixels = _checked("thumbnail", image)
    height, width, channels = pixels.shape
    factor = -(-max(height, width) // side)
    if factor == 1:
        return pixels
    down, across = -(-height // factor), -(-width // factor)
    # The last blocks are filled up with copies of the edge.
    padding = ((0, down * factor - height), (0, across * factor - width), (0, 0))
    padded = np.pad(pixels, padding, mode="edge").astype(np.float64)
    blocks = padded.reshape(down, factor, across, factor, channels)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)


def data_uri(image: Any) -> str:
    """The image as the text of a `src` attribute: nothing to load from anywhere.

    Example:
        >>> data_uri(np.zeros((1, 1), dtype=np.uint8))[:30]
        'data:image/png;base64,iVBORw0K'
    """
    return "data:image/png;base64," + base64.b64encode(encode_png(image)).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def _checked(name: str, image: Any) -> Any:
    """The image as (height, width, channels)."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise DTypeError(
            f"{name}: image must be uint8, got {pixels.dtype}",
            fix="scale it to 0 ... 255 and use .astype(np.uint8)",
        )
    grey = pixels.ndim == 2
    if not grey and (pixels.ndim != 3 or pixels.shape[2] not in {1, 3}):
        raise ShapeError(
            f"{name}: image {pixels.shape} is not (height, width) or (height, width, 1 or 3)",
            fix="channels come last: images.transpose(0, 2, 3, 1)",
        )
    if 0 in pixels.shape:
        raise ShapeError(f"{name}: image {pixels.shape} has no pixels")
    return pixels[:, :, None] if grey else pixels
