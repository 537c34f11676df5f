"""Whether a source is data for image classification, told by names and first lines only."""

from __future__ import annotations

import os
import zipfile
from typing import Any

import numpy as np

from retroprop.data.arrays import holds_pair
from retroprop.data.images import is_image_name
from retroprop.errors import DataError
from retroprop.tasks.images.listing import listed, path_column, top_of

__all__ = ["claim"]

_INPUTS = {"x", "images", "image", "data", "features", "inputs", "input"}
_TARGETS = {"y", "labels", "label", "target", "targets", "classes", "outputs"}
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation"}
_DEPTH = 2  # folders below the source that are looked into


def claim(source: Any, target: str | None) -> str:
    """Why a source is images of classes, in words that follow "because"; "" when it is not.

    Example:
        >>> claim({"x": np.zeros((4, 8, 8), np.uint8), "y": np.arange(4) % 2}, None)
        'it holds 8x8 images with their classes'
        >>> claim({"path": ["a/1.png"], "label": ["a"]}, None)
        'its column "path" names image files'
        >>> claim({"size": [1, 2], "price": [3, 4]}, None)
        ''
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if os.path.isdir(path):
            return "it is a folder of image folders" if _class_folder(path, _DEPTH) else ""
        if path.lower().endswith(".npz"):
            return _of_npz(path)
    if isinstance(source, tuple) and len(source) == 2:
        source = dict(zip("xy", source, strict=True))
    if isinstance(source, dict) and any(getattr(v, "ndim", 1) > 1 for v in source.values()):
        return _of_arrays({key: np.asarray(value) for key, value in source.items()})
    return _of_table(source, target)


def _class_folder(path: str, depth: int) -> bool:
    """Whether a folder in this one holds images."""
    try:
        inside = sorted(name for name in os.listdir(path) if not name.startswith((".", "__")))
    except OSError:
        return False
    for name in inside:
        folder = os.path.join(path, name)
        if not os.path.isdir(folder):
            continue
        try:
            holds = any(is_image_name(file) for file in os.listdir(folder))
        except OSError:
            continue
        if holds or (depth > 1 and name.lower() in _PARTS and _class_folder(folder, depth - 1)):
            return True
    return False


def _of_table(source: Any, target: str | None) -> str:
    table = top_of(source)
    column = None if table is None else path_column(table)
    if column is None:
        return ""
    columns = {name: _cells(table.columns[name]) for name in table.names}
    try:
        listed(columns, target)
    except DataError:  # which column holds the classes is asked when it is read
        return "" if target is None and len(columns) > 2 else f'its column "{column}" names images'
    return f'its column "{column}" names image files'


def _cells(column: Any) -> list[str]:
    texts = column.as_text()
    return [texts.texts[code] or "?" for code in texts.codes]


def _of_npz(path: str) -> str:
    """Shapes are read without the arrays; labels, which are small, are looked at."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            shapes = {name: _shape(archive, f"{name}.npy") for name in names}
        images = {name: shape for name, shape in shapes.items() if _named(name, _INPUTS)}
        if not holds_pair(names) or not any(len(shape) in (3, 4) for shape in images.values()):
            return ""
        labels = next(name for name in names if _named(name, _TARGETS))
        with np.load(path, allow_pickle=False) as arrays:
            fits = _is_labels(arrays[labels])
    except (OSError, ValueError, KeyError, StopIteration, zipfile.BadZipFile, RuntimeError):
        return ""
    return _words(next(iter(images.values()))) if fits else ""


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    with archive.open(name) as stream:
        version = np.lib.format.read_magic(stream)
        old = version == (1, 0)
        head = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape: tuple[int, ...] = head(stream)[0]
    return shape


def _of_arrays(arrays: dict[str, Any]) -> str:
    images = [value for key, value in arrays.items() if _named(key, _INPUTS)]
    labels = [value for key, value in arrays.items() if _named(key, _TARGETS)]
    if not holds_pair(arrays) or not images or not labels or not _is_labels(labels[0]):
        return ""
    return _words(images[0].shape) if images[0].ndim in (3, 4) else ""


def _named(key: Any, names: set[str]) -> bool:
    return any(part in names for part in str(key).lower().split("_"))


def _is_labels(y: Any) -> bool:
    """Classes: texts, whole numbers, or one-hot rows."""
    if y.dtype.kind not in "iubUSf":
        return False
    if y.ndim == 2 and y.shape[1] > 1:
        return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
    if y.dtype.kind == "f":
        return bool((y == np.floor(y)).all()) and len(np.unique(y)) * 2 <= y.size
    return y.ndim in (1, 2)


def _words(shape: tuple[int, ...]) -> str:
    first = len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3)
    height, width = shape[2:4] if first else shape[1:3]
    return f"it holds {height}x{width} images with their classes"
