"""Texts from everywhere, as one row of characters."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest

from retroprop.errors import ArgumentError, DataError
from retroprop.tasks.generation import corpus
from retroprop.tasks.generation.corpus import Corpus, claimed, codes_of, gathered, read

LINES = "En un lugar de la Mancha,\nde cuyo nombre no quiero acordarme.\n"


def test_a_file_plain_or_packed_or_in_another_encoding(tmp_path):
    text = LINES + "año, corazón, señor\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "c.txt").write_bytes(text.encode("latin-1"))
    (tmp_path / "d.txt").write_bytes(text.encode("utf-16"))
    (tmp_path / "e.txt").write_bytes(text.replace("\n", "\r\n").encode())
    for name in ("a.txt", "b.txt.gz", "c.txt", "d.txt", "e.txt"):
        found, notes = read(tmp_path / name)
        assert found.string() == text, name
        assert bool(notes) == (name == "c.txt")
    assert "latin-1" in read(tmp_path / "c.txt")[1][0]


def test_a_folder_in_the_order_of_names_without_repeats(tmp_path):
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a.txt").write_text("first\n")
    (tmp_path / "c.txt").write_text("first\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    found, notes = read(tmp_path)
    assert found.string() == "first\nsecond\n"
    assert found.documents == [("a.txt", 0), ("b.txt", 6)]
    assert notes == ["1 of 3 files repeat another one and are left out"]


def test_strings_lists_and_streams():
    for source in (LINES, io.StringIO(LINES), LINES.split("\n")[:2]):
        assert read(source)[0].string() == LINES
    assert len(read(LINES.split("\n")[:2])[0].documents) == 2
    assert read(LINES, limit=10)[0].string() == LINES[:10]
    with pytest.raises(ArgumentError, match="takes texts, not int"):
        read(3)
    with pytest.raises(DataError, match="bytes, not text"):
        read(io.BytesIO(b"text"))


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary.txt").write_bytes(b"\x7fELF\x02\x01\x00\x00" * 100)
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"a long text" * 99)[:40])
    (tmp_path / "none").mkdir()
    for name, words in {
        "empty.txt": "empty",
        "binary.txt": "not a text file",
        "cut.txt.gz": "truncated",
        "none": "no text files",
        "missing.txt": "no such file",
    }.items():
        with pytest.raises(DataError, match=words) as error:
            read(tmp_path / name)
        assert name in str(error.value)
    with pytest.raises(DataError, match="running text"):
        read(tmp_path / "binary.txt")


def test_a_text_larger_than_memory_goes_through_a_file(tmp_path, monkeypatch):
    text = ("año " * 100 + "\r\n") * 40
    (tmp_path / "large.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "large.txt").write_text(text, encoding="utf-8", newline="")
    (tmp_path / "other.txt").write_bytes(text.encode("latin-1"))
    monkeypatch.setattr(corpus, "AT_ONCE", 100)
    monkeypatch.setattr(corpus, "_PIECE", 1001)  # cuts letters and line breaks in two
    monkeypatch.setattr(corpus.gathered, "__defaults__", (2000,))
    for name in ("large.txt.gz", "large.txt"):
        found, _ = read(tmp_path / name)
        assert isinstance(found.codes, np.memmap)
        assert found.string() == text.replace("\r\n", "\n")
    with pytest.raises(DataError, match=r"other.txt.*not UTF-8"):
        read(tmp_path / "other.txt")


def test_arrays_in_a_row():
    pieces = [np.arange(3), np.arange(4)]
    assert gathered(pieces).tolist() == gathered(pieces, most=8).tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert isinstance(gathered(pieces, most=8), np.memmap)
    assert len(gathered([])) == 0


def test_parts_keep_their_documents():
    whole = Corpus(codes_of("aaabbbccc"), [("a", 0), ("b", 3), ("c", 6)])
    part = whole.cut(4, 8)
    assert part.documents == [("b", 0), ("c", 2)]
    assert [part.string(*each) for each in part.spans()] == ["bb", "cc"]
    lines = Corpus(codes_of("x\n\nyy\nz\n"), [("a", 0), ("b", 6)]).by_line()
    assert [name for name, _ in lines.documents] == ["a, line 1", "a, line 3", "b, line 1"]
    assert lines.string(*lines.spans()[1]) == "yy\n"


def test_running_text_is_told_from_tables_and_from_classes(tmp_path):
    (tmp_path / "a.txt").write_text(LINES)
    (tmp_path / "b.md").write_text("# A title\n\nA text.\n")
    (tmp_path / "table.txt").write_text("a\tb\n1\t2\n3\t4\n")
    (tmp_path / "comma.txt").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "numbers.txt").write_text("1.5 2\n2.5 3\n")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert claimed(tmp_path / "a.txt") == claimed(tmp_path / "b.md") != ""
    for name in ("table.txt", "comma.txt", "numbers.txt", "a.csv", "missing.txt"):
        assert not claimed(str(tmp_path / name)), name
    texts, classes = tmp_path / "texts", tmp_path / "classes"
    for kind in ("good", "bad"):
        (classes / kind).mkdir(parents=True)
        (classes / kind / "1.txt").write_text("a text")
    texts.mkdir()
    (texts / "1.txt").write_text("a text")
    assert claimed(texts)
    assert not claimed(classes)
    (classes / "readme.txt").write_text("Three words here")
    (classes / "licence.txt").write_text("Three words there")
    (classes / "source.txt").write_text("Three words more")
    assert not claimed(classes)
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "1.txt").write_text("0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.2\n")
    assert not claimed(labels)
    assert not claimed({"a": [1]})
