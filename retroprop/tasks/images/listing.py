"""Tables of image files: a column of paths, a column of classes, perhaps one of parts."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from retroprop import data as datasets
from retroprop.data.folder import ImageFile
from retroprop.data.images import is_image_name
from retroprop.errors import DataError, RetropropError, nearest

__all__ = ["Listing", "listed", "path_column", "table_of", "top_of"]

_LOOKED_AT = 20  # rows, to tell whether a column holds paths
_HEAD = 32_768  # bytes of a file that a guess may read
_TABLES = (".csv", ".tsv", ".txt", ".tab", ".data")
_TARGETS = ("label", "class", "target", "category", "y", "labels", "classes", "species")
_PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "val": "val",
    "valid": "val", "validation": "val",
}  # fmt: skip
_PART_NAMES = ("split", "part", "set", "subset", "fold")


class Listing(NamedTuple):
    """The files that a table names.

    Attributes:
        root:   folder that relative paths start from: that of the table.
        files:  path, part and label of each.
        places: path -> line of the table.
        column: the name of the column of paths; `target` that of the classes ("" for none).
        target: see `column`.
        source: the table, for messages.
    """

    root: str
    files: list[ImageFile]
    places: dict[str, int]
    column: str
    target: str
    source: str


def table_of(source: Any) -> Any:
    """The raw table of a path, a frame, a dict of columns or an open text stream.

    A first row that names an image file is no header.
    """
    if hasattr(source, "read"):
        text = source.read()
        return _with_rows(lambda **how: datasets.parse_csv(text, "standard input", **how))
    if isinstance(source, str | os.PathLike):
        return _with_rows(lambda **how: datasets.read_csv(source, **how))
    return datasets.raw_table(source)


def _with_rows(read: Callable[..., Any]) -> Any:
    table = read()
    return read(header=False) if any(map(_is_image, table.names)) else table


def _is_image(path: str) -> bool:
    return is_image_name(os.path.basename(path))


def top_of(source: Any) -> Any:
    """The table of the first lines, for a guess; None where there is none.

    Example:
        >>> top_of({"path": ["a.png"], "label": ["cat"]}).names, top_of(3)
        (['path', 'label'], None)
    """
    try:
        if isinstance(source, str | os.PathLike):
            return _top_of_file(os.fspath(source))
        if isinstance(source, dict) or hasattr(source, "columns"):
            table = datasets.raw_table(source)
            return table.take(slice(0, _LOOKED_AT))
    except (RetropropError, OSError, EOFError, ValueError):
        return None
    return None


def _top_of_file(path: str) -> Any:
    stem = path.lower().removesuffix(".gz")
    if not stem.endswith(_TABLES) or not os.path.isfile(path):
        return None
    opened = gzip.open if path.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        head = file.read(_HEAD)
    if len(head) == _HEAD:
        head = head[: head.rfind(b"\n") + 1]
    text = head.decode("utf-8-sig", "replace")
    return _with_rows(lambda **how: datasets.parse_csv(text, path, **how))


def path_column(table: Any) -> str | None:
    """The first column whose cells are names of image files.

    Example:
        >>> path_column(datasets.raw_table({"id": ["a", "b"], "file": ["x/1.png", "2.jpg"]}))
        'file'
    """
    for name, column in table.columns.items():
        if column.texts is None:
            continue
        cells = [column.texts[code] for code in column.codes[:_LOOKED_AT]]
        if cells and all(map(_is_image, cells)):
            return str(name)
    return None


def listed(source: Any, target: str | None = None, *, with_target: bool = True) -> Listing:
    """The files that a table names, with the class of each.

    Args:
        source:      a path, a frame, a dict of columns, an open text stream.
        target:      the column of classes; told by its name, or as the only other one, when None.
        with_target: whether there have to be classes.

    Raises:
        DataError: no column of paths, no such target column, an empty cell, by line.

    Example:
        >>> listed({"path": ["a.png", "b.png"], "label": ["cat", "dog"]}).files[1]
        ImageFile(name='b.png', part='', label='dog')
    """
    table = table_of(source)
    column = path_column(table)
    if column is None:
        raise DataError(
            f"no column of image files; the columns are {', '.join(table.names)}",
            file=table.source, fix="give a column with paths such as cats/1.jpg",
        )  # fmt: skip
    part = next((name for name in table.names if _is_part(name, table)), None)
    label = _target(table, target, column, part) if with_target else ""
    paths, parts = _cells(table, column), _cells(table, part)
    labels = _cells(table, label or None)
    for name, cells in ((column, paths), (label, labels)):
        if name and "" in cells:
            raise DataError(
                "there is nothing in this cell",
                file=table.source, row=int(table.rows[cells.index("")]), column=name,
            )  # fmt: skip
    files = [
        ImageFile(path, _PARTS.get(part.lower(), ""), label)
        for path, part, label in zip(paths, parts, labels, strict=True)
    ]
    is_path = isinstance(source, str | os.PathLike)
    root = os.path.dirname(os.fspath(source)) or "." if is_path else "."
    places = {path: int(row) for path, row in zip(paths, table.rows, strict=True)}
    return Listing(root, files, places, column, label, table.source)


def _cells(table: Any, name: str | None) -> list[str]:
    if name is None:
        return [""] * len(table)
    column = table.columns[name].as_text()
    return [column.texts[code] for code in column.codes]


def _is_part(name: str, table: Any) -> bool:
    column = table.columns[name]
    if name.lower() not in _PART_NAMES or column.texts is None:
        return False
    return {text.lower() for text in column.used()} <= set(_PARTS)


def _target(table: Any, given: str | None, column: str, part: str | None) -> str:
    """The column of classes."""
    others = [name for name in table.names if name not in (column, part)]
    if given is not None:
        if given in others:
            return given
        close = nearest(given, others)
        raise DataError(
            f'no column "{given}" to predict' + (f", did you mean {close!r}?" if close else ""),
            file=table.source, fix=f"the columns are {', '.join(others) or 'none'}",
        )  # fmt: skip
    named = [name for wanted in _TARGETS for name in others if name.lower() == wanted]
    if named or len(others) == 1:
        return str((named or others)[0])
    raise DataError(
        f"which column holds the classes? There are {', '.join(others) or 'none'}",
        file=table.source, fix="name it with --target NAME (target=...)",
    )  # fmt: skip
