"""From a file to text: gzip, encodings, and a refusal of what is no text at all."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from typing import Any

from retroprop.errors import DataError

__all__ = ["decode", "existing", "head", "is_folder", "read_bytes"]

MAX_BYTES = 2**31  # of unpacked text: stops a small .gz from filling the memory
_CHUNK = 2**22
_GZIP = b"\x1f\x8b"
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")


def is_folder(source: Any) -> bool:
    """Whether a source is the path of a folder.

    Example:
        >>> is_folder("."), is_folder({"a": [1]})
        (True, False)
    """
    return isinstance(source, str | os.PathLike) and os.path.isdir(source)


def head(path: str | os.PathLike[str], size: int = 1 << 16) -> bytes:
    """The first whole lines of a file, unpacked; nothing where it cannot be read.

    For guesses about what a file holds: whoever reads it in full says what is wrong with it.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == _GZIP
        with gzip.open(path, "rb") if packed else open(path, "rb") as stream:
            content = stream.read(size)
    except (OSError, EOFError, zlib.error):
        return b""
    return content[: content.rfind(b"\n") + 1] if len(content) == size else content


def existing(path: str | os.PathLike[str]) -> str:
    """The path as text, if something is there.

    Raises:
        DataError: "houses.csv: no such file or folder".
    """
    name = os.fsdecode(path)
    try:
        found = os.path.exists(name)
    except ValueError:  # a NUL in the name
        found = False
    if not name or not found:
        raise DataError("no such file or folder", file=name or "''", fix=_beside(name))
    return name


def _beside(name: str) -> str | None:
    """What else lies in the folder, for the error: most wrong paths are typing slips."""
    import difflib  # noqa: PLC0415  only ever needed on the way to an error

    folder = os.path.dirname(name) or "."
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return None
    near = difflib.get_close_matches(os.path.basename(name), names, n=1, cutoff=0.6)
    return f"did you mean {os.path.join(os.path.dirname(name), near[0])}?" if near else None


def read_bytes(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file, unpacked when it is gzip (told by its first bytes, not by its name).

    Raises:
        DataError: a path that is missing or a folder, a truncated or damaged .gz, more than
            `max_bytes` of content.
    """
    name = existing(path)
    if os.path.isdir(name):
        raise DataError("this is a folder, a file is expected", file=name)
    try:
        with open(name, "rb") as file:
            packed = file.read(2) == _GZIP
        with gzip.open(name, "rb") if packed else open(name, "rb") as stream:
            return _read(stream, name, max_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as cause:
        raise DataError(
            f"the gzip file is truncated or damaged ({cause})", file=name, fix="copy it again"
        ) from cause
    except OSError as cause:
        raise DataError(f"cannot be read: {cause.strerror or cause}", file=name) from cause
    except MemoryError as cause:
        raise DataError("too large for the memory of this machine", file=name) from cause


def _read(stream: object, name: str, max_bytes: int) -> bytes:
    pieces, total = [], 0
    while piece := stream.read(_CHUNK):  # type: ignore[attr-defined]
        total += len(piece)
        if total > max_bytes:
            raise DataError(
                f"holds more than {max_bytes:,} bytes of text", file=name, fix="use a part of it"
            )
        pieces.append(piece)
    return b"".join(pieces)


def decode(content: bytes, file: object, encoding: str | None = None) -> tuple[str, list[str]]:
    """Text of a file, and what there is to say about its encoding.

    A byte-order mark decides; else UTF-8 when it fits; else Windows-1252 or Latin-1 (Western
    European files made by spreadsheets), which is said.

    Args:
        content:  the bytes.
        file:     name for errors.
        encoding: any of Python's text encodings, or None to find out.

    Raises:
        DataError: binary content, or bytes that the given encoding does not allow.

    Example:
        >>> decode("año".encode("latin-1"), "a.csv")
        ('año', ['a.csv is not UTF-8: read as latin-1'])
    """
    if encoding is not None:
        return _strictly(content, encoding, file), []
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _text(_strictly(content, name, file), file), []
    try:
        return _text(content.decode("utf-8"), file), []
    except UnicodeDecodeError:
        pass
    name = "latin-1"
    if re.search(b"[\x80-\x9f]", content):  # control codes in Latin-1, letters in Windows-1252
        try:
            return _text(content.decode("cp1252"), file), [f"{file} is not UTF-8: read as cp1252"]
        except UnicodeDecodeError:
            pass
    return _text(content.decode(name), file), [f"{file} is not UTF-8: read as {name}"]


def _strictly(content: bytes, encoding: str, file: object) -> str:
    try:
        text = content.decode(encoding)
    except LookupError as cause:
        raise DataError(f"unknown encoding {encoding!r}", file=file, fix="try 'utf-8'") from cause
    except (UnicodeError, ValueError) as cause:
        raise DataError(f"is not {encoding} text: {cause}", file=file) from cause
    if not isinstance(text, str):  # "rot13", "hex": codecs that are no text encodings
        raise DataError(f"{encoding!r} is not a text encoding", file=file)
    return text


def _text(text: str, file: object) -> str:
    """The text itself, or an error when control characters show that it is none."""
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        code = f"\\x{ord(found.group()):02x}"
        raise DataError(
            f"not a text file: character {code} found",
            file=file,
            row=line,
            fix="save the table as CSV (UTF-8)",
        )
    return text
