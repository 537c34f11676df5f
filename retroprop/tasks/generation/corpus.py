"""Texts of files, folders, streams and Python as one long row of characters."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from retroprop.data.decode import decode, existing, head, read_bytes
from retroprop.errors import ArgumentError, DataError

__all__ = ["Corpus", "claimed", "codes_of", "gathered", "read", "string_of"]

Array = np.ndarray[Any, Any]

SUFFIXES = (".txt", ".text", ".md", ".txt.gz", ".text.gz", ".md.gz")
IN_MEMORY = 1 << 28  # bytes of characters or tokens; what is longer goes into a temporary file
AT_ONCE = 1 << 26  # bytes of a file that are decoded at once
_PIECE = 1 << 22
_GZIP = b"\x1f\x8b"
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")
_NO_TEXT = "give a file of running text: .txt, .txt.gz or .md"


class Corpus:
    """Characters of one or more texts in a row.

    Args:
        codes:     code points.
        documents: name and first character of each text, in order.

    Example:
        >>> corpus = Corpus(codes_of("to be or not"), [("a.txt", 0), ("b.txt", 6)])
        >>> len(corpus), [corpus.string(*each) for each in corpus.spans()]
        (12, ['to be ', 'or not'])
    """

    def __init__(self, codes: Array, documents: Iterable[tuple[str, int]] = (("text", 0),)) -> None:
        self.codes, self.documents = codes, list(documents)

    def __len__(self) -> int:
        return len(self.codes)

    def string(self, start: int = 0, stop: int | None = None) -> str:
        """The characters from `start` to `stop`."""
        return string_of(self.codes[start:stop])

    def spans(self) -> list[tuple[int, int]]:
        """Where each text begins and ends."""
        starts = [start for _, start in self.documents]
        return list(zip(starts, [*starts[1:], len(self)], strict=True))

    def pieces(self, size: int = 1 << 20) -> Iterator[Array]:
        """The code points, some at a time."""
        for start in range(0, len(self), size):
            yield self.codes[start : start + size]

    def cut(self, start: int, stop: int) -> Corpus:
        """A part of it."""
        kept = [
            (name, max(first, start) - start)
            for (name, _), (first, last) in zip(self.documents, self.spans(), strict=True)
            if first < stop and last > start
        ]
        return Corpus(self.codes[start:stop], kept)

    def by_line(self) -> Corpus:
        r"""The same with a text for each line that is not blank.

        Example:
            >>> Corpus(codes_of("one\n\ntwo\n")).by_line().documents
            [('line 1', 0), ('line 3', 5)]
        """
        found: list[tuple[str, int]] = []
        for (name, _), (first, last) in zip(self.documents, self.spans(), strict=True):
            before = f"{name}, " if len(self.documents) > 1 else ""
            at = first
            for number, line in enumerate(self.string(first, last).split("\n"), start=1):
                if line.strip():
                    found.append((f"{before}line {number}", at))
                at += len(line) + 1
        return Corpus(self.codes, found or self.documents)


def codes_of(text: str) -> Array:
    """The code points of a text, in the smallest integers that hold them.

    Example:
        >>> codes_of("aé").tolist(), codes_of("aé").dtype.name
        ([97, 233], 'uint8')
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    return codes.astype(np.min_scalar_type(int(codes.max(initial=0))))


def string_of(codes: Array) -> str:
    """The text of some code points.

    Example:
        >>> string_of(codes_of("año"))
        'año'
    """
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def gathered(pieces: Iterable[Array], most: int = IN_MEMORY) -> Array:
    """Arrays in a row: in memory, or in a temporary file when there are more than `most` bytes.

    Example:
        >>> gathered([np.array([1, 2]), np.array([3])]).tolist()
        [1, 2, 3]
    """
    held: list[Array] = []
    total = 0
    rest = iter(pieces)
    for piece in rest:
        held.append(piece)
        total += piece.nbytes
        if total > most:
            return _in_a_file(held, rest)
    return np.concatenate(held) if held else np.zeros(0, np.uint8)


def _in_a_file(held: list[Array], rest: Iterator[Array]) -> Array:
    with tempfile.TemporaryFile() as file:  # the map keeps it after it has been closed
        for some in (held, rest):
            for piece in some:
                file.write(piece.astype("<u4").tobytes())
        file.flush()
        return np.memmap(file, "<u4", mode="r")


# -- reading -------------------------------------------------------------------------------------


def read(source: Any, limit: int | None = None) -> tuple[Corpus, list[str]]:
    r"""The texts of a source, and sentences on what was assumed or left out.

    Args:
        source: a path of a file or folder; an open text stream; a list of texts; a text itself,
                which has a line break in it (a string without one is a path).
        limit:  characters at most.

    Raises:
        DataError: nothing there, no text, or an empty one; names the file.

    Example:
        >>> read("To be, or not to be.\n")[0].string(0, 5)
        'To be'
    """
    notes: list[str] = []
    documents: list[tuple[str, int]] = []
    codes = gathered(_limited(_documents(source, notes), limit, documents))
    if not len(codes):
        named = os.fsdecode(source) if isinstance(source, str | os.PathLike) else None
        raise DataError("the text is empty", file=_short(named), fix=_NO_TEXT)
    if limit is not None and len(codes) >= limit:
        notes.append(f"the first {len(codes):,} characters are used (limit)")
    return Corpus(codes, documents), notes


def _short(name: str | None) -> str | None:
    return None if name is None or "\n" in name else name


def _limited(
    texts: Iterable[tuple[str, Iterable[str]]],
    limit: int | None,
    documents: list[tuple[str, int]],
) -> Iterator[Array]:
    """Code points of the texts, each ending in a line break; notes where each begins."""
    at = 0
    for name, pieces in texts:
        first, last = at, "\n"
        for piece in pieces:
            kept = piece if limit is None else piece[: limit - at]
            if kept:
                at, last = at + len(kept), kept[-1]
                yield codes_of(kept)
        if at > first:
            documents.append((name, first))
        if last != "\n" and at != limit:
            at += 1
            yield codes_of("\n")
        if at == limit:
            return


def _documents(source: Any, notes: list[str]) -> Iterator[tuple[str, Iterable[str]]]:
    """Name and pieces of each text."""
    if hasattr(source, "read"):
        yield "text", [_plain(source.read())]
    elif isinstance(source, str) and "\n" in source:
        yield "text", [_plain(source)]
    elif isinstance(source, str | os.PathLike):
        for path in _paths(existing(source), notes):
            yield os.path.basename(path), _file(path, notes)
    elif isinstance(source, list | tuple) and all(isinstance(each, str) for each in source):
        for number, text in enumerate(source, start=1):
            yield f"text {number}", [_plain(text)]
    else:
        raise ArgumentError(
            f"text generation takes texts, not {type(source).__name__}",
            fix="a path, an open text file, a string with line breaks, or a list of strings",
        )


def _plain(text: Any) -> str:
    if not isinstance(text, str):
        raise DataError("the stream gives bytes, not text", fix="open it in text mode")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _paths(name: str, notes: list[str]) -> list[str]:
    """The files of a folder, repeats left out; or the one file."""
    if not os.path.isdir(name):
        return [name]
    found = sorted(
        os.path.join(at, each)
        for at, _, names in os.walk(name)
        for each in names
        if each.lower().endswith(SUFFIXES)
    )
    if not found:
        raise DataError("no text files in this folder", file=name, fix=_NO_TEXT)
    seen: dict[bytes, str] = {}
    for path in found:
        seen.setdefault(_digest(path), path)
    repeats = len(found) - len(seen)
    if repeats:
        notes.append(f"{repeats} of {len(found)} files repeat another one and are left out")
    return list(seen.values())


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _file(path: str, notes: list[str]) -> Iterator[str]:
    """The text of a file, in one piece or, if it is large and UTF-8, in many."""
    try:
        if not _is_large(path):
            text, said = decode(read_bytes(path), path)
            notes.extend(said)
            yield _plain(text)
            return
        yield from _piecewise(path)
    except DataError as error:
        if "not a text file" in error.what:
            error.fix = _NO_TEXT
        raise


def _is_large(path: str) -> bool:
    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP
    return os.path.getsize(path) > (AT_ONCE // 4 if packed else AT_ONCE)


def _piecewise(path: str) -> Iterator[str]:
    """The text of a large file in UTF-8, a few megabytes at a time."""
    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    held = ""  # a carriage return whose line feed may follow
    try:
        with gzip.open(path, "rb") if packed else open(path, "rb") as stream:
            while True:
                content = stream.read(_PIECE)
                text = held + decoder.decode(content, final=not content)
                held = "\r" if content and text.endswith("\r") else ""
                text = text.removesuffix(held) if held else text
                if _CONTROL.search(text):
                    raise DataError("not a text file", file=path, fix=_NO_TEXT)
                if text:
                    yield _plain(text)
                if not content:
                    return
    except UnicodeDecodeError as error:
        raise DataError(
            f"is large and not UTF-8: {error.reason}", file=path, fix="save it as UTF-8"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"the gzip file is truncated or damaged ({error})", file=path, fix="copy it again"
        ) from None


# -- telling texts from tables ---------------------------------------------------------------------


def claimed(source: Any) -> str:
    r"""Why a source is running text, or "".

    Example:
        >>> claimed("Call me Ishmael.\nSome years ago\n")
        'it is a text'
    """
    if isinstance(source, str) and "\n" in source:
        return "it is a text"
    if not isinstance(source, str | os.PathLike):
        return ""
    name = os.fsdecode(source)
    if os.path.isdir(name):
        return _claimed_folder(name)
    if not name.lower().endswith(SUFFIXES) or not os.path.isfile(name):
        return ""
    return "" if _is_table(_first_lines(name)) else "it is a file of running text"


def _claimed_folder(name: str) -> str:
    try:
        entries = [entry for entry in os.scandir(name) if not entry.name.startswith(".")]
    except OSError:
        return ""
    texts = [e for e in entries if e.is_file() and e.name.lower().endswith(SUFFIXES)]
    few = len(entries) - len(texts) < len(texts)
    if not few or any(e.is_dir() for e in entries):  # pictures with labels; classes
        return ""
    first = min(texts, key=lambda e: e.name)
    return "" if _is_table(_first_lines(first.path)) else "it is a folder of text files"


def _first_lines(name: str) -> list[str]:
    """The first lines that are not blank; none when the file cannot be read."""
    content = head(name)
    text = content.decode("utf-8", "replace") if b"\x00" not in content else ""
    return [line for line in text.splitlines() if line.strip()][:100]


def _is_table(lines: list[str]) -> bool:
    """Whether lines have cells: the same number of separators each, or numbers alone.

    A comma or semicolon with a space after it is one of a sentence.

    Example:
        >>> _is_table(["a,b", "1,2", "3,4"]), _is_table(["Yes, he said,", "and went away."])
        (True, False)
    """
    for separator in "\t;,|":
        prose = separator + " " if separator in ",;" else "\n"
        counts = {line.count(separator) - line.count(prose) for line in lines}
        if len(lines) > 1 and len(counts) == 1 and counts.pop():
            return True
    numeric = sum(all(map(_is_number, line.split())) for line in lines)
    return len(lines) > 0 and numeric > 0.8 * len(lines)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
