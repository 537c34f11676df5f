"""Image files decoded: all at once where they fit, else whenever some are taken."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop.data import Stream
from retroprop.data.images import read_images

__all__ = ["Decoded", "Pictures", "at", "channels_first", "decode", "digest"]

_AT_ONCE = 512  # files in one pass of decoding

Array = np.ndarray[Any, Any]


class Pictures(Stream):
    """Image files that stand for an array of images and are decoded whenever some are taken.

    Args:
        root:     the folder that the names are relative to.
        names:    of the files.
        size:     (height, width) that each is resized to.
        channels: 1 or 3.
        moments:  (files, 2, channels) mean and mean square of the pixels of each, or None.
        first:    give (channels, height, width) instead of (height, width[, channels]).

    Example:
        >>> Pictures(".", ["a.png", "b.png"], (8, 8), 3)
        Pictures(2 files of 8x8)
    """

    def __init__(
        self,
        root: str,
        names: Sequence[str],
        size: tuple[int, int],
        channels: int,
        moments: Any = None,
        *,
        first: bool = False,
    ) -> None:
        super().__init__(self._one, len(names))
        self.root, self.names, self.size, self.channels = root, list(names), size, channels
        self.moments, self.first = moments, first

    def __repr__(self) -> str:
        return f"Pictures({len(self)} files of {self.size[0]}x{self.size[1]})"

    def subset(self, indices: Any) -> Pictures:
        """The files at some numbers; nothing is decoded."""
        moments = None if self.moments is None else self.moments[indices]
        names = [self.names[int(index)] for index in indices]
        return Pictures(self.root, names, self.size, self.channels, moments, first=self.first)

    def channels_first(self) -> Pictures:
        """The same files as a network takes them."""
        return Pictures(self.root, self.names, self.size, self.channels, self.moments, first=True)

    def take(self, indices: Any) -> Array:
        """The images at some numbers (integers or a slice), decoded now: uint8.

        Raises:
            DataError: a file that can no longer be read.
        """
        numbers = range(len(self))[indices] if isinstance(indices, slice) else indices
        names = [self.names[int(number)] for number in numbers]
        images = read_images(self.root, names, self.size, self.channels, strict=True)[0]
        return channels_first(images) if self.first else images

    def _one(self, index: int) -> Array:
        images: Array = self.take([index])[0]
        return images


def channels_first(images: Any) -> Array:
    """(examples, height, width[, channels]) as (examples, channels, height, width).

    Example:
        >>> channels_first(np.zeros((5, 8, 9, 3))).shape, channels_first(np.zeros((5, 8, 9))).shape
        ((5, 3, 8, 9), (5, 1, 8, 9))
    """
    if images.ndim == 3:
        first: Array = images[:, None]
        return first
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def at(x: Any, indices: Any) -> Any:
    """The examples at some integers: of an array a copy, of files their names.

    Example:
        >>> at(np.array([5, 6, 7]), [2, 0]).tolist()
        [7, 5]
    """
    return x.subset(indices) if isinstance(x, Pictures) else x[np.asarray(indices, np.int64)]


def digest(image: Any) -> bytes:
    """The same for equal images only (16 bytes).

    Example:
        >>> digest(np.zeros((2, 2))) == digest(np.zeros((2, 2)))
        True
    """
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()


class Decoded(NamedTuple):
    """What a pass over image files gave.

    Attributes:
        x:       uint8 images, or `Pictures` when they do not fit.
        names:   of the files that could be read, in order.
        digests: one for each.
        bad:     name -> why it could not be read.
    """

    x: Any
    names: list[str]
    digests: list[bytes]
    bad: dict[str, str]


def decode(
    root: str, names: list[str], size: tuple[int, int], channels: int, memory: float, strict: bool
) -> Decoded:
    """Look at every file once; keep the pixels if they take at most `memory` GB.

    Raises:
        DataError: with `strict`, the first file that cannot be read and why.
    """
    kept: list[str] = []
    digests: list[bytes] = []
    bad: dict[str, str] = {}
    images: list[Array] = []
    moments: list[Array] = []
    fits = len(names) * size[0] * size[1] * channels <= memory * 1e9
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        part, read, more = read_images(root, some, size, channels, strict)
        kept += read
        bad |= more
        digests += [digest(image) for image in part]
        if fits:
            images.append(part)
        else:
            moments.append(_moments(part.reshape(len(part), -1, channels)))
    if fits:
        whole = np.concatenate(images) if images else np.zeros((0, *size), np.uint8)
        return Decoded(whole, kept, digests, bad)
    streamed = Pictures(root, kept, size, channels, np.concatenate(moments))
    return Decoded(streamed, kept, digests, bad)


def _moments(pixels: Any) -> Array:
    """(images, 2, channels): mean and mean square over (images, places, channels)."""
    wide = pixels.astype(np.float32)
    return np.stack([wide.mean(axis=1), (wide**2).mean(axis=1)], axis=1).astype(np.float64)
