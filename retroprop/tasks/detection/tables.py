"""Boxes as rows of a table: image, label, xmin, ymin, xmax, ymax, and perhaps split."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from retroprop.errors import DataError
from retroprop.tasks.detection.pictures import Scene
from retroprop.tasks.detection.store import Store

__all__ = ["COLUMNS", "PARTS", "columns_of", "part_of", "scenes_of_rows", "unmatched"]

COLUMNS = ("image", "label", "xmin", "ymin", "xmax", "ymax")
_ALSO = {
    "image": ("image", "filename", "file_name", "image_path", "path", "image_id"),
    "label": ("label", "class", "class_name", "name", "category"),
    "xmin": ("xmin", "x1", "x_min", "left"),
    "ymin": ("ymin", "y1", "y_min", "top"),
    "xmax": ("xmax", "x2", "x_max", "right"),
    "ymax": ("ymax", "y2", "y_max", "bottom"),
    "split": ("split", "part", "subset", "set"),
}
PARTS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation",
    "validation": "validation", "dev": "validation", "test": "test", "testing": "test",
    "train2017": "train", "val2017": "validation", "test2017": "test",
}  # fmt: skip


def part_of(*names: str, stem: bool = False) -> str:
    """The part that the folders of paths name (and their stems, word by word), or "".

    Example:
        >>> part_of("images/test/a.png"), part_of("test_1.png")
        ('test', '')
        >>> part_of("instances_val2017.json", stem=True)
        'validation'
    """
    for name in names:
        path = PurePosixPath(name)
        words = path.stem.replace("-", "_").split("_") if stem else []
        for word in (*path.parts[:-1], *words):
            if word.lower() in PARTS:
                return PARTS[word.lower()]
    return ""


def columns_of(names: Sequence[str]) -> dict[str, str]:
    """Which column is which; empty when one of the six is missing.

    Example:
        >>> columns_of(["filename", "class", "x1", "y1", "x2", "y2"])["image"]
        'filename'
        >>> columns_of(["image", "label"])
        {}
    """
    plain = {name.strip().lower(): name for name in names}
    found = {
        column: next((plain[also] for also in others if also in plain), "")
        for column, others in _ALSO.items()
    }
    return found if all(found[column] for column in COLUMNS) else {}


@lru_cache(maxsize=16)
def _known_columns(names: tuple[str, ...]) -> dict[str, str]:
    return columns_of(names)


def scenes_of_rows(
    rows: Iterable[tuple[str, int, Mapping[str, Any]]], notes: list[str], store: Store | None
) -> list[Scene]:
    """The scenes of rows, each with the file it stands in and its number there.

    Args:
        rows:  a row without a label is an image without boxes.
        notes: what is left out is said here.
        store: where the images are; None for paths.

    Raises:
        DataError: names file, row and column of what cannot be read.
    """
    boxes: dict[str, list[list[float]]] = {}
    labels: dict[str, list[str]] = {}
    parts: dict[str, str] = {}
    lost: set[str] = set()
    for file, number, row in rows:
        names = _known_columns(tuple(row))
        if not names:
            raise DataError(
                f"the columns are {', '.join(row)}", file=file,
                fix=f"a table of boxes has the columns {', '.join(COLUMNS)}, and perhaps split",
            )  # fmt: skip
        named = str(row[names["image"]] or "")
        at = store.image(named, file) if store is not None else named
        if at is None:
            lost.add(named)
            continue
        part = str(row.get(names["split"]) or "").strip().lower() if names["split"] else ""
        if part and part not in PARTS:
            raise DataError(f"{part!r} is no part", file=file, row=number, column=names["split"],
                            fix="write train, val or test")  # fmt: skip
        if parts.setdefault(at, part) != part:
            raise DataError(f"{named} stands in two parts, {parts[at] or 'none'} and {part}",
                            file=file, row=number, column=names["split"])  # fmt: skip
        boxes.setdefault(at, [])
        labels.setdefault(at, [])
        if str(row[names["label"]] or "").strip():
            boxes[at].append([_number(row, names[one], file, number) for one in COLUMNS[2:]])
            labels[at].append(str(row[names["label"]]).strip())
    unmatched(lost, notes)
    if store is not None:
        _add_empty(store, boxes, any(parts.values()), notes)
    return [
        Scene(at, _reader(store, at), np.array(rows_of, np.float64).reshape(-1, 4),
              labels.get(at, []), PARTS.get(parts.get(at, ""), ""))
        for at, rows_of in sorted(boxes.items())
    ]  # fmt: skip


def _add_empty(store: Store, boxes: dict[str, Any], has_parts: bool, notes: list[str]) -> None:
    """Images without a row hold no boxes, unless nothing says which part they belong to."""
    others = [at for at in store.images if at not in boxes]
    if others and has_parts:
        notes.append(f"images of no part (without a row in the table), left out: {len(others)}")
    elif others:
        notes.append(f"images without a row in the table, taken as empty: {len(others)}")
        boxes.update((at, []) for at in others)


def unmatched(lost: Iterable[str], notes: list[str]) -> None:
    """Say which annotations belong to no image."""
    names = sorted(lost)
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        notes.append(
            f"annotations without their image, left out: {len(names)} "
            f"({', '.join(names[:5])}{more})"
        )


def _reader(store: Store | None, at: str) -> Callable[[], bytes]:
    return Path(at).read_bytes if store is None else store.reader(at)


def _number(row: Mapping[str, Any], column: str, file: str, number: int) -> float:
    try:
        value = float(row[column])
    except (KeyError, TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{row.get(column)!r} is no number", file=file, row=number, column=column)
    return value
