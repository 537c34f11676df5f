"""`retroprop generate`."""

from __future__ import annotations

import io
import json

import pytest

from retroprop import tasks
from retroprop.cli import main

TEXT = "to be or not to be, that is the question.\n" * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on a little text, and one on a table."""
    place = tmp_path_factory.mktemp("generate")
    options = {"hidden": 16, "embed": 8, "layers": 1, "window": 16, "epochs": 3, "lr": 0.02}
    tasks.train(TEXT, options, folder=place / "run", progress=False, say=str)
    table = {"a": [k / 9 for k in range(50)], "b": [k / 5 for k in range(50)]}
    tasks.train(table, {"epochs": 1}, target="b", folder=place / "table", progress=False, say=str)
    return place


def call(capsys, *arguments):
    code = main(["generate", *map(str, arguments)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_the_prompt_and_what_follows(folder, capsys):
    code, out, _ = call(capsys, folder / "run", "--prompt", "to be", "--length", 30)
    assert code == 0
    assert out.startswith("to be")
    assert len(out) == len("to be") + 30 + 1
    assert out == call(capsys, folder / "run", "--prompt", "to be", "--length", 30)[1]
    assert out != call(
        capsys, folder / "run", "--prompt", "to be", "--length", 30, "--seed", 1,
        "--temperature", 2,
    )[1]  # fmt: skip


def test_json(folder, capsys):
    arguments = ("--length", 12, "--json", "--top-k", 3, "--top-p", 0.9, "--temperature", 0.5)
    code, out, _ = call(capsys, folder / "run", *arguments)
    answer = json.loads(out)
    assert (code, answer["task"], len(answer["text"])) == (0, "generate", 12)
    assert (answer["prompt"], answer["top_k"], answer["temperature"]) == ("", 3, 0.5)


def test_a_prompt_from_standard_input(folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("or not\n"))
    code, out, _ = call(capsys, folder / "run", "--prompt", "-", "--length", 5)
    assert code == 0
    assert out.startswith("or not")
    assert len(out) == len("or not") + 5 + 1


def test_unknown_characters_are_said(folder, capsys):
    code, out, err = call(capsys, folder / "run", "--prompt", "to ☃", "--length", 5)
    assert (code, out[:4]) == (0, "to ☃")
    assert "'☃'" in err
    code, _, err = call(capsys, folder / "run", "--prompt", "☃", "--length", 5)
    assert code == 2
    assert "never seen any character of the prompt" in err


def test_what_cannot_be(folder, capsys):
    for arguments, words in (
        ((folder / "table",), "run of regression, which writes no text"),
        ((folder / "run", "--length", 0), "--length must be at least 1"),
        ((folder / "run", "--temperature", -1), "temperature"),
        ((folder / "run", "--top-p", 2), "top_p"),
        ((folder,), "no run folder"),
    ):
        code, _, err = call(capsys, *arguments)
        assert code == 2
        assert words in err
