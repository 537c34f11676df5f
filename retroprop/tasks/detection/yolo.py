"""Boxes in YOLO's text files: class, centre and size on a line, as shares of the image."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from retroprop.errors import DataError
from retroprop.tasks.detection.pictures import Scene, size_of
from retroprop.tasks.detection.store import Store
from retroprop.tasks.detection.tables import part_of, unmatched

__all__ = ["files", "read"]

_LINE = re.compile(r"^\d+(\s+[-+.\deE]+){4}\s*$")
_OTHER = ("classes.txt", "obj.names", "train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt")


def files(store: Store) -> list[str]:
    """The text files that hold boxes, judged by the first line of some."""
    names = [name for name in store.ending(".txt") if PurePosixPath(name).name.lower() not in _OTHER
             and "ImageSets" not in PurePosixPath(name).parts]  # fmt: skip
    inside = [name for name in names if "labels" in PurePosixPath(name).parts]
    chosen = inside or names
    for name in chosen[:20]:
        lines = store.beginning(name, 1000).splitlines()[:1]
        if lines and lines[0].strip():
            return chosen if _LINE.match(lines[0].strip()) else []
    return chosen if inside else []


def read(store: Store, names: list[str], notes: list[str]) -> list[Scene]:
    """The scenes of text files; images without one hold no boxes.

    Raises:
        DataError: names file and line of what is no box, or of a class without a name.
    """
    classes = _classes(store)
    known: dict[str, Scene] = {}
    lost = []
    for name in names:
        at = store.image(PurePosixPath(name).stem, name)
        if at is None:
            lost.append(name)
            continue
        known[at] = _scene(store, name, at, classes)
    unmatched(lost, notes)
    for at in store.images:
        if at not in known:
            known[at] = Scene(at, store.reader(at), np.zeros((0, 4)), [], part_of(at))
    return [known[at] for at in sorted(known)]


def _scene(store: Store, name: str, at: str, classes: list[str]) -> Scene:
    rows, labels = [], []
    for number, line in enumerate(store.text(name).splitlines(), start=1):
        if not line.strip():
            continue
        if not _LINE.match(line.strip()):
            raise DataError(f"{line.strip()[:60]!r} is not: class x y width height",
                            file=store.at(name), row=number)  # fmt: skip
        first, *rest = line.split()
        if classes and int(first) >= len(classes):
            raise DataError(f"class {first} has no name: there are {len(classes)}",
                            file=store.at(name), row=number)  # fmt: skip
        labels.append(classes[int(first)] if classes else f"class {first}")
        rows.append([float(value) for value in rest])
    shares = np.array(rows, np.float64).reshape(-1, 4)
    height, width = _size(store, at) if rows else (1, 1)
    middle, half = shares[:, :2], shares[:, 2:] / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1) * [width, height, width, height]
    return Scene(at, store.reader(at), boxes, labels, part_of(at, name))


def _size(store: Store, at: str) -> tuple[int, int]:
    """(height, width); of an image that cannot be read anything: it will be skipped, and said."""
    try:
        return size_of(store.read(at))
    except DataError:
        return 1, 1


def _classes(store: Store) -> list[str]:
    """The names of the classes: from classes.txt, obj.names or data.yaml; [] when there is none."""
    for name in store.ending("classes.txt", "obj.names"):
        return [line.strip() for line in store.text(name).splitlines() if line.strip()]
    for name in store.ending(".yaml", ".yml"):
        import yaml  # noqa: PLC0415  only here

        try:
            content: Any = yaml.safe_load(store.text(name))
        except yaml.YAMLError as error:
            raise DataError(f"damaged: {error}", file=store.at(name)) from None
        names = content.get("names") if isinstance(content, dict) else None
        if isinstance(names, dict):
            return [str(names[key]) for key in sorted(names)]
        if isinstance(names, list):
            return [str(each) for each in names]
    return []
