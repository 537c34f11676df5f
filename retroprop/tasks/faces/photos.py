"""Photos of people from folders, files and arrays, brought to one size."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.images import (
    Header,
    image_paths,
    is_image_name,
    read_headers,
    read_images,
)
from retroprop.data.npz import read_npz
from retroprop.errors import DataError
from retroprop.tasks.task import Part

__all__ = ["IDENTITIES", "Form", "Photos", "read_photos", "resized"]

IDENTITIES = ("subject", "identity", "identities", "person", "people", "subjects")
_PICTURES = ("images", "photos", "faces", "x")
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

Array = np.ndarray[Any, Any]


class Form(NamedTuple):
    """What every photo is brought to: height, width, and 1 channel (grey) or 3 (colour)."""

    height: int
    width: int
    channels: int


class Photos(Part):
    """Photos of people.

    Attributes:
        x:      (photos, height, width, channels) uint8.
        y:      (photos,) numbers of people, or None.
        names:  what the person of each number is called.
        trains: whether this is what the network learns from.

    Example:
        >>> few = Photos(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]), names=["Ada", "Bo"])
        >>> len(few), few.of([1]).ids, few.people.tolist()
        (2, [1], [0, 1])
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        ids: Any = None,
        notes: Any = (),
        *,
        names: Sequence[str] = (),
        trains: bool = False,
    ) -> None:
        super().__init__(x, y, ids, notes)
        self.names, self.trains = list(names), trains

    @property
    def form(self) -> Form:
        """Height, width, channels."""
        return Form(*self.x.shape[1:])

    @property
    def people(self) -> Any:
        """The numbers of the people on the photos, each once."""
        return np.unique(self.y)

    def of(self, numbers: Any, *, trains: bool = False) -> Photos:
        """Some of the photos."""
        ids = [self.ids[int(number)] for number in numbers]
        y = None if self.y is None else self.y[numbers]
        return Photos(self.x[numbers], y, ids, names=self.names, trains=trains)


def read_photos(
    source: Any,
    *,
    longest: int | None = None,
    form: Form | None = None,
    named: bool = True,
    limit: int | None = None,
    seed: int = 0,
    strict: bool = False,
) -> Photos:
    """The photos of a source.

    Args:
        source:  a folder person/photo.jpg, an image file, a list of them, a `.npz` file or a dict
                 with images and identities, a pair (images, identities), or images.
        longest: side that the longer side of a photo is made smaller to; the shape is kept.
        form:    or height, width and channels that they are brought to.
        named:   who is on each has to be known.
        limit:   at most about this many photos: those of some people, drawn with the seed.
        strict:  stop at a photo that cannot be read, instead of listing it in the notes.

    Raises:
        DataError: nothing there that can be used; names file and array.

    Example:
        >>> faces = {"images": np.zeros((2, 6, 4), np.uint8), "person": ["Ada", "Bo"]}
        >>> read_photos(faces, longest=3).form, read_photos(faces).names
        (Form(height=3, width=2, channels=1), ['Ada', 'Bo'])
    """
    many = isinstance(source, list) and all(isinstance(each, str | os.PathLike) for each in source)
    paths = [os.fspath(each) for each in source] if many else []
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if not os.path.exists(path):
            raise DataError("no such file or folder", file=path)
        if not path.endswith(".npz"):
            paths = [path]
    if not paths:
        return _from_arrays(source, longest, form, named, limit, seed)
    notes: list[str] = []
    folder, names = _listed(paths, named, notes)
    if limit is not None:
        people = [name.split("/")[0] for name in names] if named else names
        names = [names[index] for index in _drawn(people, limit, seed, notes)]
    return _from_files(folder, names, longest, form, named, strict, notes)


# -- files -------------------------------------------------------------------------------------


def _listed(paths: list[str], named: bool, notes: list[str]) -> tuple[str, list[str]]:
    """The folder and the image files below it; of several paths, "" and the files."""
    if len(paths) == 1 and os.path.isdir(paths[0]):
        found = image_paths(paths[0])
        if not found:
            inside = ", ".join(sorted(os.listdir(paths[0]))[:10]) or "nothing"
            raise DataError(
                f"no photos in this folder (it holds {inside})",
                file=paths[0],
                fix="photos are laid out as person/photo.jpg",
            )
        inside_people = [name for name in found if "/" in name] if named else found
        if not inside_people:
            raise DataError(
                f"{len(found)} photos and no folders of people",
                file=paths[0],
                fix="put the photos of each person in a folder of their own: ada/1.jpg",
            )
        if len(inside_people) < len(found):
            loose = len(found) - len(inside_people)
            notes.append(f"{loose} photos outside the folders of people are left out")
        return paths[0], inside_people
    for path in paths:
        if named:
            raise DataError(
                "a folder of people is expected here", file=path, fix="person/photo.jpg"
            )
        if not os.path.isfile(path):
            raise DataError("no such photo", file=path)
        if len(paths) == 1 and not is_image_name(os.path.basename(path)):
            raise DataError("this is no photo, folder of photos or .npz file", file=path)
    return "", paths


def _from_files(
    folder: str, names: list[str], longest: int | None, form: Form | None,
    named: bool, strict: bool, notes: list[str],
) -> Photos:  # fmt: skip
    headers, bad = read_headers(folder, names)
    if strict and bad:
        name, why = next(iter(bad.items()))
        raise DataError(why, file=os.path.join(folder, name))
    if not headers:
        raise _unreadable(folder, names, bad)
    if form is None:
        grey = all(header.grey for header in headers.values())
        form = Form(*_smaller(_usual([*headers.values()]), longest), 1 if grey else 3)
    readable, size = [name for name in names if name in headers], (form.height, form.width)
    images, kept, more = read_images(folder, readable, size, form.channels, strict)
    bad |= more
    if not kept:
        raise _unreadable(folder, names, bad)
    if bad:
        told = "; ".join(f"{name}: {why}" for name, why in [*bad.items()][:20])
        rest = f"; and {len(bad) - 20} more" if len(bad) > 20 else ""
        notes.append(f"left out, cannot be read ({len(bad)}): {told}{rest}")
    images = images.reshape(*images.shape[:3], form.channels)
    if not named:
        return Photos(images, None, kept, notes)
    people, y = np.unique([name.split("/")[0] for name in kept], return_inverse=True)
    return Photos(images, y.reshape(-1), kept, notes, names=people.tolist())


def _usual(headers: Sequence[Header]) -> tuple[int, int]:
    """(height, width) of most photos; else the median."""
    sizes = [(header.height, header.width) for header in headers]
    size, count = Counter(sizes).most_common(1)[0]
    if count * 2 > len(sizes):
        return size
    middle = np.median(np.array(sizes), axis=0)
    return int(middle[0]), int(middle[1])


def _unreadable(folder: str, names: list[str], bad: Mapping[str, str]) -> DataError:
    name, why = next(iter(bad.items()))
    place = os.path.join(folder, name)
    if len(names) == 1:
        return DataError(why, file=place)
    return DataError(f"none of the {len(names)} photos can be read; {place}: {why}")


# -- arrays ------------------------------------------------------------------------------------


def _from_arrays(
    source: Any, longest: int | None, form: Form | None, named: bool, limit: int | None, seed: int
) -> Photos:
    images, people, file = _arrays(source, named)
    notes: list[str] = []
    images = _as_bytes(images, file, notes)
    ids: Any = np.arange(len(images))
    if named and len(people) != len(images):
        raise DataError(f"{len(images)} images and {len(people)} identities", file=file)
    if limit is not None:
        ids = np.array(_drawn(list(people) if named else ids.tolist(), limit, seed, notes))
    images = images[ids]
    if form is None:
        form = Form(*_smaller(images.shape[1:3], longest), images.shape[3])
    images = resized(_recoloured(images, form.channels), (form.height, form.width))
    if not named:
        return Photos(images, None, ids.tolist(), notes)
    found, y = np.unique(np.asarray(people)[ids], return_inverse=True)
    names = [str(name) for name in found.tolist()]
    return Photos(images, y.reshape(-1), ids.tolist(), notes, names=names)


def _arrays(source: Any, named: bool) -> tuple[Any, Any, str | None]:
    """Images, identities (or None) and the name of the file."""
    file = None
    if isinstance(source, str | os.PathLike):
        file, source = Path(source).name, read_npz(source)
    if isinstance(source, tuple) and len(source) == 2:
        return np.asarray(source[0]), np.asarray(source[1]), file
    if not isinstance(source, Mapping):
        if named:
            raise DataError(
                f"{type(source).__name__} does not say who is on the photos",
                fix="give a pair (images, identities), or a folder person/photo.jpg",
            )
        return np.asarray(source), None, file
    pictures = next((name for name in _PICTURES if name in source), None)
    people = next((name for name in IDENTITIES if name in source), None)
    if people is None and named:
        people = next((name for name in ("y", "label", "labels") if name in source), None)
    if pictures is None or (named and people is None):
        what = f"images (such as {_PICTURES[0]})" if pictures is None else "who is on each photo"
        raise DataError(
            f"no array of {what} among {', '.join(map(str, source))}",
            file=file,
            fix='name the arrays "images" and "person"',
        )
    who = None if people is None else np.asarray(source[people])
    return np.asarray(source[pictures]), who, file


def _as_bytes(images: Any, file: str | None, notes: list[str]) -> Array:
    """Images as uint8 (photos, height, width, 1 or 3)."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
        images = np.moveaxis(images, 1, 3)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"images of shape {images.shape} are not (photos, height, width[, 1 or 3])", file=file
        )
    if images.dtype == np.uint8:
        return np.asarray(images)
    if images.dtype.kind not in "iuf":
        raise DataError(f"images hold {images.dtype}, not numbers", file=file)
    low, high = float(images.min()), float(images.max())
    if not 0 <= low <= high <= 255:
        raise DataError(f"images hold values from {low:g} to {high:g}, not 0 to 255", file=file)
    if images.dtype.kind == "f" and high <= 1:
        notes.append("the values of the images lie in 0 to 1: taken times 255")
        images = images * 255
    return np.rint(images).astype(np.uint8)


def _recoloured(images: Array, channels: int) -> Array:
    if images.shape[3] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=3)
    return np.rint(images @ _LUMA)[..., None].astype(np.uint8)


def resized(images: Any, size: tuple[int, int]) -> Array:
    """Images (n, height, width, channels) in another size; each pixel is a mean of those it stands
    for, weighted by a triangle, as Pillow's bilinear filter does.

    Example:
        >>> resized(np.array([[[[0], [100]]]], np.uint8), (1, 1)).ravel().tolist()
        [50]
    """
    images = np.asarray(images)
    if images.shape[1:3] == tuple(size):
        return images
    rows, columns = _weights(images.shape[1], size[0]), _weights(images.shape[2], size[1])
    made = [
        np.einsum("ri,iwc->rwc", rows, np.einsum("cj,hjk->hck", columns, image.astype(np.float64)))
        for image in images
    ]
    result: Array = np.clip(np.rint(np.stack(made)), 0, 255).astype(np.uint8)
    return result


def _weights(old: int, new: int) -> Array:
    """(new, old): how much each old pixel counts in each new one."""
    ratio = old / new
    reach = max(ratio, 1.0)
    middle = (np.arange(new) + 0.5) * ratio
    distance = np.abs(np.arange(old) + 0.5 - middle[:, None]) / reach
    weights: Array = np.maximum(0.0, 1 - distance)
    return weights / weights.sum(axis=1, keepdims=True)


def _smaller(size: Sequence[int], longest: int | None) -> tuple[int, int]:
    """A size of the same shape whose longer side is at most `longest`."""
    height, width = int(size[0]), int(size[1])
    if longest is None or max(height, width) <= longest:
        return height, width
    shrink = longest / max(height, width)
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def _drawn(people: Sequence[Any], limit: int, seed: int, notes: list[str]) -> list[int]:
    """The photos of as many people, drawn at random, as have no more than `limit` in all."""
    if len(people) <= limit:
        return list(range(len(people)))
    counts = Counter(people)
    names = sorted(counts)
    total, kept = 0, set()
    for index in np.random.default_rng(seed).permutation(len(names)).tolist():
        if total + counts[names[index]] <= limit:
            total += counts[names[index]]
            kept.add(names[index])
    notes.append(f"limit: {total} of {len(people)} photos, those of {len(kept)} people")
    return [index for index, person in enumerate(people) if person in kept]
