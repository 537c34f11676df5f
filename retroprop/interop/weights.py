"""Tensors in safetensors files: written atomically, checked when read, never executed.

The file format is safetensors 0.x (a JSON header and raw little-endian arrays), so PyTorch, JAX and
others read it as it is. A SHA-256 over all tensors goes into the header's metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as _serialise

from retroprop.core.tensor import Tensor
from retroprop.errors import CheckpointError

__all__ = ["load", "load_with_metadata", "save", "write_atomically"]

Array = np.ndarray[Any, Any]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that a kill leaves either the old one or the new one, whole."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CheckpointError(f"cannot write {target}: {error.strerror or error}") from None


def save(
    tensors: Mapping[str, Any],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named tensors (such as `model.state_dict()`) to a safetensors file.

    Args:
        tensors:  Tensors or arrays by name.
        path:     the file; an existing one is replaced in one step.
        metadata: text by name, kept in the header.

    Example:
        >>> import retroprop as rp, tempfile, os
        >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
        >>> rp.save({"w": rp.asarray([1.0, 2.0])}, path)
        >>> rp.load(path)["w"]
        tensor([1., 2.])
    """
    arrays = {}
    for name, item in tensors.items():
        array = item.detach().numpy() if isinstance(item, Tensor) else np.asarray(item)
        arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    extra = {**(metadata or {}), "format": "pt", "sha256": _digest(arrays)}
    write_atomically(path, _in_order(_serialise(arrays, metadata=extra)))


def _in_order(content: bytes) -> bytes:
    """The same file with sorted metadata: safetensors writes them in another order each time."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors stay aligned
    return len(text).to_bytes(8, "little") + text + content[start:]


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the named tensors of a safetensors file.

    Raises:
        CheckpointError: the file is missing, truncated, damaged, or no safetensors file.
    """
    return load_with_metadata(path)[0]


def load_with_metadata(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The named tensors of a safetensors file and the text in its header."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {path}") from None
    except (SafetensorError, OSError, ValueError, TypeError, struct.error) as error:
        raise CheckpointError(
            f"{path} is no readable safetensors file: {error}",
            fix="it may be cut short; take an earlier copy, or save the weights again",
        ) from None
    expected = metadata.pop("sha256", None)
    if expected is not None and expected != _digest(arrays):
        raise CheckpointError(
            f"{path} is damaged: its checksum does not match", fix="take an earlier copy"
        )
    metadata.pop("format", None)
    return {name: Tensor(array) for name, array in arrays.items()}, metadata


def _digest(arrays: Mapping[str, Array]) -> str:
    """SHA-256 over names, types, shapes and bytes, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.name}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
