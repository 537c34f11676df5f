"""Boxes in COCO's JSON: one file with images, categories and annotations."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from retroprop.errors import DataError
from retroprop.tasks.detection.pictures import Scene
from retroprop.tasks.detection.store import Store
from retroprop.tasks.detection.tables import part_of, unmatched

__all__ = ["files", "looks_right", "read"]


def files(store: Store) -> list[str]:
    """The JSON files with annotations, judged by their beginning."""
    return [name for name in store.ending(".json") if looks_right(store.beginning(name, 1 << 16))]


def looks_right(text: str) -> bool:
    """Whether the beginning of a JSON file is that of COCO's annotations."""
    known = ('"images"', '"annotations"', '"categories"')
    return any(word in text for word in known) and ('"file_name"' in text or '"bbox"' in text)


def read(store: Store, names: list[str], notes: list[str]) -> list[Scene]:
    """The scenes of JSON files; several are the parts that their names say (train, val, test).

    Raises:
        DataError: names the file that lacks what COCO asks for.
    """
    known: dict[str, Scene] = {}
    lost: list[str] = []
    crowds = 0
    for name in names:
        content = _parsed(store, name)
        try:
            crowds += _add(store, name, content, known, lost)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"is not COCO's JSON: {error!r}", file=store.at(name)) from None
    unmatched(lost, notes)
    if crowds:
        notes.append(f"boxes around crowds (iscrowd), left out: {crowds}")
    return [known[at] for at in sorted(known)]


def _parsed(store: Store, name: str) -> Any:
    try:
        return json.loads(store.text(name))
    except (ValueError, RecursionError) as error:
        raise DataError(f"damaged: {error}", file=store.at(name)) from None


def _add(store: Store, name: str, content: Any, known: dict[str, Scene], lost: list[str]) -> int:
    """Put the scenes of one file to those known; how many boxes were around crowds."""
    classes = {item["id"]: str(item["name"]) for item in content["categories"]}
    by_image: dict[Any, list[Any]] = {item["id"]: [] for item in content["images"]}
    crowds = 0
    for item in content["annotations"]:
        if item["image_id"] not in by_image:
            lost.append(f"annotation {item.get('id', '?')} of image {item['image_id']}")
        elif item.get("iscrowd"):
            crowds += 1
        else:
            by_image[item["image_id"]].append(item)
    for image in content["images"]:
        at = store.image(str(image["file_name"]), name)
        if at is None:
            lost.append(str(image["file_name"]))
            continue
        if at in known:
            raise DataError(f"{at} is in two of the JSON files, or twice in it",
                            file=store.at(name))  # fmt: skip
        boxes = np.array([item["bbox"] for item in by_image[image["id"]]], np.float64).reshape(
            -1, 4
        )
        boxes[:, 2:] += boxes[:, :2]
        labels = [classes[item["category_id"]] for item in by_image[image["id"]]]
        known[at] = Scene(
            at, store.reader(at), boxes, labels, part_of(at) or part_of(name, stem=True)
        )
    return crowds
