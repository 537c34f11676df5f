"""`retroprop doctor`: what it prints, what it finds, what it leaves alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retroprop.cli import main

DEEP = ("activation=sigmoid", "hidden=32,32,32,32,32,32,32,32")


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).standard_normal((300, 3))
    rows = [(a, b, c, "yes" if a + b > 0 else "no") for a, b, c in x]
    text = "\n".join(f"{a:.4f},{b:.4f},{c:.4f},{label}" for a, b, c, label in rows)
    (tmp_path / "table.csv").write_text("a,b,c,label\n" + text + "\n")
    marks = "\n".join(f"{a:.4f},{label[0]},{label}" for a, _, _, label in rows)
    (tmp_path / "leak.csv").write_text("a,mark,label\n" + marks + "\n")
    return tmp_path


def call(capsys, *arguments):
    code = main(["doctor", *arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_a_sound_training(table, capsys):
    code, out, err = call(capsys, "table.csv", "--target", "label", "--steps", "40", "hidden=16")
    assert code == 0, out
    assert "no defect found" in out
    assert "(32, 3) -> (32, 16)" in err
    assert "an epoch" in err
    assert sorted(path.name for path in table.iterdir()) == ["leak.csv", "table.csv"]


def test_a_defect_is_ranked_and_has_its_exit_code(table, capsys):
    code, out, _ = call(capsys, "leak.csv", "--target", "label", "--steps", "20", "hidden=16")
    assert code == 4
    assert "leaked_target: mark" in out
    assert "remedy: leave mark out" in out


def test_json_holds_everything(table, capsys):
    arguments = ("table.csv", *DEEP, "--target", "label", "--steps", "60", "--json", "--fix")
    code, out, _ = call(capsys, *arguments)
    answer = json.loads(out)
    assert code == answer["exit_code"] == 4
    assert set(answer) == {
        "task", "source", "findings", "defects", "layers", "cost", "watched", "fix", "exit_code",
    }  # fmt: skip
    assert "vanishing_gradient" in [finding["rule"] for finding in answer["findings"]]
    fix = answer["fix"]
    assert len(fix["trials"]) == 2
    assert fix["best"] is not None
    assert max(trial["score"] for trial in fix["trials"]) > fix["before"]["score"] + 0.2
    assert fix["command"].startswith("retroprop train table.csv --target label activation=")


def test_fix_leaves_a_run_as_it_is_and_writes_beside_it(table, capsys):
    train = ("train", "table.csv", "--target", "label", *DEEP, "epochs=2", "--out", "r", "--quiet")
    assert main(list(train)) == 0
    before = (table / "r" / "config.json").read_bytes()
    code, out, _ = call(capsys, "r", "--fix", "--steps", "60", "epochs=20")
    assert code == 4
    assert "doctor.json" in out
    assert (table / "r" / "config.json").read_bytes() == before
    better = json.loads((table / "r" / "doctor.json").read_text())
    assert better["activation"] != "sigmoid" or better["batch_norm"]


@pytest.mark.parametrize(
    "arguments", [("no.csv",), ("table.csv", "--steps", "0"), ("table.csv", "x=1")]
)
def test_wrong_usage(table, capsys, arguments):
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert "retroprop doctor:" in err


def test_a_fix_without_anything_to_try(table, capsys):
    arguments = ("leak.csv", "--target", "label", "--steps", "20", "hidden=16", "--fix")
    code, out, _ = call(capsys, *arguments)
    assert code == 4
    assert "no finding has a remedy" in out
