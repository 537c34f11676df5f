"""`retroprop faces`, and `train --task faces`."""

from __future__ import annotations

import json

import pytest

from retroprop.cli import main
from tests.tasks.faces.drawn import draw, save


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, people it has not seen, and photos of them."""
    folder = tmp_path_factory.mktemp("faces")
    save(folder / "people", *draw(6, 3))
    new, who = draw(3, 2, seed=9)
    save(folder / "staff", new[::2], who[::2], ["Ada", "Bo", "Cy"])
    save(folder / "door", new[1::2], [0, 0, 0], ["photos"])
    (folder / "nobody").mkdir()
    code = main(
        ["train", str(folder / "people"), "--task", "faces", "channels=4", "embedding=8",
         "epochs=1", "--out", str(folder / "run"), "--json"]
    )  # fmt: skip
    assert code == 0
    return folder


def call(capsys, *arguments):
    code = main([str(each) for each in arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_enrol_identify_verify(place, capsys):
    run, door = place / "run", place / "door" / "photos"
    code, out, err = call(capsys, "faces", "identify", run, door)
    assert (code, out) == (2, "")
    assert "nobody is enrolled" in err
    code, out, err = call(capsys, "faces", "enrol", run, place / "nobody")
    assert (code, "no photos in this folder" in err) == (2, True)

    code, out, _ = call(capsys, "faces", "enrol", run, place / "staff", "--json")
    assert code == 0
    assert json.loads(out)["people"] == ["Ada", "Bo", "Cy"]
    code, _, err = call(capsys, "faces", "enrol", run, place / "staff")
    assert (code, "--force" in err) == (2, True)
    code, out, _ = call(capsys, "faces", "enrol", run, place / "staff", "--force")
    assert code == 0
    assert "enrolled 3 people with 3 photos: Ada, Bo, Cy" in out

    code, out, _ = call(capsys, "faces", "identify", run, door, "--threshold", "-1")
    lines = out.splitlines()
    assert (code, lines[0]) == (0, "example,person,similarity,nearest,photo")
    assert len(lines) == 4
    assert {line.split(",")[1] for line in lines[1:]} <= {"Ada", "Bo", "Cy"}
    photos = sorted(door.iterdir())[:2]
    code, out, _ = call(capsys, "faces", "identify", run, *photos, "--threshold", 1, "--json")
    assert code == 0
    assert json.loads(out)["person"] == ["unknown", "unknown"]

    code, out, _ = call(capsys, "faces", "verify", run, photos[0], photos[0], "--json")
    answer = json.loads(out)
    assert (code, answer["same"]) == (0, True)
    assert answer["similarity"] == pytest.approx(1, abs=1e-4)
    code, out, _ = call(capsys, "faces", "verify", run, *photos, "--threshold", 1)
    assert (code, out.startswith("not the same person (similarity")) == (0, True)

    code, out, _ = call(capsys, "predict", run, door)
    assert (code, out.splitlines()[0]) == (0, "example,person,similarity,nearest,photo")


def test_unreadable_photos_are_said(place, capsys, tmp_path):
    good = next((place / "door" / "photos").iterdir())
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"?")
    code, out, err = call(capsys, "faces", "verify", place / "run", good, bad)
    assert (code, out) == (2, "")
    assert "bad.jpg" in err


def test_mistakes_are_one_message_and_code_2(place, capsys, tmp_path):
    rows = "".join(f"{k % 5},{k % 7}.5\n" for k in range(35))
    (tmp_path / "a.csv").write_text(f"a,b\n{rows}")
    table = ("--target", "b", "epochs=1", "--out", tmp_path / "table")
    assert call(capsys, "train", tmp_path / "a.csv", *table)[0] == 0
    for arguments, message in (
        (("enrol", tmp_path / "none", place / "staff"), "no run folder"),
        (("enrol", tmp_path / "table", place / "staff"), "not of faces"),
        (("enrol", place / "run", place / "none"), "no such file or folder"),
        (("verify", place / "run", place / "none.jpg", place / "none.jpg"), "no such file"),
        ((), "say what to do"),
    ):
        code, out, err = call(capsys, "faces", *arguments)
        assert (code, out) == (2, ""), err
        assert message in err
        assert "Traceback" not in err
