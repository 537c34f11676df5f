"""Comma-, semicolon-, tab- and pipe-separated files, packed or not, to a raw table."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from retroprop.data.dates import looks_like_date
from retroprop.data.decode import decode, read_bytes
from retroprop.data.numeric import is_missing, number
from retroprop.data.table import RawColumn, RawTable
from retroprop.errors import ArgumentError, DataError

__all__ = ["parse_csv", "read_csv", "sniff_delimiter"]

# Checked in this order when two fit equally well: commas also occur inside numbers and prose.
DELIMITERS = ("\t", ";", "|", ",")
_SAMPLE_ROWS, _SAMPLE_CHARACTERS = 50, 200_000
_NAMES = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}


def read_csv(
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    known: Iterable[str] = (),
) -> RawTable:
    r"""Read a delimited text file (also .gz) into a table of raw cells.

    Args:
        path:      the file.
        delimiter: one character; found out when None.
        encoding:  a text encoding; found out when None (UTF-8, else Western European, said).
        header:    whether the first row holds names; found out when None: it does unless one of
                   its cells is a number or a date.
        known:     column names to expect (the target): a first row with one of them is a header.

    Raises:
        DataError: names the file and, where there is one, the row (line of the file) and column:
            missing, empty, binary or truncated files, rows of unequal length, quotes never closed.

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "a.csv"
        ...     _ = path.write_text("size;price\n1,5;200\n2,5;300\n")
        ...     read_csv(path).names
        ['size', 'price']
    """
    text, notes = decode(read_bytes(path), os.fspath(path), encoding)
    table = parse_csv(text, os.fspath(path), delimiter=delimiter, header=header, known=known)
    table.notes = notes + table.notes
    return table


def parse_csv(
    text: str,
    source: str = "table",
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    known: Iterable[str] = (),
) -> RawTable:
    r"""As `read_csv`, for text that is already in memory.

    Example:
        >>> parse_csv("a,b\n1,2\n").columns["b"].texts
        ['2']
    """
    if delimiter is not None and (
        not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"'
    ):
        raise ArgumentError(f"delimiter must be one character, no quote, got {delimiter!r}")
    announced = re.match(r"sep=(.)\r?\n", text)  # Excel's own way to say it
    if announced:
        text, delimiter = "\n" + text[announced.end() :], delimiter or announced[1]
    if delimiter is None:
        delimiter = sniff_delimiter(text)
    records, rows = _records(text, delimiter, source)
    if not records:
        raise DataError("the file is empty", file=source)
    names, notes = _header(records, header, set(known), source)
    if names is not None:
        records, rows = records[1:], rows[1:]
    if not records:
        raise DataError("a header and no rows", file=source, fix="add rows below the header")
    width = len(records[0]) if names is None else len(names)
    records = _rectangular(records, rows, width, source)
    if names is None:
        names = [f"column_{index + 1}" for index in range(width)]
    cells = zip(*records, strict=True)
    columns = dict(zip(names, map(RawColumn.from_cells, cells), strict=True))
    lines = np.array(rows, dtype=np.int64)
    if delimiter != ("\t" if ".tsv" in source.lower() else ","):
        notes.insert(0, f"columns are separated by {_NAMES.get(delimiter, repr(delimiter))}")
    return RawTable(columns, lines, source, delimiter=delimiter, notes=notes)


def sniff_delimiter(text: str) -> str:
    r"""The delimiter that cuts the first rows into equally many cells.

    Example:
        >>> sniff_delimiter("a;b\n1,5;2,5\n")
        ';'
    """
    sample = text[:_SAMPLE_CHARACTERS]
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        try:
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            widths = [len(row) for row in itertools.islice(reader, _SAMPLE_ROWS) if row]
        except csv.Error:
            continue
        if len(sample) < len(text) and 1 < len(widths) < _SAMPLE_ROWS:
            widths.pop()  # the sample may end inside this row
        width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
        score = round(count / len(widths), 1) if width > 1 and widths[0] > 1 else 0.0
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _records(text: str, delimiter: str, source: str) -> tuple[list[list[str]], list[int]]:
    """All rows that are not blank, and the line each one starts on."""
    if delimiter == "\t" and '"' in text:
        # Tab-separated exports mostly do not quote, and then a lone " is just a character.
        records, rows = _read(text, delimiter, source, csv.QUOTE_NONE)
        if len({len(record) for record in records}) == 1:
            return [[_unquoted(cell) for cell in record] for record in records], rows
    return _read(text, delimiter, source, csv.QUOTE_MINIMAL)


def _read(
    text: str, delimiter: str, source: str, quoting: Any
) -> tuple[list[list[str]], list[int]]:
    records: list[list[str]] = []
    rows: list[int] = []
    line = 0
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True
        )
        for record in reader:
            if "".join(record).strip():
                records.append(record)
                rows.append(line + 1)
            line = reader.line_num
    except csv.Error as cause:
        raise DataError(
            f"cannot be read as a table: {_meaning(cause)}", file=source, row=line + 1
        ) from cause
    return records, rows


def _meaning(cause: csv.Error) -> str:
    """What a message of the csv module means to somebody who looks at the file."""
    text = str(cause)
    if "unexpected end of data" in text:
        return 'a quote (") opened here is never closed'
    if "expected after" in text:
        return 'text follows a closing quote ("); a quote inside a quoted cell is written twice'
    if "field larger" in text:
        return f"a cell is longer than {csv.field_size_limit():,} characters (a quote left open?)"
    return text


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', ""):
        return cell[1:-1].replace('""', '"')
    return cell


def _header(
    records: list[list[str]], header: bool | None, known: set[str], source: str
) -> tuple[list[str] | None, list[str]]:
    """Column names, or None when the first row is data; and what there is to say about it."""
    first = [cell.strip() for cell in records[0]]
    if header is None:
        header = bool(known.intersection(first)) or _reads_as_names(first, records[1:])
    if not header:
        return None, ["the first row is data: columns are called column_1, column_2, ..."]
    names: list[str] = []
    notes = []
    for index, cell in enumerate(first):
        if cell in known and cell in names:
            raise DataError("two columns have this name", file=source, row=1, column=cell)
        name = cell or f"column_{index + 1}"
        number_of_name = 2
        while name in names:
            name = f"{cell}_{number_of_name}"
            number_of_name += 1
        if name != cell:
            notes.append(f'column {index + 1}, named "{cell}", is called "{name}"')
        names.append(name)
    return names, notes


def _reads_as_names(first: list[str], others: list[list[str]]) -> bool:
    """Names are not numbers or dates, and do not occur again among the values below them."""
    if any(number(cell) is not None or looks_like_date(cell) for cell in first):
        return False
    if all(is_missing(cell) for cell in first):
        return False
    again = 0
    for index, cell in enumerate(first):
        below = {row[index].strip() for row in others[:1000] if index < len(row)}
        again += cell in below
    return again * 2 <= len(first)


def _rectangular(
    records: list[list[str]], rows: list[int], width: int, source: str
) -> list[list[str]]:
    """The rows, all of one width; a delimiter at the end of every row is forgiven."""
    widths = {len(record) for record in records}
    if widths == {width}:
        return records
    if widths == {width + 1} and not any(record[-1].strip() for record in records):
        return [record[:-1] for record in records]
    at = next(index for index, record in enumerate(records) if len(record) != width)
    last = " (the last row: is the file truncated?)" if at == len(records) - 1 else ""
    raise DataError(
        f"has {len(records[at])} cells, the table has {width} columns{last}",
        file=source,
        row=rows[at],
        fix="make the row complete; a cell that holds the delimiter needs quotes",
    )
