"""`retroprop predict`."""

from __future__ import annotations

import json

import pytest

from retroprop.cli import main
from retroprop.tasks import run as runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, and the table it was trained on."""
    place = tmp_path_factory.mktemp("predict")
    rows = [f"{k % 7},{k % 5},{'big' if k % 7 > 3 else 'small'}" for k in range(60)]
    (place / "things.csv").write_text("\n".join(["a,b,size", *rows]))
    runs.train(
        place / "things.csv", {"epochs": 2}, target="size", folder=place / "run", progress=False,
        say=str,
    )  # fmt: skip
    return place


def call(capsys, *arguments):
    code = main(["predict", *map(str, arguments)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_one_line_per_example(folder, capsys):
    code, out, _ = call(capsys, folder / "run", folder / "things.csv")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "example,prediction,probability"
    assert len(lines) == 61
    assert {line.split(",")[1] for line in lines[1:]} <= {"big", "small"}


def test_json_and_tables_without_the_target(folder, capsys):
    (folder / "new.csv").write_text("b,a\n1,6\n2,0\n")
    code, out, _ = call(capsys, folder / "run", folder / "new.csv", "--json")
    assert code == 0
    answer = json.loads(out)
    assert (answer["task"], answer["examples"]) == ("predict", 2)
    assert len(answer["prediction"]) == len(answer["probability"]) == 2


def test_a_file_is_written_once(folder, capsys):
    target = folder / "out.csv"
    arguments = (folder / "run", folder / "things.csv", "--out", target)
    assert call(capsys, *arguments)[:2] == (0, "")
    target.write_text("mine")
    code, _, err = call(capsys, *arguments)
    assert (code, "--force" in err) == (2, True)
    assert target.read_text() == "mine"
    assert call(capsys, *arguments, "--force")[0] == 0
    assert len(target.read_text().splitlines()) == 61


def test_mistakes_are_one_message_and_code_2(folder, capsys):
    (folder / "other.csv").write_text("a,c\n1,2\n")
    (folder / "empty.csv").write_text("")
    (folder / "bad").mkdir(exist_ok=True)
    (folder / "bad" / "config.json").write_text("[" * 100_000)
    for run, data, message in (
        ("run", "other.csv", "column missing"),
        ("run", "empty.csv", "empty.csv"),
        ("run", "none.csv", "none.csv"),
        ("none", "things.csv", "no run folder"),
        ("bad", "things.csv", "damaged"),
        ("things.csv", "things.csv", "no run folder"),
    ):
        code, out, err = call(capsys, folder / run, folder / data)
        assert (code, out) == (2, ""), err
        assert message in err
        assert "Traceback" not in err


def test_options_of_a_task_may_be_written_as_flags(folder, capsys):
    for words in (("--horizon", "2"), ("--horizon=2",), ("horizon=2",)):
        code, _, err = call(capsys, folder / "run", folder / "things.csv", *words)
        assert (code, "unknown option 'horizon'" in err) == (2, True)  # a table takes none
    code, _, err = call(capsys, folder / "run", folder / "things.csv", "--horizn", "2")
    assert (code, "there is no --horizn" in err) == (2, True)
