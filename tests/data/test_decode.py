from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.data.decode import decode, existing, head, is_folder, read_bytes
from retroprop.errors import DataError


@pytest.mark.parametrize(
    ("content", "text", "said"),
    [
        ("año €".encode(), "año €", ""),
        ("año".encode("utf-8-sig"), "año", ""),
        ("año".encode("utf-16"), "año", ""),
        ("año".encode("utf-16-be"), None, ""),
        (b"\xfe\xff" + "año".encode("utf-16-be"), "año", ""),
        ("año".encode("utf-32"), "año", ""),
        ("año".encode("latin-1"), "año", "latin-1"),
        ("año €".encode("cp1252"), "año €", "cp1252"),
        (b"a\x81\xe9", "a\x81é", "latin-1"),
    ],
)
def test_encodings(content: bytes, text: str | None, said: str) -> None:
    if text is None:
        with pytest.raises(DataError, match="not a text file"):
            decode(content, "a.csv")
        return
    got, notes = decode(content, "a.csv")
    assert got == text
    assert notes == ([f"a.csv is not UTF-8: read as {said}"] if said else [])


def test_a_given_encoding_is_kept_to() -> None:
    assert decode("añ".encode("cp850"), "a.csv", "cp850")[0] == "añ"
    with pytest.raises(DataError, match=r"a\.csv: is not utf-8 text"):
        decode(b"\xff", "a.csv", "utf-8")
    with pytest.raises(DataError, match="unknown encoding 'utf-99'"):
        decode(b"a", "a.csv", "utf-99")
    with pytest.raises(DataError, match="unknown encoding 'hex'"):
        decode(b"a", "a.csv", "hex")


def test_binary_content_names_the_row() -> None:
    with pytest.raises(DataError, match=r"a\.csv, row 2: not a text file: character \\x00"):
        decode(b"a,b\n1,\x00\n", "a.csv")


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(content: bytes) -> None:
    try:
        text, _ = decode(content, "a.csv")
    except DataError:
        return
    assert "\x00" not in text


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(b"a,b\n"))
    assert read_bytes(path) == b"a,b\n"


@pytest.mark.parametrize("cut", [3, 10, 15, -1])
def test_a_truncated_gzip_file(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 50)[:cut])
    with pytest.raises(DataError, match=r"a\.csv\.gz: the gzip file is truncated or damaged"):
        read_bytes(path)


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    content = bytearray(gzip.compress(b"a,b\n1,2\n" * 50))
    content[20] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="truncated or damaged"):
        read_bytes(path)


def test_a_small_file_that_unpacks_to_a_huge_one(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 10**6))
    with pytest.raises(DataError, match="holds more than 100,000 bytes"):
        read_bytes(path, max_bytes=100_000)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text("a")
    with pytest.raises(DataError, match="no such file or folder") as caught:
        existing(tmp_path / "house.csv")
    assert "did you mean" in str(caught.value)
    with pytest.raises(DataError, match="no such file or folder"):
        existing("")
    with pytest.raises(DataError, match="no such file or folder"):
        existing("a\x00b")
    with pytest.raises(DataError, match="this is a folder"):
        read_bytes(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_the_head_of_a_file_is_whole_lines(tmp_path, packed):
    path = tmp_path / "a.txt"
    content = b"one\ntwo\nthree"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert head(path) == content
    assert head(path, 9) == b"one\ntwo\n"
    assert head(tmp_path / "none") == b""
    (tmp_path / "torn.gz").write_bytes(gzip.compress(content * 99)[:30])
    assert head(tmp_path / "torn.gz") == b""


def test_folders(tmp_path):
    assert is_folder(tmp_path)
    assert is_folder(str(tmp_path))
    assert not is_folder(tmp_path / "none")
    assert not is_folder({"a": [1]})
