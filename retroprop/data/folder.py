"""Folders of images as data: class/name.jpg, with train/, test/ and val/ above when present."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.data import Data, Inputs, assemble, limited
from retroprop.data.images import (
    Header,
    common_size,
    image_paths,
    is_image_name,
    read_headers,
    read_images,
)
from retroprop.data.split import repeat_groups
from retroprop.data.standardise import ImagePreprocessor
from retroprop.data.target import Target
from retroprop.errors import ArgumentError, DataError

__all__ = [
    "ImageFile", "checked_size", "classes_of", "drawn_files", "folder_data", "image_files",
    "inputs_from_images", "labelled_files", "nothing_readable", "say_sizes", "say_unreadable",
]  # fmt: skip

_PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "val": "val",
    "valid": "val", "validation": "val",
}  # fmt: skip


class ImageFile(NamedTuple):
    """An image file: its path in the folder, and what the folders above it say."""

    name: str
    part: str  # "train", "test", "val", or "" when the folder is not divided
    label: str  # "" for a file that lies in no class folder


def image_files(folder: str) -> list[ImageFile]:
    """All image files; the top folders are parts when each of them is called like one."""
    names = image_paths(folder)
    tops = {name.split("/")[0].lower() for name in names if "/" in name}
    divided = bool(tops) and tops <= set(_PARTS)
    entries = []
    for name in names:
        steps = name.split("/")[:-1]
        part = _PARTS[steps.pop(0).lower()] if divided and steps else ""
        entries.append(ImageFile(name, part, steps[0] if steps else ""))
    return entries


def folder_data(
    folder: str,
    *,
    limit: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    strict: bool = False,
    image_size: Any = None,
    channels: int | None = None,
) -> Data:
    """A folder of class folders to training and test data; arguments as in `load`.

    Raises:
        DataError: no images, no class folders, a single class, nothing readable; with `strict`
            the first file that cannot be read. Other unreadable files are listed in the notes.
    """
    size = None if image_size is None else checked_size(image_size)
    if channels not in (None, 1, 3):
        raise ArgumentError(f"channels must be 1 (grey) or 3 (colour), got {channels!r}")
    notes: list[str] = []
    entries = labelled_files(folder, notes)
    train_part = "train" if any(entry.part == "train" for entry in entries) else entries[0].part
    entries = drawn_files(entries, limit, seed, notes)
    headers, bad = read_headers(folder, [entry.name for entry in entries])
    if bad and strict:
        name, why = next(iter(bad.items()))
        raise DataError(why, file=os.path.join(folder, name))
    shown = [headers[e.name] for e in entries if e.part == train_part and e.name in headers]
    if not shown:
        raise nothing_readable(folder, bad)
    size = size or common_size(shown)
    channels = channels or (1 if all(header.grey for header in shown) else 3)
    say_sizes(shown, size, channels, notes)
    readable = [entry for entry in entries if entry.name in headers]
    images, kept, more = read_images(folder, [e.name for e in readable], size, channels, strict)
    say_unreadable(bad | more, notes)
    left = [entry for entry in readable if entry.name not in more]
    classes = classes_of(left, train_part, folder)
    target = Target("class", "classification", "categorical", classes)
    notes.insert(0, f"images of {len(classes)} classes: {', '.join(classes[:20])}")
    y = np.array([classes.index(entry.label) for entry in left], dtype=np.int64)
    return _assembled(folder, target, images, y, kept, left, test_fraction, seed, notes)


def _assembled(
    folder: str, target: Target, images: Any, y: Any, kept: list[str], entries: list[ImageFile],
    test_fraction: float, seed: int, notes: list[str],
) -> Data:  # fmt: skip
    """Data with the folder's own test (else val) part, or with one split off."""
    parts = np.array([entry.part for entry in entries])
    ids = np.array(kept, dtype=object)
    tests = [part for part in ("test", "val") if part in parts and "train" in parts]
    if not tests:
        groups = repeat_groups(images, notes, "images")
        return assemble(
            "images", target, images, y, ids, test_fraction=test_fraction, seed=seed,
            groups=groups, source=folder, notes=notes,
        )  # fmt: skip
    train, test, val = parts == "train", parts == tests[0], parts == "val"
    own = (images[val], y[val]) if tests == ["test", "val"] else None
    notes.append(
        f"{train.sum()} images to train, {test.sum()} to test (folder {tests[0]}/)"
        + (f", {val.sum()} to validate" if own else "")
    )
    return Data(
        "images", target, (images[train], y[train], ids[train]),
        (images[test], y[test], ids[test]), validation=own, source=folder, notes=notes,
    )  # fmt: skip


def labelled_files(folder: str, notes: list[str]) -> list[ImageFile]:
    """The images that lie in class folders; says how many do not."""
    entries = image_files(folder)
    if not entries:
        inside = sorted(os.listdir(folder))[:10]
        raise DataError(
            f"no image files in this folder (it holds {', '.join(inside) or 'nothing'})",
            file=folder, fix="a folder of images is laid out as class/name.jpg",
        )  # fmt: skip
    labelled = [entry for entry in entries if entry.label]
    if not labelled:
        raise DataError(
            f"{len(entries)} images and no class folders",
            file=folder, fix="put the images of each class in a folder of its own: cats/1.jpg",
        )  # fmt: skip
    loose = len(entries) - len(labelled)
    if loose:
        notes.append(f"{loose} images outside the class folders are left out")
    return labelled


def drawn_files(
    entries: list[ImageFile], limit: int | None, seed: int, notes: list[str]
) -> list[ImageFile]:
    """At most `limit` entries of every part, so that no more is decoded than is used."""
    if limit is None:
        return entries
    kept: list[ImageFile] = []
    for part in sorted({entry.part for entry in entries}):
        members = [entry for entry in entries if entry.part == part]
        labels = [entry.label for entry in members]
        chosen = limited(len(members), limit, seed, labels, notes)
        kept += members if chosen is None else [members[index] for index in chosen]
    return sorted(kept)


def classes_of(entries: list[ImageFile], train_part: str, folder: str) -> list[str]:
    """The labels of the training part, sorted.

    Raises:
        DataError: a single class, or classes that only other parts have.

    Example:
        >>> classes_of([ImageFile("b/1.png", "", "b"), ImageFile("a/1.png", "", "a")], "", ".")
        ['a', 'b']
    """
    classes = sorted({entry.label for entry in entries if entry.part == train_part})
    strange = sorted({entry.label for entry in entries} - set(classes))
    if strange:
        raise DataError(
            f"classes without training images: {', '.join(strange[:10])}",
            file=folder, fix=f"the folder {train_part}/ has {', '.join(classes[:20])}",
        )  # fmt: skip
    if len(classes) < 2:
        raise DataError(
            f"a single class ({classes[0] if classes else 'none'}): nothing to tell apart",
            file=folder, fix="images are laid out as class/name.jpg, one folder per class",
        )  # fmt: skip
    return classes


def nothing_readable(folder: str, bad: dict[str, str]) -> DataError:
    """The error for files none of which can be read, with the reason for the first."""
    name, why = next(iter(bad.items()))
    return DataError(f"none of the {len(bad)} images can be read; {name}: {why}", file=folder)


def say_unreadable(bad: dict[str, str], notes: list[str]) -> None:
    """A note on the files that were left out, each with its reason; none when there are none.

    Example:
        >>> notes = []
        >>> say_unreadable({"a/1.png": "not an image"}, notes)
        >>> notes
        ['1 image cannot be read and is left out: a/1.png: not an image']
    """
    if not bad:
        return
    listed = "; ".join(f"{name}: {why}" for name, why in list(bad.items())[:20])
    more = f"; and {len(bad) - 20} more" if len(bad) > 20 else ""
    one = len(bad) == 1
    what = "1 image cannot be read and is" if one else f"{len(bad)} images cannot be read and are"
    notes.append(f"{what} left out: {listed}{more}")


def say_sizes(
    headers: list[Header], size: tuple[int, int], channels: int, notes: list[str]
) -> None:
    """A note on the size and colour that all images get."""
    different = {(header.height, header.width) for header in headers} - {size}
    what = "grey" if channels == 1 else "colour"
    resized = f" (resized; {len(different)} other sizes)" if different else ""
    notes.append(f"{what} images of {size[0]}x{size[1]} pixels{resized}")


def inputs_from_images(
    path: str, preprocessor: ImagePreprocessor, with_target: bool = False, strict: bool = False
) -> Inputs:
    """An image file, or all images below a folder, for a trained model; arguments as `read_inputs`.

    With a target the folder is laid out as in training, and its test part is used if it has one.

    Raises:
        DataError: nothing readable; with a target no class folders, or classes that training did
            not have.
    """
    height, width, channels = preprocessor.shape_
    notes: list[str] = []
    if os.path.isdir(path):
        folder = path
        entries = labelled_files(folder, notes) if with_target else image_files(folder)
        if with_target and any(entry.part == "test" for entry in entries):
            entries = [entry for entry in entries if entry.part == "test"]
    else:
        folder, name = os.path.split(path)
        entries = [ImageFile(name, "", os.path.basename(folder))] if is_image_name(name) else []
    if not entries:
        raise DataError("no image files here", file=path)
    headers, bad = read_headers(folder, [entry.name for entry in entries])
    if bad and strict:
        name, why = next(iter(bad.items()))
        raise DataError(why, file=os.path.join(folder, name))
    names = [entry.name for entry in entries if entry.name in headers]
    images, kept, more = read_images(folder, names, (height, width), channels, strict)
    bad |= more
    if not kept:
        raise nothing_readable(path, bad)
    say_unreadable(bad, notes)
    labels = {entry.name: entry.label for entry in entries}
    y = _known_classes(path, preprocessor, [labels[name] for name in kept]) if with_target else None
    return Inputs(images, y, np.array(kept, dtype=object), notes)


def _known_classes(path: str, preprocessor: ImagePreprocessor, labels: list[str]) -> Any:
    names = preprocessor.target.class_names if preprocessor.target else []
    strange = sorted(set(labels) - set(names))
    if strange:
        raise DataError(
            f"classes that training did not have: {', '.join(strange[:10])}",
            file=path, fix=f"the classes are {', '.join(names[:20])}",
        )  # fmt: skip
    return np.array([names.index(label) for label in labels], dtype=np.int64)


def checked_size(size: Any) -> tuple[int, int]:
    """(height, width) of one number or a pair.

    Raises:
        ArgumentError: no whole numbers from 1 to 4096.

    Example:
        >>> checked_size(32)
        (32, 32)
    """
    pair = (size, size) if isinstance(size, int) else size
    shaped = isinstance(pair, tuple | list) and len(pair) == 2
    if not shaped or not all(isinstance(side, int) and 1 <= side <= 4096 for side in pair):
        raise ArgumentError(
            f"image_size must be a whole number or (height, width), each 1 .. 4096, got {size!r}"
        )
    return (pair[0], pair[1])
