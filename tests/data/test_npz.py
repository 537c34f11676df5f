from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data import npz
from retroprop.data.npz import read_npz
from retroprop.errors import DataError


def packed(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def with_header(header: bytes, body: bytes = b"\0" * 64) -> bytes:
    """A .npz file of one array with any header."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(
            "x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body
        )
    return stream.getvalue()


def claiming(shape: str, dtype: str = "<f8") -> bytes:
    """A .npz file whose array claims a shape that its 64 bytes do not have."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape},), }}\n"
    return with_header(text.encode())


def written(folder: Path, content: bytes) -> Path:
    path = folder / "f.npz"
    path.write_bytes(content)
    return path


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    arrays = {
        "x": np.arange(6, dtype=np.uint8).reshape(2, 3), "names": np.array(["a", "ñ"]),
        "f": np.asfortranarray(np.eye(3, dtype=np.float16)), "empty": np.zeros((0, 2)),
        "big_endian": np.arange(3, dtype=">i4"), "scalar": np.float64(3),
    }  # fmt: skip
    got = read_npz(written(tmp_path, packed(**arrays)))
    assert set(got) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(got[name], array)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "trap",))

    path = written(tmp_path, packed(x=np.array([Trap()], dtype=object)))
    with pytest.raises(
        DataError, match=r'f\.npz, column "x": holds Python objects, which are never'
    ):
        read_npz(path)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "not a .npz file, or truncated"),
        (b"hello, world", "not a .npz file, or truncated"),
        (packed(x=np.arange(99))[:-30], "not a .npz file, or truncated"),
        (b"\x93NUMPY", "not a .npz file"),
        (claiming("99"), '"x": is truncated'),
        (claiming("9" * 25), "would need"),
        (claiming("10**30"), "damaged"),
        (claiming("-1"), "damaged|truncated"),
        (claiming("1", dtype="zz"), "damaged"),
        (with_header(b"__import__('os').getcwd()\n"), "damaged"),
        (with_header(b"{}\n"), "damaged"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read_npz(written(tmp_path, content))


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    content = bytearray(packed(x=np.random.default_rng(0).random(500)))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(DataError, match=r'f\.npz, column "x": the array is damaged'):
        read_npz(written(tmp_path, bytes(content)))


def test_a_zip_without_arrays(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(DataError, match="the file holds no arrays"):
        read_npz(written(tmp_path, stream.getvalue()))


def test_a_small_file_that_unpacks_to_a_huge_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "MAX_BYTES", 10**6)
    path = written(
        tmp_path, packed(x=np.zeros(10**6, dtype=np.uint8), y=np.zeros(10**6 + 1, np.uint8))
    )
    with pytest.raises(DataError, match='column "y": would need 1,000,001 bytes'):
        read_npz(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_npz(tmp_path / "f.npz")
    with pytest.raises(DataError, match="this is a folder"):
        read_npz(tmp_path)


WHOLE = packed(x=np.arange(24, dtype=np.float32).reshape(8, 3), y=np.arange(8) % 2)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
       st.integers(0, len(WHOLE)))  # fmt: skip
def test_any_damage_is_survived_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    path = tmp_path_factory.mktemp("npz") / "f.npz"
    for damaged in (bytes(content), bytes(content[:cut])):
        path.write_bytes(damaged)
        try:
            arrays = read_npz(path)
        except DataError:
            continue
        assert all(isinstance(array, np.ndarray) for array in arrays.values())


@given(st.binary(max_size=80))
def test_any_header_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, header: bytes
) -> None:
    path = tmp_path_factory.mktemp("npz") / "f.npz"
    path.write_bytes(with_header(header))
    with pytest.raises(DataError):
        read_npz(path)
