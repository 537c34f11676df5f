"""Texts from files, folders and programs."""

from __future__ import annotations

import gzip
import io

import pytest

from retroprop.errors import DataError
from retroprop.tasks.registry import choose
from retroprop.tasks.text.source import claim, labelled, unlabelled

LINES = [f'"it was number {k}, of the good ones",{"yes" if k % 2 else "no"}' for k in range(30)]
CSV = "\n".join(["text,liked", *LINES]) + "\n"


def folder(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(root)


def test_a_table_is_claimed_and_read(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode()))
    kind, why = choose(str(path))
    assert kind.name == "text"
    assert "liked" in why
    found = labelled(str(path), None, None)
    assert found.texts[0] == "it was number 0, of the good ones"
    assert (found.labels[:2], found.ids[0], found.target) == (["no", "yes"], 2, "liked")


def test_a_long_table_is_told_by_its_beginning(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,liked\n" + "\n".join(LINES[:2] * 2000) + "\n" + CSV)
    assert claim(str(path), None) == ""  # the same sentences again and again
    numbered = [f'"it was\nnumber {k}, of the good ones",{k % 2}' for k in range(4000)]
    path.write_text("text,liked\n" + "\n".join(numbered))
    assert claim(str(path), "liked")


def test_folders_of_classes(tmp_path):
    files = {f"{part}/{name}/{k}.txt": f"{name} {part} {k}" for part in ("train", "test")
             for name in ("neg", "pos") for k in range(2)}  # fmt: skip
    path = folder(tmp_path, files)
    assert choose(path)[0].name == "text"
    found = labelled(path, None, None)
    assert sorted(found.parts) == ["test"] * 4 + ["train"] * 4
    assert set(zip(found.labels, found.texts, strict=True)) >= {("neg", "neg test 0")}
    assert len(unlabelled(path, "text")) == 8


def test_frames_pairs_and_lists():
    texts = [f"it was number {k} of the good ones" for k in range(30)]
    assert claim((texts, [0, 1] * 15), None)
    assert claim({"text": texts, "ok": [True, False] * 15}, None)
    assert labelled({"text": texts, "ok": [True, False] * 15}, None, None).labels[:2] == [
        "true", "false",
    ]  # fmt: skip
    assert labelled((texts, [0, 1] * 15), None, None).labels[:2] == ["0", "1"]
    assert unlabelled(texts, "text").texts == texts
    assert unlabelled({"text": texts}, "text").texts == texts
    assert claim(([[1.0]] * 9, [0] * 9), None) == ""
    assert claim(object(), None) == ""


def test_a_pandas_frame():
    pandas = pytest.importorskip("pandas")
    texts = [f"it was number {k} of the good ones" for k in range(30)]
    frame = pandas.DataFrame({"review": texts, "stars": [1, 5] * 15})
    assert claim(frame, None)
    assert labelled(frame, None, None).labels[:2] == ["1", "5"]


def test_text_itself_or_lines_or_a_stream(tmp_path):
    assert unlabelled("not bad.txt at all", "text").texts == ["not bad.txt at all"]
    assert unlabelled(io.StringIO("a\n\nb c\n"), "text").texts == ["a", "", "b c"]
    path = tmp_path / "lines.txt"
    path.write_text("one\ntwo three\n")
    found = unlabelled(str(path), "text")
    assert (found.texts, found.ids) == (["one", "two three"], ["line 1", "line 2"])


def test_latin_1_is_detected_and_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(CSV.replace("good", "señor").encode("latin-1"))
    found = labelled(str(path), None, None)
    assert "señor" in found.texts[0]
    assert "not UTF-8: read as latin-1" in found.notes[0]
    files = {f"{name}/{k}.txt": "año".encode("latin-1") for name in "ab" for k in range(3)}
    notes = labelled(folder(tmp_path / "f", files), None, None).notes
    assert notes == ["6 files are not UTF-8, such as: a/0.txt is not UTF-8: read as latin-1"]


WRONG = {
    "a slip in a name": (lambda root: unlabelled("reviws.csv", "text"), "no such file"),
    "an empty folder": (lambda root: labelled(str(root), None, None), "no .txt files here"),
    "a class without texts": (
        lambda root: labelled(folder(root, {"a/1.txt": "x", "b/1.md": "y"}), None, None),
        "folders of classes without texts: b",
    ),
    "a column for a folder": (
        lambda root: labelled(folder(root, {"a/1.txt": "x"}), None, "label"), "no columns to name",
    ),
    "a kind of file": (
        lambda root: labelled(folder(root, {"a.docx": "x"}) + "/a.docx", None, None), "'.docx'",
    ),
    "numbers for texts": (lambda root: unlabelled([1, 2], "text"), "row 0: must be text, it is"),
    "an empty stream": (lambda root: unlabelled(io.StringIO(""), "text"), "no texts: it is empty"),
    "lengths": (lambda root: labelled((["a"], [0, 1]), None, None), "1 texts and 2 classes"),
    "another table": (
        lambda root: unlabelled({"tekst": ["a"], "n": [1]}, "text"), 'no column "text"; did you',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_is_named(name, tmp_path):
    call, words = WRONG[name]
    with pytest.raises(DataError) as caught:
        call(tmp_path)
    assert words in str(caught.value)
