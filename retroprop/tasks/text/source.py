"""Texts from wherever they lie: tables, folders, lines of a file, frames, lists."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from retroprop.data.csv import parse_csv, read_csv
from retroprop.data.decode import decode, existing, head, read_bytes
from retroprop.data.load import TABLES
from retroprop.data.table import RawTable, raw_table
from retroprop.errors import DataError, RetropropError
from retroprop.tasks.text.columns import cells, looks_like_texts, text_and_label, text_column

__all__ = ["Found", "claim", "labelled", "unlabelled"]

PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
}  # fmt: skip
_HEAD = 2**16  # bytes of a file that are looked at to tell what it is
_SAMPLE = 200  # rows, likewise


class Found:
    """Texts as they were found, with their classes where there are any.

    Attributes:
        texts, labels: one of each per text; `labels` is None where nobody asked for them.
        ids:    the line of the file, the name of the file, or the position.
        parts:  "train", "validation", "test" or "" of each text.
        source: a name for errors.
        column: of the texts, and `target` of the classes.
        notes:  sentences on what was assumed or left out.
    """

    def __init__(self, texts: list[str], labels: Any, ids: Any, source: str = "texts") -> None:
        self.texts, self.labels, self.ids, self.source = texts, labels, list(ids), source
        self.parts = [""] * len(texts)
        self.column, self.target = "text", "label"
        self.classes: list[str] = []
        self.notes: list[str] = []

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, kept: Iterable[int]) -> Found:
        """Some of the texts."""
        chosen = list(kept)
        labels = None if self.labels is None else [self.labels[k] for k in chosen]
        made = Found(
            [self.texts[k] for k in chosen], labels, [self.ids[k] for k in chosen], self.source
        )
        made.parts = [self.parts[k] for k in chosen]
        made.column, made.target = self.column, self.target
        made.classes, made.notes = self.classes, self.notes
        return made


# -- what it is ----------------------------------------------------------------------------------


def claim(source: Any, target: str | None) -> str:
    """Why a source is texts with their classes, in words that follow "because"; "" if it is not.

    Example:
        >>> claim({"a": [1, 2], "b": [3, 4]}, "b")
        ''
    """
    try:
        if isinstance(source, str | os.PathLike):
            path = existing(source)
            return _claim_folder(path) if os.path.isdir(path) else _claim_file(path, target)
        table = _head(source)
        return "" if table is None else looks_like_texts(table, target)
    except (RetropropError, OSError):
        return ""  # whoever reads it says what is wrong with it


def _claim_file(path: str, target: str | None) -> str:
    name = os.path.basename(path).lower()
    if os.path.splitext(name.removesuffix(".gz"))[1] not in TABLES:
        return ""
    text = decode(head(path, _HEAD), path)[0]
    cut = text.rfind("\n")
    known = () if target is None else (target,)
    for _ in range(3):  # the last line that was read may end inside a quoted cell
        try:
            return looks_like_texts(parse_csv(text[: cut + 1], path, known=known), target)
        except DataError:
            cut = text.rfind("\n", 0, max(cut, 0))
    return ""


def _claim_folder(path: str) -> str:
    folders = _class_folders(path)
    with_texts = [name for name, where in folders if _has_texts(where)]
    classes = sorted(set(with_texts))
    if len(classes) < 2:
        return ""
    return f"it is a folder of texts in {len(classes)} folders: {', '.join(classes[:5])}"


def _has_texts(folder: str) -> bool:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in itertools.islice(entries, _SAMPLE)]
    return sum(name.lower().endswith(".txt") for name in names) * 2 > len(names)


def _head(source: Any) -> RawTable | None:
    """The first rows of what a program gives, as a table."""
    if isinstance(source, tuple) and len(source) == 2:
        texts, labels = source
        if isinstance(texts, str) or not hasattr(texts, "__getitem__"):
            return None
        first = list(texts[:_SAMPLE])
        if not first or not all(isinstance(text, str) for text in first):
            return None
        return raw_table({"text": first, "label": np.asarray(list(labels[:_SAMPLE]))})
    if isinstance(source, dict):
        if any(getattr(values, "ndim", 1) != 1 for values in source.values()):
            return None
        return raw_table({name: values[:_SAMPLE] for name, values in source.items()})
    if hasattr(source, "columns") and hasattr(source, "head"):
        return raw_table(source.head(_SAMPLE))
    return None


# -- reading -------------------------------------------------------------------------------------


def labelled(source: Any, text: str | None, target: str | None) -> Found:
    """Texts with their classes, from a table, a folder, a frame, or a pair (texts, classes).

    Raises:
        DataError: names file, row and column of what cannot be used.

    Example:
        >>> found = labelled((["good", "bad"], [1, 0]), None, None)
        >>> found.texts, found.labels
        (['good', 'bad'], ['1', '0'])
    """
    if isinstance(source, str | os.PathLike) and os.path.isdir(existing(source)):
        if text is not None or target is not None:
            raise DataError("a folder of texts has no columns to name", file=existing(source))
        return _from_folder(existing(source), classes=True)
    if isinstance(source, tuple) and len(source) == 2:
        texts, labels = list(source[0]), list(source[1])
        if len(texts) != len(labels):
            raise DataError(f"{len(texts)} texts and {len(labels)} classes", file="texts")
        _all_texts(texts)
        classes = cells(raw_table({"label": labels}).columns["label"])
        return Found(texts, classes, range(len(texts)))
    raw = _table(source, [name for name in (text, target) if name])
    column, label, notes = text_and_label(raw, text, target)
    found = Found(cells(raw.columns[column]), cells(raw.columns[label]), raw.rows, raw.source)
    found.ids = [int(row) for row in raw.rows]
    found.column, found.target, found.notes = column, label, [*raw.notes, *notes]
    return found


def unlabelled(source: Any, column: str) -> Found:
    """Texts to be judged: as for training, a text itself, a list, or an open stream of lines.

    Args:
        source: a path of a table, of a `.txt` file with one text a line, or of a folder of them; a
                text; a frame; a list of texts; anything with `read`.
        column: what the column of the texts was called in training.

    Raises:
        DataError: a path that is not there, a table without that column.

    Example:
        >>> unlabelled("not bad at all", "text").texts, unlabelled(["a", "b"], "text").texts
        (['not bad at all'], ['a', 'b'])
    """
    if isinstance(source, str) and not os.path.exists(source) and not _reads_as_path(source):
        return Found([source], None, [0])
    if isinstance(source, str | os.PathLike):
        return _from_path(existing(source), column)
    if hasattr(source, "read"):
        return _from_lines(source.read(), "standard input")
    if isinstance(source, tuple) and len(source) == 2 and not isinstance(source[0], str):
        source = source[0]
    if not isinstance(source, dict) and not hasattr(source, "columns"):
        texts = list(source)
        _all_texts(texts)
        return Found(texts, None, range(len(texts)))
    return _from_table(_table(source, [column]), column)


def _all_texts(texts: list[Any]) -> None:
    strange = next((k for k, text in enumerate(texts) if not isinstance(text, str)), None)
    if strange is not None:
        what = type(texts[strange]).__name__
        raise DataError(f"must be text, it is {what}", file="texts", row=strange)


def _reads_as_path(text: str) -> bool:
    """A slip in a file's name must not be judged as if it were a text."""
    if any(character.isspace() for character in text.strip()):
        return False
    suffix = os.path.splitext(text.lower().removesuffix(".gz"))[1]
    return os.sep in text or suffix in TABLES or not text.strip()


def _from_path(path: str, column: str) -> Found:
    if os.path.isdir(path):
        return _from_folder(path, classes=False)
    if os.path.basename(path).lower().removesuffix(".gz").endswith(".txt"):
        text, notes = decode(read_bytes(path), path)
        found = _from_lines(text, path)
        found.notes = notes + found.notes
        return found
    return _from_table(_table(path, [column]), column)


def _from_lines(text: str, source: str) -> Found:
    lines = text.removesuffix("\n").split("\n") if text else []
    if not lines:
        raise DataError("no texts: it is empty", file=source)
    ids = [f"line {number}" for number in range(1, len(lines) + 1)]
    return Found([line.removesuffix("\r") for line in lines], None, ids, source)


def _table(source: Any, known: list[str]) -> RawTable:
    if isinstance(source, str | os.PathLike):
        name = os.path.basename(existing(source)).lower()
        suffix = os.path.splitext(name.removesuffix(".gz"))[1]
        if suffix not in TABLES:
            raise DataError(
                f"files of type {suffix!r} are not read as texts",
                file=source,
                fix="give a table (.csv, .tsv, also .gz) or a folder laid out as class/name.txt",
            )
        return read_csv(source, known=known)
    if isinstance(source, dict) or hasattr(source, "columns"):
        return raw_table(source)
    raise DataError(
        f"texts cannot be read from {type(source).__name__}",
        fix="give a path, a frame, or a pair (texts, classes)",
    )


def _from_table(raw: RawTable, column: str) -> Found:
    name = next(iter(raw.columns)) if len(raw.columns) == 1 else text_column(raw, column)
    found = Found(cells(raw.columns[name]), None, [int(row) for row in raw.rows], raw.source)
    found.notes = list(raw.notes)
    return found


# -- folders -------------------------------------------------------------------------------------


def _class_folders(path: str) -> list[tuple[str, str]]:
    """Names and paths of the folders of classes, those inside train/ and test/ too."""
    found = []
    for name in _folders(path):
        where = os.path.join(path, name)
        inside = _folders(where) if name.lower() in PARTS else []
        if inside:
            found += [(each, os.path.join(where, each)) for each in inside]
        else:
            found.append((name, where))
    return found


def _folders(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def _files(path: str) -> list[str]:
    """The .txt files below a folder, as paths from it."""
    found = []
    for where, folders, names in os.walk(path):
        folders.sort()
        beside = os.path.relpath(where, path)
        found += [
            os.path.normpath(os.path.join(beside, name))
            for name in sorted(names)
            if name.lower().endswith(".txt") and not name.startswith(".")
        ]
    return found


def _from_folder(path: str, *, classes: bool) -> Found:
    files = _files(path)
    if not files:
        raise DataError("no .txt files here", file=path, fix="texts are laid out as class/name.txt")
    notes: list[str] = []
    found = Found([""] * len(files), [""] * len(files) if classes else None, files, path)
    loose = []
    for place, name in enumerate(files):
        text, said = decode(read_bytes(os.path.join(path, name)), name)
        found.texts[place] = text.strip()
        notes += said
        if classes:
            part, label = _part_and_class(name)
            found.parts[place], found.labels[place] = part, label
            loose += [] if label else [place]
    found.notes = _shortened(notes)
    if classes:
        _check_folders(path, found)
        if loose:
            found.notes.append(f"{len(loose)} files outside the folders of classes are left out")
            found = found.take(k for k in range(len(files)) if found.labels[k])
    return found


def _part_and_class(name: str) -> tuple[str, str]:
    steps = name.split(os.sep)[:-1]
    part = PARTS.get(steps[0].lower(), "") if len(steps) > 1 else ""
    steps = steps[1:] if part else steps
    return part, steps[0] if steps else ""


def _check_folders(path: str, found: Found) -> None:
    used = set(found.labels)
    bare = sorted({name for name, _ in _class_folders(path)} - used)
    if bare:
        raise DataError(
            f"folders of classes without texts: {', '.join(bare[:10])}",
            file=path,
            fix="put .txt files into them, or remove them",
        )


def _shortened(notes: list[str]) -> list[str]:
    """What was said of many files, in one sentence."""
    if len(notes) <= 3:
        return notes
    return [f"{len(notes)} files are not UTF-8, such as: {notes[0]}"]
