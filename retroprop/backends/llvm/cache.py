r"""Compiled code on disk, so that a program compiles once and not at every start.

One file for each entry, named by its key, in a folder that only its owner can read or write:

    "retroprop code 1\n"   digest (32 bytes)   size of the metadata (8 bytes)   metadata   code

The digest covers all that follows; a file that does not agree with it counts as missing. Files
appear whole (they are renamed into place), so that any number of processes may share the folder.
What was not used for longest goes first; to find it the folder is looked through each time a 64th
of what it may hold was written, by whatever processes: the length of the file `written`, a byte
for each block. A folder that cannot be used costs time, never a result.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import time
import warnings
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

from retroprop import settings
from retroprop.backends.llvm.target import Target
from retroprop.version import __version__

__all__ = ["Entry", "clear", "folder", "get", "key", "put", "size_bytes"]

_MAGIC = b"retroprop code 1\n"
_DIGEST = 32
_SIZE = 8
_SUFFIX = ".code"
_WRITTEN = "written"
_BLOCK = 4096
_UNFINISHED = 3600.0  # seconds after which a file that was never renamed was left by a crash


class Entry(NamedTuple):
    """What was stored under a key."""

    data: bytes
    metadata: dict[str, Any]


def folder() -> str | None:
    """Where entries are; None when there is no cache, because of a setting or of the folder."""
    return _usable(settings.cache_folder) if settings.cache_folder else None


def key(target: Target, *material: str) -> str:
    """The name of an entry: equal only where the same code would be made.

    Args:
        target:   the processor that the code is for.
        material: what the code is made from: its LLVM IR, or whatever leads to it by way of the
                  files of this folder, whose version is part of every key.
    """
    import llvmlite.binding  # noqa: PLC0415  only programs that compile load LLVM

    versions = f"{llvmlite.__version__} {llvmlite.binding.llvm_version_info}"
    parts = (versions, _generator(), repr(target), *material)
    digest = blake2b(digest_size=20)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(_SIZE, "little") + encoded)
    return digest.hexdigest()


@cache
def _generator() -> str:
    """What tells one version of the code generator from another: a digest of its source files."""
    digest = blake2b(__version__.encode(), digest_size=20)
    here = os.path.dirname(os.path.abspath(__file__))
    ops = os.path.join(os.path.dirname(os.path.dirname(here)), "ops")  # say what each op computes
    with suppress(OSError):  # no files where the package is zipped or frozen: its version has to do
        for folder in (here, ops):
            for name in sorted(os.listdir(folder)):
                if name.endswith(".py"):
                    with open(os.path.join(folder, name), "rb") as file:
                        digest.update(file.read())
    return digest.hexdigest()


def get(key: str) -> Entry | None:
    """The entry of this name, or None where there is none or it is damaged."""
    where = folder()
    if where is None:
        return None
    path = os.path.join(where, key + _SUFFIX)
    try:
        with open(path, "rb") as file:
            found = _unpacked(file.read())
        if found is not None:
            os.utime(path)  # it was used: it stays longer
    except OSError:
        return None
    return found


def put(key: str, data: bytes, metadata: dict[str, Any] | None = None) -> None:
    """Store an entry, and drop what was not used for longest where the cache is full.

    Args:
        metadata: anything that JSON can say.
    """
    where = folder()
    packed = _packed(data, metadata or {})
    if where is None or len(packed) > _bound():
        return
    unfinished = os.path.join(where, f".{key}.{os.getpid()}.{threading.get_ident()}")
    try:
        with open(unfinished, "xb", opener=_private) as file:
            file.write(packed)
        os.replace(unfinished, os.path.join(where, key + _SUFFIX))
        if _is_time_to_trim(where, len(packed)):
            _trim(where)
    except OSError:  # read-only, full, or removed meanwhile
        with suppress(OSError):
            os.remove(unfinished)


def size_bytes() -> int:
    """How much is stored."""
    where = folder()
    return 0 if where is None else sum(size for _, size, _ in _files(where))


def clear() -> None:
    """Remove every entry."""
    where = folder()
    if where is None:
        return
    for path in (*(path for _, _, path in _files(where)), os.path.join(where, _WRITTEN)):
        with suppress(OSError):
            os.remove(path)


# -- files ---------------------------------------------------------------------------------------


def _packed(data: bytes, metadata: dict[str, Any]) -> bytes:
    written = json.dumps(metadata).encode()
    body = len(written).to_bytes(_SIZE, "little") + written + data
    return _MAGIC + blake2b(body, digest_size=_DIGEST).digest() + body


def _unpacked(packed: bytes) -> Entry | None:
    start = len(_MAGIC) + _DIGEST
    digest, body = packed[len(_MAGIC) : start], packed[start:]
    is_whole = packed.startswith(_MAGIC) and digest == blake2b(body, digest_size=_DIGEST).digest()
    if not is_whole:
        return None
    end = _SIZE + int.from_bytes(body[:_SIZE], "little")
    return Entry(body[end:], json.loads(body[_SIZE:end]))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _bound() -> int:
    return settings.cache_megabytes << 20


def _files(where: str) -> list[tuple[float, int, str]]:
    """Time of last use, size and path of each entry, and of what a crash left; oldest first."""
    found = []
    with suppress(OSError), os.scandir(where) as listed:
        for item in listed:
            with suppress(OSError):  # another process may have removed it meanwhile
                facts = item.stat()
                old = facts.st_mtime < time.time() - _UNFINISHED
                if item.name.endswith(_SUFFIX) or (item.name.startswith(".") and old):
                    found.append((facts.st_mtime, facts.st_size, item.path))
    return sorted(found)


def _is_time_to_trim(where: str, size: int) -> bool:
    """Count what was written; whether it has become a 64th of the bound."""
    path = os.path.join(where, _WRITTEN)
    with open(path, "ab", opener=_private) as file:
        file.write(bytes(-(-size // _BLOCK)))
        written = file.tell() * _BLOCK
    if written < _bound() // 64:
        return False
    os.remove(path)
    return True


def _trim(where: str) -> None:
    files = _files(where)
    stored = sum(size for _, size, _ in files)
    for _, size, path in files:
        unfinished = not path.endswith(_SUFFIX)
        if stored > _bound() or unfinished:
            with suppress(OSError):
                os.remove(path)
            stored -= size


@cache
def _usable(path: str) -> str | None:
    """The folder, made where missing; None, and one warning, where code in it is not safe."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        reason = _distrust(path)
    except OSError as error:
        reason = error.strerror or "it cannot be made"
    if reason is None:
        return path
    warnings.warn(
        f"no cache of compiled code in {path}: {reason}; RETROPROP_CACHE names another folder",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _distrust(path: str) -> str | None:
    """Why code found in a folder should not be run."""
    if os.name != "posix":
        return None
    for facts in (os.lstat(path), os.stat(path)):  # a link is as good as who may change it
        if facts.st_uid != os.geteuid():
            return "it belongs to another user"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "other users may write to it"
    return None
