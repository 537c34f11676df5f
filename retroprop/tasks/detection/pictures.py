"""Images on the canvas of the network; which of them, and of their boxes, can be used."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.images import MAX_PIXELS, pillow, unreadable
from retroprop.data.stream import Stream
from retroprop.errors import DataError
from retroprop.tasks.detection.boxes import Fit, clip, fit
from retroprop.tasks.task import Part

__all__ = ["Pictures", "Scene", "load", "pixels", "size_of"]

Array = np.ndarray[Any, Any]

_MEMORY = 1 << 30  # bytes of images that are held; more are read again whenever they are taken
_LONGEST = 320  # side of the canvas when nothing else is asked for
GREY = 114  # of the canvas beside an image


class Scene(NamedTuple):
    """One image and what is marked in it, as a source has it.

    Attributes:
        name:   where it is from.
        read:   gives the bytes of its file, or its pixels (height, width[, 3]) uint8.
        boxes:  (n, 4) float64 xmin, ymin, xmax, ymax in pixels.
        labels: the class of each box.
        part:   "train", "validation", "test", or "" when the source does not say.
    """

    name: str
    read: Callable[[], Any]
    boxes: Any
    labels: Sequence[str]
    part: str = ""


class Pictures(Part):
    """Scenes with their images on the canvas.

    Attributes:
        scenes: in the order of x.
        fits:   how each image lies on the canvas.
        canvas: (height, width).
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        x: Any,
        fits: Sequence[Fit],
        canvas: tuple[int, int],
        notes: Any,
    ) -> None:
        super().__init__(x, None, [scene.name for scene in scenes], notes)
        self.scenes, self.fits, self.canvas = list(scenes), list(fits), canvas

    def only(self, numbers: Sequence[int]) -> Pictures:
        """Some of them, without the notes."""
        scenes = [self.scenes[number] for number in numbers]
        fits = [self.fits[number] for number in numbers]
        chosen = np.asarray(numbers, np.int64)
        if isinstance(self.x, Stream):
            whole = self.x
            x: Any = Stream(lambda k: whole.take([int(chosen[k])])[0], len(chosen))
        else:
            x = self.x[chosen]
        return Pictures(scenes, x, fits, self.canvas, [])


def pixels(content: Any, name: str = "image") -> Array:
    """The pixels of a file's bytes, or of an array: (height, width, 3) uint8.

    Raises:
        DataError: it is no image, or too large.

    Example:
        >>> pixels(np.zeros((4, 6), np.uint8)).shape
        (4, 6, 3)
    """
    if not isinstance(content, bytes):
        return _coloured(np.asarray(content), name)
    module = pillow().Image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large and odd files
            with module.open(io.BytesIO(content)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"{image.width}x{image.height} pixels are too many", file=name)
                return np.asarray(image.convert("RGB"))
    except DataError:
        raise
    except Exception as cause:  # noqa: BLE001  decoders raise anything on hostile bytes
        raise DataError(unreadable(cause), file=name) from None


def size_of(content: bytes) -> tuple[int, int]:
    """(height, width) of the image in a file's bytes, without decoding it.

    Raises:
        DataError: it is no image.
    """
    module = pillow().Image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with module.open(io.BytesIO(content)) as image:
                return int(image.height), int(image.width)
    except Exception:  # noqa: BLE001  decoders raise anything on hostile bytes
        raise DataError("not an image") from None


def _coloured(image: Array, name: str) -> Array:
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or image.shape[2:] not in ((), (3,), (1,))
    ):
        raise DataError(
            f"an image is uint8 (height, width) or (height, width, 3), not "
            f"{image.dtype} {image.shape}",
            file=name,
        )
    if image.ndim == 2 or image.shape[2] == 1:
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return image


class _Read(NamedTuple):
    """What is known of an image before it lies on a canvas: its size, a digest, or why not."""

    size: tuple[int, int]
    digest: str
    problem: str = ""


def _looked_at(scene: Scene) -> _Read:
    try:
        content = scene.read()
        image = pixels(content, scene.name)
    except OSError as error:
        return _Read((0, 0), "", f"cannot be read: {error.strerror or error}")
    except DataError as error:
        return _Read((0, 0), "", error.what.removeprefix(f"{scene.name}: "))
    plain = content if isinstance(content, bytes) else image.tobytes()
    return _Read(image.shape[:2], hashlib.blake2b(plain, digest_size=16).hexdigest())


def load(
    scenes: Sequence[Scene],
    *,
    canvas: tuple[int, int] | None = None,
    side: int | None = None,
    strict: bool = False,
    distinct: bool = False,
) -> Pictures:
    """The images that can be read, on one canvas, with boxes that lie inside them.

    Args:
        scenes:   as a source has them.
        canvas:   (height, width) of the network; chosen from the images when None:
        side:     its longer side then; that of most images, at most 320, when None.
        strict:   raise for the first image that cannot be read.
        distinct: of images that are the same byte by byte, keep the first.

    Raises:
        DataError: nothing is left.

    Example:
        >>> scene = Scene("a", lambda: np.zeros((20, 40, 3), np.uint8), np.zeros((0, 4)), [])
        >>> load([scene]).x.shape
        (1, 32, 48, 3)
    """
    notes: list[str] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        seen = list(pool.map(_looked_at, scenes))
    bad = [
        f"{scene.name} ({look.problem})"
        for scene, look in zip(scenes, seen, strict=True)
        if look.problem
    ]
    if bad and (strict or len(bad) == len(scenes)):
        raise DataError(f"cannot be used as an image: {bad[0]}", fix="remove it, or strict=no")
    notes += [_listed("images that could not be read, skipped", bad)] if bad else []
    pairs = [(s, look) for s, look in zip(scenes, seen, strict=True) if not look.problem]
    if distinct:
        pairs = _distinct(pairs, notes)
    if not pairs:
        raise DataError("there are no images")
    if canvas is None:
        canvas = _canvas([look.size for _, look in pairs], side)
    kept = _checked([_sized(*pair) for pair in pairs], notes)
    fits = [fit(look.size, canvas) for _, look in pairs]
    return Pictures(kept, _stacked(kept, fits, canvas), fits, canvas, notes)


def _listed(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{what}: {len(names)} ({', '.join(names[:5])}{more})"


def _distinct(pairs: list[Any], notes: list[str]) -> list[Any]:
    first: dict[str, Any] = {}
    for scene, look in pairs:
        first.setdefault(look.digest, (scene, look))
    gone = len(pairs) - len(first)
    if gone:
        notes.append(f"images that repeat another exactly, left out: {gone}")
    return list(first.values())


def _canvas(sizes: list[tuple[int, int]], side: int | None) -> tuple[int, int]:
    """The size of most images, else the median, made smaller, in multiples of 16."""
    common, count = Counter(sizes).most_common(1)[0]
    if count * 2 <= len(sizes):
        common = tuple(np.median(np.array(sizes), axis=0).tolist())
    factor = (min(max(common), _LONGEST) if side is None else side) / max(common)
    height, width = (max(2, -(-round(length * factor) // 16)) * 16 for length in common)
    return height, width


class _Sized(NamedTuple):
    scene: Scene
    size: tuple[int, int]


def _sized(scene: Scene, look: _Read) -> _Sized:
    return _Sized(scene, look.size)


def _checked(pairs: list[_Sized], notes: list[str]) -> list[Scene]:
    """Scenes whose boxes lie inside, have an area, and stand there once; what was done is said."""
    counts: Counter[str] = Counter()
    kept = []
    for scene, size in pairs:
        boxes = np.asarray(scene.boxes, np.float64).reshape(-1, 4)
        inside = clip(boxes, *size)
        good, seen = [], set()
        for row, (box, cut) in enumerate(zip(boxes.tolist(), inside.tolist(), strict=True)):
            key = (*box, scene.labels[row])
            if not np.isfinite(box).all() or box[2] <= box[0] or box[3] <= box[1]:
                counts["without area, left out"] += 1
            elif cut[2] - cut[0] < 1e-6 or cut[3] - cut[1] < 1e-6:
                counts["wholly outside their image, left out"] += 1
            elif key in seen:
                counts["marked twice, one of each left out"] += 1
            else:
                # Half a pixel over the border is how some tools count.
                counts["over the border of their image, cut there"] += (
                    float(np.abs(np.subtract(box, cut)).max()) > 1.0
                )
                good.append(row)
            seen.add(key)
        labels = [scene.labels[row] for row in good]
        kept.append(scene._replace(boxes=inside[good], labels=labels))
    notes += [f"boxes {what}: {count}" for what, count in counts.items() if count]
    return kept


def _stacked(scenes: Sequence[Scene], fits: Sequence[Fit], canvas: tuple[int, int]) -> Any:
    """The images on the canvas, in memory, or read when they are taken."""

    def one(number: int) -> Array:
        return _placed(pixels(scenes[number].read(), scenes[number].name), fits[number], canvas)

    if len(scenes) * canvas[0] * canvas[1] * 3 > _MEMORY:
        return Stream(one, len(scenes))
    images = np.empty((len(scenes), *canvas, 3), np.uint8)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for number, image in enumerate(pool.map(one, range(len(scenes)))):
            images[number] = image
    return images


def _placed(image: Array, fitted: Fit, canvas: tuple[int, int]) -> Array:
    """An image, resized, at the upper left of a canvas that is grey elsewhere."""
    height, width = (min(a, b) for a, b in zip(fitted.size, canvas, strict=True))
    if image.shape[:2] != (height, width):
        module = pillow().Image
        resized = module.fromarray(image).resize((width, height), module.Resampling.BILINEAR)
        image = np.asarray(resized)
    placed = np.full((*canvas, 3), GREY, np.uint8)
    placed[:height, :width] = image
    return placed
