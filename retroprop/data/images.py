"""Finding and decoding image files with Pillow, imported only when there is one to read."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import DataError, MissingDependencyError

__all__ = [
    "MAX_PIXELS", "SUFFIXES", "Header", "common_size", "image_paths", "is_image_name", "pillow",
    "read_headers", "read_images", "unreadable",
]  # fmt: skip

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
)  # fmt: skip
MAX_PIXELS = 2**26  # of one file: larger ones are refused before they are decoded
MAX_SIDE = 128  # of the common size when none is given
_GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L")


class Header(NamedTuple):
    """Size of an image as it will be shown, and whether it is grey."""

    height: int
    width: int
    grey: bool


def pillow(what: str = "reading image files") -> Any:
    """The package PIL, with its modules `Image`, `ImageDraw` and `ImageOps`.

    Args:
        what: it is needed for, for the error.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import PIL  # noqa: PLC0415  optional dependency
        from PIL import Image, ImageDraw, ImageOps  # noqa: F401, PLC0415
    except ImportError as cause:
        raise MissingDependencyError("pillow", "vision", what) from cause
    return PIL


def is_image_name(name: str) -> bool:
    """Whether a file name is that of an image that can be read.

    Example:
        >>> is_image_name("cat.JPG"), is_image_name(".cat.jpg"), is_image_name("cat.txt")
        (True, False, False)
    """
    return name.lower().endswith(SUFFIXES) and not name.startswith((".", "__"))


def image_paths(folder: str) -> list[str]:
    """Image files below a folder, relative to it, in the same order on every machine.

    Hidden files and folders are passed over.
    """
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        inside = os.path.relpath(where, folder)
        for name in files:
            if is_image_name(name):
                path = name if inside == "." else os.path.join(inside, name)
                found.append(path.replace(os.sep, "/"))
    return sorted(found)


def read_headers(folder: str, names: list[str]) -> tuple[dict[str, Header], dict[str, str]]:
    """Sizes of the image files that can be opened (nothing is decoded), and why others cannot.

    Returns:
        name -> `Header`, and name -> reason.
    """
    image_module = pillow().Image
    good: dict[str, Header] = {}
    bad: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large and odd files: they are judged here
        for name in names:
            try:
                with image_module.open(os.path.join(folder, name)) as image:
                    width, height = image.size
                    # Of a PNG file without the tag up front, getexif() would decode all pixels.
                    tagged = image.format != "PNG" or "exif" in image.info
                    turned = tagged and image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                    grey = image.mode in _GREY
            except Exception as cause:  # noqa: BLE001  decoders raise anything on hostile bytes
                bad[name] = unreadable(cause)
                continue
            if width * height > MAX_PIXELS:
                bad[name] = f"{width}x{height} pixels are too many (decompression bomb?)"
            elif width < 1 or height < 1:
                bad[name] = "the image is empty"
            else:
                good[name] = Header(*((width, height) if turned else (height, width)), grey)
    return good, bad


def unreadable(cause: Exception) -> str:
    """Why an image cannot be read, in few words, from what its decoder raised.

    Example:
        >>> unreadable(OSError("cannot identify image file 'a.png'")), unreadable(EOFError())
        ('not an image', 'EOFError')
    """
    text = str(cause).split("\n", maxsplit=1)[0][:120]
    return "not an image" if "cannot identify" in text else text or type(cause).__name__


def _pixels(path: str, size: tuple[int, int], channels: int) -> Any:
    """One image as uint8 (height, width[, 3])."""
    modules = pillow()
    image_module = modules.Image
    height, width = size
    with image_module.open(path) as image:
        if image.mode in ("L", "RGB"):
            image.draft(None, (width * 2, height * 2))  # JPEG: decode no more than is needed
        shown = modules.ImageOps.exif_transpose(image)
        if shown.mode.startswith(("I", "F")):  # convert("L") would cut 16-bit values at 255
            values = np.asarray(shown, dtype=np.float64)
            top = 65535.0 if values.max() > 255 else 255.0
            shown = image_module.fromarray(np.clip(values * (255 / top), 0, 255).astype(np.uint8))
        if shown.mode == "P" and "transparency" in shown.info:
            shown = shown.convert("RGBA")
        shown = shown.convert("L" if channels == 1 else "RGB")
        if shown.size != (width, height):
            shown = shown.resize((width, height), image_module.Resampling.BILINEAR)
        return np.asarray(shown)


def read_images(
    folder: str, names: list[str], size: tuple[int, int], channels: int, strict: bool = False
) -> tuple[Any, list[str], dict[str, str]]:
    """Decode image files, on all cores, to one uint8 array.

    Args:
        folder:   where the files are.
        names:    their paths inside it.
        size:     (height, width) that every image is resized to.
        channels: 1 (grey) or 3 (colour).
        strict:   raise at the first file that cannot be read, instead of listing it.

    Returns:
        Images (examples, height, width[, 3]), names of those, and name -> reason of the others.

    Raises:
        DataError: with `strict`, the file and why it cannot be read.
    """

    def decode(name: str) -> Any:
        try:
            return _pixels(os.path.join(folder, name), size, channels)
        except Exception as cause:  # noqa: BLE001  decoders raise anything on hostile bytes
            return unreadable(cause)

    shape = (len(names), *size) if channels == 1 else (len(names), *size, channels)
    try:
        images = np.empty(shape, dtype=np.uint8)
    except MemoryError as cause:
        raise DataError(
            f"{len(names)} images of {size[0]}x{size[1]} do not fit in memory",
            file=folder,
            fix="give a smaller image_size=, or a limit=",
        ) from cause
    kept: list[str] = []
    bad: dict[str, str] = {}
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        for name, result in zip(names, pool.map(decode, names), strict=True):
            if isinstance(result, str):
                if strict:
                    raise DataError(result, file=os.path.join(folder, name))
                bad[name] = result
            else:
                images[len(kept)] = result
                kept.append(name)
    return images[: len(kept)], kept, bad


def common_size(headers: list[Header]) -> tuple[int, int]:
    """(height, width) of most images; else the median, a multiple of 8; at most 128 a side.

    Example:
        >>> common_size([Header(30, 40, False), Header(60, 90, False), Header(33, 41, False)])
        (32, 40)
    """
    sizes = [(header.height, header.width) for header in headers]
    size, count = Counter(sizes).most_common(1)[0]
    if count * 2 <= len(sizes):
        middle = np.median(np.array(sizes), axis=0)
        size = (_eights(middle[0]), _eights(middle[1]))
    if max(size) > MAX_SIDE:
        shrink = MAX_SIDE / max(size)
        size = (_eights(size[0] * shrink), _eights(size[1] * shrink))
    return size


def _eights(length: float) -> int:
    return max(8, int(length / 8 + 0.5) * 8)
