"""Which kind of annotations a source has, and its scenes."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.detection import coco, voc, yolo
from retroprop.tasks.detection.pictures import Scene
from retroprop.tasks.detection.store import Store
from retroprop.tasks.detection.tables import COLUMNS, PARTS, columns_of, scenes_of_rows

__all__ = ["found", "images_only", "scenes"]


class Layout(NamedTuple):
    """A way to write boxes down.

    Attributes:
        about: in words that follow "it is a folder of images with".
        files: the annotation files of this kind in a store.
        read:  (store, files, notes) -> scenes.
    """

    about: str
    files: Callable[[Store], list[str]]
    read: Callable[[Store, list[str], list[str]], list[Scene]]


def _tables(store: Store) -> list[str]:
    return [name for name in store.ending(".csv") if columns_of(_header(store, name))]


def _header(store: Store, name: str) -> list[str]:
    first = store.beginning(name, 4096).splitlines()[:1]
    return next(csv.reader(first), []) if first else []


def _read_tables(store: Store, files: list[str], notes: list[str]) -> list[Scene]:
    rows = []
    for name in files:
        lines = csv.reader(store.text(name).splitlines())
        head = next(lines)
        rows += [
            (name, number, dict(zip(head, line, strict=False)))
            for number, line in enumerate(lines, start=2)
            if line
        ]
    return scenes_of_rows(rows, notes, store)


LAYOUTS = (
    Layout("boxes in COCO's JSON", coco.files, coco.read),
    Layout("boxes in VOC's XML", voc.files, voc.read),
    Layout("boxes in YOLO's text files", yolo.files, yolo.read),
    Layout("a table of boxes", _tables, _read_tables),
)


def _opened(path: Path) -> tuple[Store, list[str] | None]:
    """The store around a path, and the annotation files when the path itself is one."""
    if path.is_dir() or path.suffix.lower() == ".zip":
        return Store(path), None
    if not path.exists():
        raise DataError("there is no such file or folder", file=path)
    return Store(path.parent), [path.name]


def found(source: Any) -> str:
    """What makes a source one of images with boxes, in words; "" when it is none.

    Example:
        >>> found(
        ...     {
        ...         "image": ["a.png"],
        ...         "label": ["cat"],
        ...         "xmin": [0],
        ...         "ymin": [0],
        ...         "xmax": [5],
        ...         "ymax": [5],
        ...     }
        ... )
        'it is a table of boxes in images'
        >>> found({"age": [1, 2]})
        ''
    """
    if isinstance(source, str | os.PathLike):
        try:
            return _found_in(Path(source))
        except DataError:
            return ""
    if columns_of(
        [str(name) for name in getattr(source, "columns", source)]
        if hasattr(source, "columns") or isinstance(source, Mapping)
        else []
    ):
        return "it is a table of boxes in images"
    first = source[0] if isinstance(source, list | tuple) and source else None
    if isinstance(first, Mapping) and {"image", "boxes"} <= set(first):
        return "it is a list of images with boxes"
    return ""


def _found_in(path: Path) -> str:
    if not path.is_dir() and path.suffix.lower() not in (".zip", ".csv", ".json", ".yaml", ".yml"):
        return ""
    if not path.exists():
        return ""
    if path.is_file() and path.suffix.lower() != ".zip":
        # Of what lies beside a file nothing is looked at before the file itself fits.
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            first = file.read(1 << 16)
        if path.suffix.lower() == ".csv":
            named = columns_of(next(csv.reader(first.splitlines()[:1]), []))
            return "it is a table of boxes in images" if named else ""
        if not coco.looks_right(first) and "names:" not in first:
            return ""
    store, only = _opened(path)
    if not store.images:
        return ""
    kind = "folder" if path.is_dir() else "file"
    for layout in LAYOUTS:
        files = layout.files(store)
        if files and (only is None or only[0] in files or path.suffix in (".yaml", ".yml")):
            return f"it is a {kind} of images with {layout.about}"
    return ""


def scenes(source: Any) -> tuple[list[Scene], list[str]]:
    """The scenes of a source, and notes on what was passed over.

    Args:
        source: a folder, .zip, table or JSON; rows of a table; a list of dicts with "image",
                "boxes", "labels" and perhaps "split".

    Raises:
        DataError: no layout fits, or names the file that does not.
    """
    notes: list[str] = []
    if isinstance(source, str | os.PathLike):
        return _scenes_in(Path(source), notes), notes
    if hasattr(source, "columns"):
        source = {str(name): list(source[name]) for name in source.columns}
    if isinstance(source, Mapping):
        lines = [dict(zip(source, row, strict=True)) for row in zip(*source.values(), strict=True)]
        rows = [("the table", number, row) for number, row in enumerate(lines, start=1)]
        return scenes_of_rows(rows, notes, None), notes
    if isinstance(source, list | tuple):
        return [_given(number, item) for number, item in enumerate(source)], notes
    raise DataError(
        f"{type(source).__name__} is no source of images with boxes",
        fix='give a path, a frame, or [{"image": ..., "boxes": ..., "labels": ...}, ...]',
    )


def _scenes_in(path: Path, notes: list[str]) -> list[Scene]:
    store, only = _opened(path)
    if not store.images:
        raise DataError("there are no images in it", file=path)
    for layout in LAYOUTS:
        files = layout.files(store)
        if only and path.suffix in (".csv", ".json"):
            files = [name for name in files if name in only]
        if files:
            return layout.read(store, files, notes)
    tables = [
        f"; {name} has {', '.join(_header(store, name)[:9])}" for name in store.ending(".csv")
    ]
    raise DataError(
        "there are no boxes in it: neither XML, YOLO's text files, COCO's JSON, nor a table with "
        f"the columns {', '.join(COLUMNS)}{''.join(tables[:2])}",
        file=path,
        fix="docs/tasks/detection.md shows the layouts",
    )


def images_only(source: Any) -> list[Scene]:
    """The images of a source, without boxes: to look for some in them.

    Args:
        source: an image file, a folder or .zip; an array (height, width, 3) or (n, height, width,
                3) uint8; a list of these.

    Raises:
        DataError: there is none.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.exists():
            raise DataError("there is no such file or folder", file=path)
        if path.is_dir() or path.suffix.lower() == ".zip":
            store = Store(path)
            if not store.images:
                raise DataError("there are no images in it", file=path)
            return [_bare(name, store.reader(name)) for name in store.images]
        return [_bare(path.name, path.read_bytes)]
    if isinstance(source, list | tuple):
        every = [scene for item in source for scene in images_only(_image_of(item))]
        return [
            scene._replace(name=f"image {number}") if scene.name == "image" else scene
            for number, scene in enumerate(every)
        ]
    if hasattr(source, "read"):
        raise ArgumentError("detection reads no text", fix="give an image, a folder or a .zip")
    image = np.asarray(source)
    if image.ndim == 4:
        return [_bare(f"image {k}", partial(np.asarray, one)) for k, one in enumerate(image)]
    return [_bare("image", lambda: image)]


def _image_of(item: Any) -> Any:
    return item["image"] if isinstance(item, Mapping) and "image" in item else item


def _bare(name: str, read: Callable[[], Any]) -> Scene:
    return Scene(name, read, np.zeros((0, 4)), [])


def _given(number: int, item: Any) -> Scene:
    """A scene of a dict from Python."""
    if not isinstance(item, Mapping) or not {"image", "boxes", "labels"} <= set(item):
        raise DataError(f'entry {number} must be a dict with "image", "boxes" and "labels"')
    image, labels = item["image"], [str(label) for label in item["labels"]]
    boxes = np.asarray(item["boxes"], np.float64).reshape(-1, 4)
    if len(boxes) != len(labels):
        raise DataError(f"entry {number} has {len(boxes)} boxes and {len(labels)} labels")
    part = PARTS.get(str(item.get("split", "")).lower(), "")
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        return Scene(path.name, path.read_bytes, boxes, labels, part)
    return Scene(f"image {number}", lambda: image, boxes, labels, part)
