"""Reading `.npz` files: plain arrays by name, checked before memory is taken, never unpickled."""

from __future__ import annotations

import os
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np

from retroprop.data.decode import existing
from retroprop.errors import DataError

__all__ = ["read_npz"]

MAX_BYTES = 2**34  # of one unpacked array: stops a small file from filling the memory
# All that NumPy and zipfile are known to raise on damaged or hostile bytes.
_BROKEN = (
    OSError, ValueError, EOFError, KeyError, TypeError, IndexError, AttributeError, OverflowError,
    MemoryError, RuntimeError, SyntaxError, RecursionError, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError,
)  # fmt: skip


def read_npz(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The arrays of a `.npz` file by name; arrays of Python objects are refused, not unpickled.

    Raises:
        DataError: not a zip file, truncated, damaged, too large, or with object arrays; names the
            file and the array.

    Example:
        >>> import io, tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "a.npz"
        ...     np.savez(path, x=np.zeros((2, 3)))
        ...     read_npz(path)["x"].shape
        (2, 3)
    """
    name = existing(path)
    if os.path.isdir(name):
        raise DataError("this is a folder, a .npz file is expected", file=name)
    try:
        archive = zipfile.ZipFile(name)
    except _BROKEN as cause:
        raise DataError(
            f"not a .npz file, or truncated ({str(cause)[:120]})",
            file=name,
            fix="make it with numpy.savez",
        ) from cause
    with archive:
        arrays = {}
        for info in archive.infolist():
            if info.filename.endswith(".npy"):
                key = info.filename.removesuffix(".npy")
                arrays[key] = _read_array(archive, info, key, name)
    if not arrays:
        raise DataError("the file holds no arrays", file=name)
    return arrays


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, key: str, name: str) -> Any:
    try:
        with archive.open(info) as stream:
            version = np.lib.format.read_magic(stream)
            head = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else (np.lib.format.read_array_header_2_0)
            )
            shape, _, dtype = head(stream)
            start = stream.tell()
        if dtype.hasobject:
            raise DataError(
                "holds Python objects, which are never unpickled",
                file=name,
                column=key,
                fix="save it as a plain array of numbers or texts",
            )
        size = dtype.itemsize * int(np.prod([int(n) for n in shape], dtype=object))
        if size > MAX_BYTES:
            raise DataError(f"would need {size:,} bytes", file=name, column=key)
        if size > info.file_size - start:
            raise DataError("is truncated", file=name, column=key)
        with archive.open(info) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except _BROKEN as cause:
        if isinstance(cause, DataError):
            raise
        why = str(cause)[:120] or type(cause).__name__
        raise DataError(f"the array is damaged: {why}", file=name, column=key) from cause
