"""Pairs of sentences from tables of text, and sentences to translate from files and streams."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from retroprop.data.decode import decode, existing, head, read_bytes
from retroprop.errors import ArgumentError, DataError, unknown

__all__ = ["Pairs", "looks_like_pairs", "read_lines", "read_pairs"]

_SUFFIXES = (".tsv", ".csv", ".txt", ".tab", ".gz")
_NAME = re.compile(r"[A-Za-z_][\w-]{0,30}")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Pairs:
    """Sentences with their translations.

    Attributes:
        sources, targets: texts, one to one.
        names: what the two sides are called: "en", "es".
        lines: where each pair comes from: its line, or its number.
        notes: what was assumed or left out, in sentences.
        unit:  what `lines` count.
    """

    sources: list[str]
    targets: list[str]
    names: tuple[str, str]
    lines: list[int]
    notes: list[str]
    unit: str = "pair"

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, indices: Any) -> Pairs:
        """The pairs at some positions."""
        chosen = [int(index) for index in indices]
        sources, targets = ([side[k] for k in chosen] for side in (self.sources, self.targets))
        lines = [self.lines[k] for k in chosen]
        return Pairs(sources, targets, self.names, lines, [], self.unit)


class _Rows(NamedTuple):
    """A table of text as it was found: the names of its columns (or None), and lines of cells."""

    names: list[str] | None
    rows: list[Sequence[Any]]
    first: int  # number of the first row
    notes: list[str]


# -- what looks like pairs of sentences -----------------------------------------------------------


def looks_like_pairs(source: Any, target: str | None) -> str:
    """Why a source holds pairs of sentences, in words that follow "because"; "" if it does not."""
    if not isinstance(source, str | os.PathLike):
        return ""
    path = os.fspath(source)
    if not path.lower().endswith(_SUFFIXES) or not os.path.isfile(path):
        return ""
    try:
        found = _table(path, head(path))
    except DataError:
        return ""
    widths = {len(row) for row in found.rows}
    if len(found.rows) < 20 or min(widths) < 2:
        return ""
    if target is not None and target not in (found.names or [])[:2]:
        return ""
    sides = [[row[k] for row in found.rows] for k in range(2)]
    if not all(map(_is_running_text, sides)) or not _grow_together(*sides):
        return ""
    others = "" if widths == {2} else "first "
    return f"its {others}two columns hold sentences that go together"


def _is_running_text(cells: list[str]) -> bool:
    """Mostly several words, hardly the same twice."""
    several = sum(len(_WORD.findall(cell)) > 1 for cell in cells)
    return several >= 0.6 * len(cells) and len(set(cells)) >= 0.7 * len(cells)


def _grow_together(one: list[str], other: list[str]) -> bool:
    """Long sentences have long translations: a title and its text, or a remark, do not."""
    sizes = np.array([[len(a), len(b)] for a, b in zip(one, other, strict=True)], float) + 1
    ratios = np.log(sizes[:, 0] / sizes[:, 1])
    return abs(float(np.median(ratios))) < math.log(2) and float(ratios.std()) < 0.5


# -- tables ---------------------------------------------------------------------------------------


def _table(name: str, content: bytes) -> _Rows:
    text, notes = decode(content, name)
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise DataError("holds no lines", file=name)
    if "\t" in lines[0] or name.lower().removesuffix(".gz").endswith((".tsv", ".tab")):
        rows: list[Sequence[Any]] = [line.split("\t") for line in lines]
    else:
        mark = ";" if lines[0].count(";") > lines[0].count(",") else ","
        rows = list(csv.reader(lines, delimiter=mark))
    if _is_header(rows):
        return _Rows([cell.strip() for cell in rows[0]], rows[1:], 2, notes)
    return _Rows(None, rows, 1, notes)


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns: words where sentences stand below."""
    if len(rows[0]) < 2 or not all(_NAME.fullmatch(cell.strip()) for cell in rows[0][:2]):
        return False
    below = [cell.strip() for row in rows[1:101] for cell in row[:2]]
    return sum(not _NAME.fullmatch(cell) for cell in below) > 0.5 * len(below)


def _given(source: Any) -> tuple[str, _Rows]:
    """What to call a source, and its table."""
    if isinstance(source, str | os.PathLike):
        path = existing(source)
        return path, _table(path, read_bytes(path))
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        names = [str(name) for name in source.columns]
        columns = [list(source[name]) for name in source.columns]
        return "frame", _Rows(names, list(zip(*columns, strict=True)), 0, [])
    if isinstance(source, dict):
        return "dict", _Rows([*map(str, source)], list(zip(*source.values(), strict=True)), 0, [])
    try:
        rows: list[Sequence[Any]] = [[row] if isinstance(row, str) else [*row] for row in source]
    except TypeError:
        raise DataError(
            f"pairs of sentences cannot be read from {type(source).__name__}",
            fix="give a file of two columns, a frame, or a list of pairs",
        ) from None
    return "list", _Rows(None, rows, 0, [])


def _chosen(name: str, found: _Rows, columns: str | None, target: str | None) -> tuple[int, int]:
    """Which columns hold the source and the target."""
    names = found.names
    if columns is None and target is None:
        return 0, 1
    if names is None:
        raise ArgumentError(f"{name} has no line with the names of its columns")
    wanted = [part.strip() for part in (columns or "").split(",") if part.strip()]
    if not wanted:
        wanted = [next((each for each in names[:2] if each != target), ""), str(target)]
    for each in wanted:
        if each not in names:
            raise unknown(f"column of {name}", each, names)
    if len(set(wanted)) != 2:
        raise ArgumentError(f"columns={columns} must name two columns", fix="columns=en,es")
    return names.index(wanted[0]), names.index(wanted[1])


def _text(cell: Any) -> str:
    """A cell as a sentence: spaces count once; what is missing is nothing."""
    if cell is None or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124  NaN
        return ""
    return " ".join(str(cell).split())


def read_pairs(
    source: Any,
    *,
    columns: str | None = None,
    target: str | None = None,
    reverse: bool = False,
    fewest: int = 30,
) -> Pairs:
    """Pairs of sentences: the first two columns of a table, or those that are named.

    Args:
        source:  a .tsv or .csv file (also .gz), a frame, a dict of columns, or a list of pairs.
        columns: names of both columns, "en,es".
        target:  the name of the column to translate into, instead.
        reverse: translate from the second into the first.
        fewest:  pairs there must be; the default can be split into three parts.

    Raises:
        ArgumentError: there is no such column.
        DataError:     one column only, too few pairs, the same text on both sides.

    Example:
        >>> rows = [(f"number {k}", f"número {k}") for k in range(40)] + [("", "nada")]
        >>> pairs = read_pairs(rows)
        >>> pairs.sources[7], pairs.targets[7], pairs.notes
        ('number 7', 'número 7', ['1 pair with an empty side was left out'])
    """
    name, found = _given(source)
    at = _chosen(name, found, columns, target)
    if max(map(len, found.rows), default=0) < 2:
        raise DataError(
            "has one column; two are needed, a sentence and its translation", file=name,
            fix="put a tab between them",
        )  # fmt: skip
    notes = list(found.notes)
    width = max(map(len, found.rows))
    names = found.names or ["source", "target", *[""] * width]
    if reverse:
        at = at[::-1]
    sides = (names[at[0]], names[at[1]])
    notes += _said(found, at, width, sides)
    pairs, lost = _cleaned(found, at)
    notes += [f"{count:,} {what}" for what, count in lost.items() if count]
    _check(name, pairs, fewest)
    sources, targets, lines = (list(column) for column in zip(*pairs, strict=True))
    return Pairs(sources, targets, sides, lines, notes, "line" if found.first else "pair")


def _said(found: _Rows, at: tuple[int, int], width: int, sides: tuple[str, str]) -> list[str]:
    """What the table was taken for."""
    said = []
    if found.names is not None and found.first:
        said.append(f'the first line names the columns: translates "{sides[0]}" to "{sides[1]}"')
    rest = [name or "?" for k, name in enumerate(found.names or []) if k not in at]
    if width > 2:
        named = f" ({', '.join(rest)})" if rest else ""
        said.append(f"{width - 2} further columns{named} were not used")
    return said


def _cleaned(
    found: _Rows, at: tuple[int, int]
) -> tuple[list[tuple[str, str, int]], dict[str, int]]:
    """Pairs with their lines, and how many were lost for which reason."""
    pairs: dict[tuple[str, str], int] = {}
    short = empty = repeated = 0
    for line, row in enumerate(found.rows, start=found.first):
        if not any(_text(cell) for cell in row):
            continue
        if len(row) <= max(at):
            short += 1
            continue
        pair = (_text(row[at[0]]), _text(row[at[1]]))
        empty += not all(pair)
        repeated += pair in pairs
        if all(pair):
            pairs.setdefault(pair, line)
    many = {
        f"line{'s' * (short != 1)} without a second column w{_were(short)} left out": short,
        f"pair{'s' * (empty != 1)} with an empty side w{_were(empty)} left out": empty,
        f"repeated pair{'s' * (repeated != 1)} w{_were(repeated)} left out": repeated,
    }
    return [(*pair, line) for pair, line in pairs.items()], many


def _were(count: int) -> str:
    return "as" if count == 1 else "ere"


def _check(name: str, pairs: list[tuple[str, str, int]], fewest: int) -> None:
    same = sum(one == other for one, other, _ in pairs)
    if pairs and same > 0.5 * len(pairs):
        raise DataError(
            f"{same:,} of {len(pairs):,} pairs have the same text on both sides", file=name,
            fix="choose other columns: columns=en,es",
        )  # fmt: skip
    if len(pairs) < fewest:
        raise DataError(
            f"{len(pairs)} pairs of sentences are too few to learn from; at least {fewest} are "
            "needed, and thousands for translations of use",
            file=name,
        )


# -- sentences to translate -----------------------------------------------------------------------


def read_lines(source: Any, column: str, place: int) -> tuple[list[str], list[Any], list[str]]:
    """Sentences to translate, where each comes from, and notes.

    Args:
        source: a sentence, a file of lines (or of columns, of which one is read), an open text
                stream, a list of sentences, or a frame.
        column: the name of the column with the source sentences.
        place:  where it stands in a table that names no columns: 0 or 1.

    Raises:
        DataError: a file that is not there or holds no text.

    Example:
        >>> read_lines("I am tired.", "en", 0)
        (['I am tired.'], ['sentence'], [])
    """
    if hasattr(source, "read"):
        lines = str(source.read()).splitlines()
        return [_text(line) for line in lines], list(range(1, len(lines) + 1)), []
    if isinstance(source, str | os.PathLike) and not _is_path(os.fspath(source)):
        return [_text(source)], ["sentence"], []
    if isinstance(source, str | os.PathLike):
        path = existing(source)
        text, notes = decode(read_bytes(path), path)
        lines = text.splitlines()
        if not any("\t" in line for line in lines[:20]) and not _named(path, ".csv"):
            return [_text(line) for line in lines], list(range(1, len(lines) + 1)), notes
        return _column(path, _table(path, text.encode()), column, place, notes)
    name, found = _given(source)
    return _column(name, found, column, place, [])


def _column(
    name: str, found: _Rows, column: str, place: int, notes: list[str]
) -> tuple[list[str], list[Any], list[str]]:
    """The sentences of one column of a table."""
    width = max(map(len, found.rows), default=0)
    at = place if width > 1 else 0
    if found.names is not None and column in found.names:
        at = found.names.index(column)
    elif found.names is not None and width > 1:
        raise DataError(
            f'there is no column "{column}"', file=name, fix=f"it has {', '.join(found.names)}"
        )
    texts = [_text(row[at]) if len(row) > at else "" for row in found.rows]
    return texts, list(range(found.first, found.first + len(texts))), notes


def _named(path: str, *suffixes: str) -> bool:
    return path.lower().removesuffix(".gz").endswith(suffixes)


def _is_path(text: str) -> bool:
    """Whether a text names a file, there or not, rather than being a sentence."""
    if os.path.exists(text):
        return True
    return not any(c.isspace() for c in text) and (
        os.sep in text or _named(text, ".txt", ".tsv", ".csv")
    )
