"""Boxes in Pascal VOC's XML: one file for each image."""

from __future__ import annotations

from pathlib import PurePosixPath
from xml.etree import ElementTree

import numpy as np

from retroprop.errors import DataError
from retroprop.tasks.detection.pictures import Scene
from retroprop.tasks.detection.store import Store
from retroprop.tasks.detection.tables import PARTS, part_of, unmatched

__all__ = ["files", "read"]


def files(store: Store) -> list[str]:
    """The XML files that are annotations, judged by the first of them."""
    names = store.ending(".xml")
    return names if names and "<annotation" in store.beginning(names[0], 2000) else []


def read(store: Store, names: list[str], notes: list[str]) -> list[Scene]:
    """The scenes of XML files; images without one hold no boxes.

    Images belong to the parts that ImageSets/Main/*.txt or their folders name.

    Raises:
        DataError: names the file that is no annotation, or the box without its corners.
    """
    parts = _image_sets(store)
    known: dict[str, Scene] = {}
    lost = []
    for name in names:
        root = _parsed(store, name)
        # The file's own name is right where images were renamed or <filename> lacks its ending.
        at = store.image(PurePosixPath(name).stem, name)
        at = at or store.image((root.findtext("filename") or "").strip() or "?", name)
        if at is None:
            lost.append(name)
            continue
        boxes, labels = [], []
        for item in root.iter("object"):
            labels.append((item.findtext("name") or "").strip())
            boxes.append(_corners(item, store.at(name)))
            if not labels[-1]:
                raise DataError(f"object {len(labels)} has no <name>", file=store.at(name))
        part = parts.get(PurePosixPath(at).stem) or part_of(at, name)
        array = np.array(boxes, np.float64).reshape(-1, 4)
        known[at] = Scene(at, store.reader(at), array, labels, part)
    unmatched(lost, notes)
    for at in store.images:
        if at not in known:
            part = parts.get(PurePosixPath(at).stem) or part_of(at)
            known[at] = Scene(at, store.reader(at), np.zeros((0, 4)), [], part)
    return [known[at] for at in sorted(known)]


def _parsed(store: Store, name: str) -> ElementTree.Element:
    text = store.text(name)
    if "<!ENTITY" in text:  # a few lines of these can fill the memory
        raise DataError("XML with entities is not read", file=store.at(name))
    try:
        return ElementTree.fromstring(text)  # noqa: S314  without entities, which are refused above
    except ElementTree.ParseError as error:
        raise DataError(f"damaged XML: {error}", file=store.at(name)) from None


def _corners(item: ElementTree.Element, file: str) -> list[float]:
    try:
        return [float(item.findtext(f"bndbox/{side}") or "") for side in
                ("xmin", "ymin", "xmax", "ymax")]  # fmt: skip
    except ValueError:
        name = item.findtext("name")
        raise DataError(f"an object ({name}) has no four corners", file=file) from None


def _image_sets(store: Store) -> dict[str, str]:
    """stem -> part, as ImageSets/Main/train.txt and its like have it."""
    parts: dict[str, str] = {}
    for name in store.ending(".txt"):
        path = PurePosixPath(name)
        if "ImageSets" in path.parts and path.stem in PARTS:
            parts.update((line.split()[0], PARTS[path.stem])
                         for line in store.text(name).splitlines() if line.strip())  # fmt: skip
    return parts
