"""`retroprop lr-find`: what it prints, draws and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retroprop.cli import main

RNG = np.random.default_rng(0)
SIZES = RNG.uniform(30, 200, 120)
CSV = "size,age,price\n" + "\n".join(
    f"{size:.1f},{age},{3 * size - 2 * age:.1f}"
    for size, age in zip(SIZES, RNG.integers(0, 60, 120), strict=True)
)
FIND = ("lr-find", "houses.csv", "--target", "price", "hidden=16", "epochs=20", "--seeds", "2")


@pytest.fixture
def houses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "houses.csv").write_text(CSV)
    return tmp_path


def call(capsys, *arguments):
    code = main(list(arguments))
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_it_prints_four_numbers_and_draws(houses, capsys):
    code, out, err = call(capsys, *FIND, "--out", "pictures/rates.svg")
    assert code == 0, err
    numbers = dict(line.split() for line in out.splitlines())
    assert list(numbers) == ["suggestion", "low", "high", "confidence"]
    low, lr, high = (float(numbers[name]) for name in ("low", "suggestion", "high"))
    assert 1e-5 < low < lr <= high < 5
    assert "95 examples to train" in err
    picture = (houses / "pictures" / "rates.svg").read_text()
    assert picture.startswith("<svg")
    assert "is suggested" in picture
    assert sorted(path.name for path in houses.iterdir()) == ["houses.csv", "pictures"]


def test_the_json_object_has_the_documented_keys(houses, capsys):
    code, out, err = call(capsys, *FIND, "--json", "--quiet", "optimizer=sgd")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    found = json.loads(line)
    assert set(found) == {
        "task", "suggestion", "low", "high", "confidence", "seeds", "start_loss", "trials", "curve",
    }  # fmt: skip
    assert (found["task"], found["seeds"]) == ("lr-find", 2)


def test_what_cannot_be_learnt_ends_with_code_4_and_its_picture(houses, capsys):
    rows = "\n".join(f"{value:.6f},1.0" for value in RNG.standard_normal(100))
    (houses / "noise.csv").write_text("a,b\n" + rows)
    (houses / "config.json").write_text(json.dumps({"clip_grad_norm": 1e-9, "optimizer": "sgd"}))
    code, out, err = call(
        capsys, "lr-find", "houses.csv", "--target", "price", "--config", "config.json",
        "--json", "--out", "flat.svg",
    )  # fmt: skip
    assert code == 4, err
    assert "the curve is flat" in err
    assert json.loads(out)["exit_code"] == 4
    assert (houses / "flat.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lr-find", "nothing.csv"], "nothing.csv"),
        (["lr-find", "houses.csv"], "--target NAME"),
        (["lr-find", "houses.csv", "--target", "price", "epoch=3"], "epochs"),
        (["lr-find", "houses.csv", "--target", "price", "--seeds", "0"], "seeds must be"),
        (["lr-find", "houses.csv", "--target", "price", "--out", "houses.csv"], "exists"),
        (["lr-find", "houses.csv", "--target", "price", "--outt", "x"], "--out"),
    ],
)
def test_what_is_refused_is_said_in_a_line(houses, capsys, arguments, message):
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
